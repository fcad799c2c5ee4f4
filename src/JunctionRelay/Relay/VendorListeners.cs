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
    private bool _isStopped;                                        // under _lock

    private sealed record OpenPort(string Relay, VendorPorts Ports, int Port, SocketListener Listener);

    /// <summary>What is open now.</summary>
    public IReadOnlyList<(string Relay, EndPoint Address)> Addresses
    {
        get
        {
            lock (_lock) return [.. _open.Select(o => (o.Value.Relay, (EndPoint)o.Key))];
        }
    }

    /// <summary>A redirect is on its way to a client of <paramref name="relay"/>, or to a peer.</summary>
    /// <param name="name">The relay's or service's name in logs.</param>
    /// <param name="listen">Where the client connected.</param>
    /// <param name="server">The license server that was dialled.</param>
    public RedirectVerdict Redirected(
        RelayPlan relay, string name, ListenPlan listen, VendorPorts ports, ITarget server, FlexLmHello hello, FlexLmRedirect redirect)
    {
        lock (_lock)
        {
            if (_isStopped) return new RedirectVerdict(null, CloseReason.Stopping, "the junction stops");
            _followed.Add(ports);
            var learning = ports.Learn(server, hello.Vendor, redirect.Port);
            foreach (var left in learning.Left) Close(ports, left, "its daemon has moved, or another needs the room");
            if (learning.Port is not { } learnt) return new RedirectVerdict(null, CloseReason.VendorPortNotAllowed, learning.Refusal);
            if (learning.IsNew) log.VendorPortLearnt(name, hello.Vendor, redirect.Port, server.Name);
            return listen.EndPoint is IPEndPoint address && Open(relay, listen, address, ports, learnt.Port) is { } problem
                ? new RedirectVerdict(null, CloseReason.VendorPortTaken, problem)
                : new RedirectVerdict(redirect);
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

        // The same relay in all that it asks of its clients; only where they go is another.
        var vendor = relay with
        {
            LoggedAs = VendorName(relay.Name),
            Listen = [listen with { EndPoint = address }],
            Services = new ServiceTable(ports, port),
            HealthInterval = TimeSpan.Zero,
        };
        _open[address] = new OpenPort(relay.Name, ports, port, listener);
        _accepting.RemoveAll(a => a.IsCompleted);
        _accepting.Add(new AcceptLoop(listener, vendor, vendor.Listen[0], table, refusals, metrics, log, time, this).RunAsync());
        log.VendorPortOpened(relay.Name, SocketDialer.Text(address));
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
        foreach (var (address, port) in _open.Where(o => o.Value.Ports == ports && o.Value.Port == learnt.Port).ToList())
        {
            _open.Remove(address);
            _ = port.Listener.DisposeAsync().AsTask();
            log.VendorPortClosed(port.Relay, SocketDialer.Text(address), why);
        }
    }

    private static bool Overlap(IPEndPoint one, IPEndPoint other) =>
        one.Port == other.Port && (one.Address.Equals(other.Address) || IsAny(one.Address) || IsAny(other.Address));

    private static bool IsAny(IPAddress address) => address.Equals(IPAddress.Any) || address.Equals(IPAddress.IPv6Any);
}
