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
    private readonly List<Task> _accepting = [];                    // under _lock
    private IReadOnlyList<RelayPlan> _relays = [];                  // under _lock
    private bool _isStopped;                                        // under _lock

    private sealed record OpenPort(string Relay, VendorPorts Ports, int Port, SocketListener Listener, AcceptLoop Loop);

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
            return Open(relay, now, address, ports, learnt.Port) is { } problem
                ? new RedirectVerdict(null, CloseReason.VendorPortTaken, problem)
                : new RedirectVerdict(redirect);
        }
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

            foreach (var (address, port) in _open.ToList())
            {
                if (PlanOf(port.Ports, address.Address) is var (relay, listen) && !others().OfType<IPEndPoint>().Any(o => Overlap(o, address)))
                {
                    var vendor = Vendor(relay, listen, address, port.Ports);
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
    private string? Open(RelayPlan relay, ListenPlan listen, IPEndPoint beside, VendorPorts ports, int port)
    {
        var address = new IPEndPoint(beside.Address, port);
        if (_open.TryGetValue(address, out var there))
        {
            return there.Ports == ports ? null
                : $"port {port} of {beside.Address} is open for the vendor daemon of relay {there.Relay}; give the two relays an address each";
        }

        // A relay of the configuration for this very port: whoever wrote it meant it.
        if (others().OfType<IPEndPoint>().Any(o => Overlap(o, address))) return null;
        SocketListener listener;
        try
        {
            listener = SocketListener.Bind(address, relay.Socket, listen.V6Only);
        }
        catch (SocketException e)
        {
            return $"port {port} of {beside.Address} cannot be opened: {e.Message}";
        }

        var vendor = Vendor(relay, listen, address, ports);
        var loop = new AcceptLoop(listener, vendor, vendor.Listen[0], table, refusals, metrics, log, time, this);
        _open[address] = new OpenPort(relay.Name, ports, port, listener, loop);
        _accepting.RemoveAll(a => a.IsCompleted);
        _accepting.Add(loop.RunAsync());
        log.VendorPortOpened(relay.Name, SocketDialer.Text(address));
        return null;
    }

    // The same relay in all that it asks of its clients; only where they go is another.
    private static RelayPlan Vendor(RelayPlan relay, ListenPlan listen, IPEndPoint address, VendorPorts ports) => relay with
    {
        LoggedAs = VendorName(relay.Name),
        Listen = [listen with { EndPoint = address }],
        Services = new ServiceTable(ports, address.Port),
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
        foreach (var (address, port) in _open.Where(o => o.Value.Ports == ports && o.Value.Port == learnt.Port).ToList()) Close(address, port, why);
    }

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
