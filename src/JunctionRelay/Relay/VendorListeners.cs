using System.Net;
using System.Net.Sockets;
using JunctionRelay.Connections;
using JunctionRelay.Licensing;
using JunctionRelay.Routing;
using JunctionRelay.Targets;
using Microsoft.Extensions.Logging;

namespace JunctionRelay.Relay;

/// <summary>
/// Follows license servers: hears of every redirect before the client does, keeps the ports that they name, and for clients of a relay opens each on the
/// address where the client found the relay, with all that the relay asks of its clients. A port that nobody uses any more is closed.
/// </summary>
/// <param name="others">The addresses that the relays of the configuration listen on.</param>
internal sealed class VendorListeners(
    ConnectionTable table, RefusalLog refusals, RelayMetrics metrics, ILogger log, TimeProvider time, Func<IEnumerable<EndPoint>> others) : IAsyncDisposable
{
    private static readonly TimeSpan SweepInterval = TimeSpan.FromSeconds(10);

    private readonly Lock _lock = new();
    private readonly Dictionary<IPEndPoint, OpenPort> _open = [];   // under _lock
    private readonly HashSet<VendorPorts> _followed = [];           // under _lock
    private readonly HashSet<VendorPorts> _unchanged = [];          // under _lock; told that their redirects are not rewritten
    private readonly List<Task> _accepting = [];                    // under _lock
    private IReadOnlyList<RelayPlan> _relays = [];                  // under _lock
    private bool _isStopped;                                        // under _lock

    private sealed record OpenPort(string Relay, VendorPorts Ports, Behind Behind, SocketListener Listener, AcceptLoop Loop);

    /// <summary>Where connections to an open port go.</summary>
    /// <param name="Port">The daemon's own port; null where the daemon is found by its name, whatever its port.</param>
    /// <param name="Server">Its license server.</param>
    private sealed record Behind(int? Port, string Server, string Vendor);

    /// <summary>For whom a port is opened: the relay, and where its clients find it.</summary>
    private readonly record struct Door(RelayPlan Relay, ListenPlan Listen, IPAddress Address, VendorPorts Ports);

    /// <summary>The listeners of what is open.</summary>
    public IReadOnlyList<SocketListener> Listeners
    {
        get
        {
            lock (_lock) return [.. _open.Values.Select(o => o.Listener)];
        }
    }

    /// <summary>What is open now.</summary>
    public IReadOnlyList<(string Relay, EndPoint Address)> Addresses
    {
        get
        {
            lock (_lock) return [.. _open.Select(o => (o.Value.Relay, (EndPoint)o.Key))];
        }
    }

    /// <summary>A redirect is on its way to a client of a relay, or to a peer.</summary>
    /// <param name="name">The relay's or service's name in logs.</param>
    /// <param name="listen">Where the client connected.</param>
    /// <param name="server">The license server that was dialled.</param>
    public RedirectVerdict Redirected(
        string name, ListenPlan listen, VendorPorts ports, ITarget server, FlexLmHello hello, FlexLmRedirect redirect)
    {
        lock (_lock)
        {
            if (_isStopped) return new RedirectVerdict(null, CloseReason.Stopping, "the junction stops");
            _followed.Add(ports);
            var learning = ports.Learn(server, hello.Vendor, redirect.Port);
            foreach (var left in learning.Left) Close(ports, left, "its daemon has moved, or another needs the room");
            if (learning.Port is not { } learnt) return new RedirectVerdict(null, CloseReason.VendorPortNotAllowed, learning.Refusal);
            if (learning.IsNew) log.VendorPortLearnt(name, hello.Vendor, redirect.Port, server.Name);
            if (listen.EndPoint is not IPEndPoint address) return new RedirectVerdict(redirect);
            // The client may have come under a plan that runs no more.
            if (PlanOf(ports, address.Address) is not var (relay, now)) return new RedirectVerdict(null, CloseReason.VendorPortNotAllowed, "the relay is in the configuration no more");
            var door = new Door(relay, now, address.Address, ports);
            if (relay.Rewrite is { } rewrite && redirect.IsAsPublished) return Rewritten(door, rewrite, redirect, server.Name, hello.Vendor);
            if (relay.Rewrite is not null && _unchanged.Add(ports)) log.NotRewritten(name, hello.Vendor, server.Name);
            return Open(door, learnt.Port, new Behind(learnt.Port, server.Name, hello.Vendor)) is { } problem
                ? new RedirectVerdict(null, CloseReason.VendorPortTaken, problem)
                : new RedirectVerdict(redirect);
        }
    }

    private RedirectVerdict Rewritten(Door door, RedirectRewrite rewrite, FlexLmRedirect redirect, string server, string vendor)
    {
        var (port, problem) = rewrite.Ports is var (first, last)
            ? OpenOneOf(door, first, last, new Behind(null, server, vendor))
            : (redirect.Port, Open(door, redirect.Port, new Behind(redirect.Port, server, vendor)));
        return problem is null
            ? new RedirectVerdict(redirect with { Host = rewrite.Host ?? redirect.Host, Port = port })
            : new RedirectVerdict(null, CloseReason.VendorPortTaken, problem);
    }

    // A daemon keeps the port that it was given here, wherever it goes itself.
    private (int Port, string? Problem) OpenOneOf(Door door, int first, int last, Behind daemon)
    {
        foreach (var (address, there) in _open)
        {
            if (there.Ports == door.Ports && there.Behind == daemon && address.Address.Equals(door.Address) && address.Port >= first && address.Port <= last) return (address.Port, null);
        }

        string? problem = null;
        for (var port = first; port <= last; port++)
        {
            if ((problem = Open(door, port, daemon)) is null) return (port, null);
        }

        return (0, $"rewritePort has no port left for vendor daemon {daemon.Vendor}: {problem}");
    }

    /// <summary>Another plan runs. What is open serves it from the next connection on; what it has no relay for, or a relay of its own, is closed.</summary>
    public void Serve(IReadOnlyList<RelayPlan> relays)
    {
        lock (_lock)
        {
            _relays = relays;
            foreach (var ports in _followed)
            {
                var servers = relays.SelectMany(r => r.Services.ServersOf(ports)).ToHashSet();
                foreach (var left in ports.Keep(servers)) Close(ports, left, "its license server is in the configuration no more");
            }

            _followed.RemoveWhere(p => !relays.Any(r => r.Services.Ports.Values.Contains(p)));
            _unchanged.IntersectWith(_followed);

            foreach (var (address, port) in _open.ToList())
            {
                if (PlanOf(port.Ports, address.Address) is var (relay, listen) && !others().OfType<IPEndPoint>().Any(o => Overlap(o, address)))
                {
                    var vendor = Vendor(relay, listen, address, port.Ports, port.Behind);
                    port.Loop.Serve(vendor, vendor.Listen[0]);
                    continue;
                }

                Close(address, port, "the configuration has changed");
            }
        }
    }

    /// <summary>A conversation is passed on without being followed any further; told once until a redirect is followed again.</summary>
    public void Lost(string name, VendorPorts ports, ConnectionId id, string why)
    {
        if (ports.Lost()) log.NotFollowed(name, id, why);
    }

    /// <summary>Closes what nobody uses, now and then, until cancelled.</summary>
    public async Task SweepAsync(CancellationToken cancellationToken)
    {
        using var timer = new PeriodicTimer(SweepInterval, time);
        try
        {
            while (await timer.WaitForNextTickAsync(cancellationToken)) Sweep();
        }
        catch (OperationCanceledException)
        {
            // Told to stop.
        }
    }

    /// <summary>Closes every port; the connections that came through them go on.</summary>
    public async ValueTask DisposeAsync()
    {
        Task[] accepting;
        lock (_lock)
        {
            _isStopped = true;
            foreach (var (_, port) in _open) _ = port.Listener.DisposeAsync().AsTask();
            _open.Clear();
            accepting = [.. _accepting];
        }

        await Task.WhenAll(accepting);
    }

    // Null when it is open; else what is in the way.
    private string? Open(Door door, int port, Behind behind)
    {
        var address = new IPEndPoint(door.Address, port);
        if (_open.TryGetValue(address, out var there))
        {
            // A port of its own number leads to whoever is behind that number now, one that was given to a daemon to that daemon.
            return there.Ports == door.Ports && there.Behind.Port == behind.Port && (behind.Port is not null || there.Behind == behind) ? null
                : $"port {port} of {door.Address} is open for the vendor daemon of relay {there.Relay}; give the two relays an address each, or rewritePort";
        }

        // A relay of the configuration for this very port: whoever wrote it meant it.
        if (others().OfType<IPEndPoint>().Any(o => Overlap(o, address)))
            return behind.Port is null ? $"port {port} of {door.Address} is a relay's" : null;
        SocketListener listener;
        try
        {
            listener = SocketListener.Bind(address, door.Relay.Socket, door.Listen.V6Only);
        }
        catch (SocketException e)
        {
            return $"port {port} of {door.Address} cannot be opened: {e.Message}";
        }

        var vendor = Vendor(door.Relay, door.Listen, address, door.Ports, behind);
        var loop = new AcceptLoop(listener, vendor, vendor.Listen[0], table, refusals, metrics, log, time, this);
        _open[address] = new OpenPort(door.Relay.Name, door.Ports, behind, listener, loop);
        _accepting.RemoveAll(a => a.IsCompleted);
        _accepting.Add(loop.RunAsync());
        log.VendorPortOpened(door.Relay.Name, SocketDialer.Text(address));
        return null;
    }

    // The same relay in all that it asks of its clients; only where they go is another.
    private static RelayPlan Vendor(RelayPlan relay, ListenPlan listen, IPEndPoint address, VendorPorts ports, Behind behind) => relay with
    {
        LoggedAs = VendorName(relay.Name),
        Listen = [listen with { EndPoint = address }],
        Services = new ServiceTable(ports, behind.Port is { } own ? () => ports.Find(own) : () => ports.Find(behind.Server, behind.Vendor)),
        HealthInterval = TimeSpan.Zero,
    };

    // The relay of the plan that runs whose license server is followed with these ports, and its listener at this address.
    private (RelayPlan Relay, ListenPlan Listen)? PlanOf(VendorPorts ports, IPAddress address)
    {
        foreach (var relay in _relays.Where(r => r.Services.Ports.Values.Contains(ports)))
        {
            if (relay.Listen.FirstOrDefault(l => l.EndPoint is IPEndPoint at && at.Address.Equals(address)) is { } listen) return (relay, listen);
        }

        return null;
    }

    /// <summary>What connections to a vendor daemon are counted and logged under.</summary>
    public static string VendorName(string relay) => $"{relay}/vendor";

    /// <summary>The relay or service behind <see cref="VendorName"/>.</summary>
    public static string RelayOf(string vendorName) => vendorName.EndsWith(VendorName(""), StringComparison.Ordinal) ? vendorName[..^VendorName("").Length] : vendorName;

    private void Sweep()
    {
        lock (_lock)
        {
            foreach (var ports in _followed)
            {
                foreach (var port in ports.Expire()) Close(ports, port, "nobody uses it");
            }
        }
    }

    private void Close(VendorPorts ports, LearntPort learnt, string why)
    {
        foreach (var (address, port) in _open.Where(o => o.Value.Ports == ports && IsClosedBy(o.Value, learnt)).ToList()) Close(address, port, why);
    }

    private static bool IsClosedBy(OpenPort open, LearntPort left) =>
        open.Behind.Port is { } port ? port == left.Port : !open.Ports.Knows(open.Behind.Server, open.Behind.Vendor);

    private void Close(IPEndPoint address, OpenPort port, string why)
    {
        _open.Remove(address);
        _ = port.Listener.DisposeAsync().AsTask();
        log.VendorPortClosed(port.Relay, SocketDialer.Text(address), why);
    }

    private static bool Overlap(IPEndPoint one, IPEndPoint other) =>
        one.Port == other.Port && (one.Address.Equals(other.Address) || IsAny(one.Address) || IsAny(other.Address));

    private static bool IsAny(IPAddress address) => address.Equals(IPAddress.Any) || address.Equals(IPAddress.IPv6Any);
}
