using JunctionRelay.Connections;
using JunctionRelay.Greetings;
using JunctionRelay.Links;
using JunctionRelay.Targets;

namespace JunctionRelay.Routing;

/// <summary>Where a connection goes, or why nowhere.</summary>
/// <param name="Targets">Who serves it; null when nobody does.</param>
/// <param name="Reason">Why; meaningless when <paramref name="Targets"/> is set.</param>
/// <param name="Detail">For people.</param>
internal readonly record struct Route(TargetList? Targets, CloseReason Reason = default, string Detail = "");

/// <summary>Stage 6, Route: from a relay, or the service that a peer asks for, to the targets that serve it.</summary>
internal sealed class ServiceTable
{
    private readonly TargetList? _relay;
    private readonly IReadOnlyDictionary<string, TargetList> _services;

    /// <summary>Of a relay: everything goes to its own targets.</summary>
    public ServiceTable(TargetList relay) => (_relay, _services) = (relay, new Dictionary<string, TargetList>());

    /// <summary>Of the links: each service has its targets.</summary>
    public ServiceTable(IReadOnlyDictionary<string, TargetList> services) => _services = services;

    /// <summary>All lists, to be probed.</summary>
    public IEnumerable<TargetList> All => _relay is null ? _services.Values : [_relay];

    /// <summary>The services by name; empty for a relay.</summary>
    public IReadOnlyDictionary<string, TargetList> Services => _services;

    /// <summary>Where a connection with <paramref name="greeting"/> goes. <paramref name="mayUse"/>: the services that its client may use, where it did not name one.</summary>
    public Route Find(Greeting greeting, Func<string, bool> mayUse)
    {
        if (greeting.Service == LinkOpen.AnyService && _relay is null) return Open(mayUse);
        if ((_relay ?? _services.GetValueOrDefault(greeting.Service ?? "")) is not { } targets)
            return new Route(null, CloseReason.NoSuchService, $"there is no service \"{greeting.Service}\" here");
        return greeting.Destination is null || targets.TakesDestination
            ? new Route(targets)
            : new Route(null, CloseReason.NotPermitted, "the client names a destination, and this place has one of its own");
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
