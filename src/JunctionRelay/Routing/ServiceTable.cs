using JunctionRelay.Connections;
using JunctionRelay.Greetings;
using JunctionRelay.Links;
using JunctionRelay.Targets;

namespace JunctionRelay.Routing;

/// <summary>Where a connection goes, or why nowhere.</summary>
/// <param name="Targets">Who serves it; null when nobody does.</param>
/// <param name="Reason">Why; meaningless when <paramref name="Targets"/> is set.</param>
/// <param name="Detail">For people.</param>
internal readonly record struct Route(TargetList? Targets, CloseReason Reason = default, string Detail = "")
{
    /// <summary>Where the vendor ports are kept that its license servers name; null where no license protocol is followed.</summary>
    public VendorPorts? Ports { get; init; }

    /// <summary>It goes to a vendor daemon, not to the license server itself.</summary>
    public bool IsVendor { get; init; }
}

/// <summary>Stage 6, Route: from a relay, or the service that a peer asks for, to the targets that serve it.</summary>
internal sealed class ServiceTable
{
    private readonly TargetList? _relay;
    private readonly IReadOnlyDictionary<string, TargetList> _services;
    private readonly IReadOnlyDictionary<string, VendorPorts> _ports;
    private readonly Func<TargetList?>? _daemon;

    /// <summary>Of a relay: everything goes to its own targets. <paramref name="ports"/>: those of its license servers' daemons, where it follows them.</summary>
    public ServiceTable(TargetList relay, VendorPorts? ports = null) :
        this(new Dictionary<string, TargetList>(), ports is null ? null : new Dictionary<string, VendorPorts> { [""] = ports }) => _relay = relay;

    /// <summary>Of the links: each service has its targets, and those that follow license servers the ports of their daemons.</summary>
    public ServiceTable(IReadOnlyDictionary<string, TargetList> services, IReadOnlyDictionary<string, VendorPorts>? ports = null) =>
        (_services, _ports) = (services, ports ?? new Dictionary<string, VendorPorts>());

    /// <summary>Of a vendor port that was learnt: everything goes to the <paramref name="daemon"/>, for as long as it is there.</summary>
    public ServiceTable(VendorPorts ports, Func<TargetList?> daemon) :
        this(new Dictionary<string, TargetList>(), new Dictionary<string, VendorPorts> { [""] = ports }) => _daemon = daemon;

    /// <summary>All lists, to be probed.</summary>
    public IEnumerable<TargetList> All => _relay is null ? _services.Values : [_relay];

    /// <summary>Where vendor ports are kept, by the service's name; of a relay under the empty name.</summary>
    public IReadOnlyDictionary<string, VendorPorts> Ports => _ports;

    /// <summary>The names of the license servers that may name ports which are kept in <paramref name="ports"/>; none when another table keeps them.</summary>
    public IEnumerable<string> ServersOf(VendorPorts ports) =>
        from kept in _ports
        where kept.Value == ports
        from target in (_relay ?? _services.GetValueOrDefault(kept.Key))?.Targets ?? []
        select target.Target.Name;

    /// <summary>The services by name; empty for a relay.</summary>
    public IReadOnlyDictionary<string, TargetList> Services => _services;

    /// <summary>The services that are paused by the configuration.</summary>
    public IReadOnlySet<string> Paused { get; init; } = new HashSet<string>();

    /// <summary>Where a connection with <paramref name="greeting"/> goes. <paramref name="mayUse"/>: the services that its client may use, where it did not name one.</summary>
    public Route Find(Greeting greeting, Func<string, bool> mayUse)
    {
        if (greeting.Service == LinkOpen.AnyService && _relay is null) return Open(mayUse);
        var ports = _ports.GetValueOrDefault(greeting.Service ?? "");
        if (_daemon is not null) return Vendor(ports, _daemon(), "");
        if (greeting.VendorPort is { } port) return Vendor(ports, ports?.Find(port), greeting.Service);
        if ((_relay ?? _services.GetValueOrDefault(greeting.Service ?? "")) is not { } targets)
            return new Route(null, CloseReason.NoSuchService, $"there is no service \"{greeting.Service}\" here");
        return greeting.Destination is null || targets.TakesDestination
            ? new Route(targets) { Ports = ports }
            : new Route(null, CloseReason.NotPermitted, "the client names a destination, and this place has one of its own");
    }

    // Only what a redirect of this very service has named: a peer is told of no other port, open or not.
    private static Route Vendor(VendorPorts? ports, TargetList? daemon, string? service)
    {
        if (daemon is not null) return new Route(daemon) { Ports = ports, IsVendor = true };
        return new Route(null, CloseReason.VendorPortNotAllowed, ports is null
            ? $"the service \"{service}\" follows no license protocol; add \"protocol\": \"flexlm\" to it"
            : $"no redirect has named that vendor port, or nobody has used it for {VendorPorts.Linger.TotalMinutes:0} minutes");
    }

    // All that the lists of these services permit together.
    private Route Open(Func<string, bool> mayUse)
    {
        var lists = _services.Where(s => mayUse(s.Key)).Select(s => s.Value.Targets).Where(t => t is [{ Target: OpenTarget }]).Select(t => (OpenTarget)t[0].Target).ToList();
        return lists.Count == 0
            ? new Route(null, CloseReason.NotPermitted, "no service with an open list may be used by this peer")
            : new Route(new TargetList([new TargetHealth(lists[0].With(lists.Skip(1)), probed: false)], Balance.Failover, TimeSpan.Zero, TimeProvider.System));
    }
}
