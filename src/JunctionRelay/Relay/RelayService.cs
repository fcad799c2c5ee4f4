using System.Net;
using System.Net.Sockets;
using JunctionRelay.Connections;
using JunctionRelay.Greetings;
using JunctionRelay.Links;
using JunctionRelay.Policies;
using JunctionRelay.Targets;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace JunctionRelay.Relay;

/// <summary>An address of the plan could not be listened on.</summary>
internal sealed class ListenException(string key, EndPoint address, SocketException inner) : Exception(
    $"{key}: cannot listen on {SocketDialer.Text(address)}: {inner.Message}{Remedy(address, inner.SocketErrorCode)}", inner)
{
    private static string Remedy(EndPoint address, SocketError error) => error switch
    {
        SocketError.AddressAlreadyInUse when address is UnixDomainSocketEndPoint => ". Another process listens there, or it is a file that is no socket",
        SocketError.AddressNotAvailable when address is UnixDomainSocketEndPoint => ". Its directory does not exist",
        SocketError.AddressAlreadyInUse => ". Find who holds it with `ss -ltnp`, or choose another port",
        SocketError.AccessDenied => ". Ports below 1024 need CAP_NET_BIND_SERVICE; a unix socket needs a writable directory",
        SocketError.AddressNotAvailable => ". No interface of this machine has that address",
        _ => "",
    };
}

/// <summary>Where a junction is in its life.</summary>
internal enum ServiceState
{
    /// <summary>Not all addresses are listened on yet.</summary>
    Starting,
    Running,
    /// <summary>Told to stop; the connections that are there go on.</summary>
    Draining,
}

/// <summary>
/// Runs the relays of a plan: binds every address before the first connection is taken, probes the targets, and on stop closes the listeners,
/// drains, and insists.
/// </summary>
internal sealed class RelayService : IHostedService, IAsyncDisposable
{
    private static readonly TimeSpan ProgressInterval = TimeSpan.FromSeconds(5);

    private readonly IReadOnlyList<RelayPlan> _relays;
    private readonly TimeSpan _drainTimeout;
    private readonly ILogger _log;
    private readonly TimeProvider _time;
    private readonly (RelayPlan Plan, ConnectionListener Listener)? _peers;
    private readonly RefusalLog _refusals;
    private readonly RelayMetrics _metrics = new();
    private readonly VendorListeners _vendors;
    private readonly TargetMetrics _targetMetrics;
    private readonly CancellationTokenSource _background = new();
    private readonly CancellationTokenSource _insist = new();
    private readonly List<(RelayPlan Relay, ConnectionListener Listener)> _listeners = [];
    private readonly List<Task> _accepting = [];
    private readonly List<Task> _running = [];
    private readonly Lock _following = new();

    /// <param name="peers">The streams that peers open, and how they are relayed; null without links.</param>
    public RelayService(
        IReadOnlyList<RelayPlan> relays, TimeSpan drainTimeout, ILogger<RelayService> log, TimeProvider time, (RelayPlan Plan, ConnectionListener Listener)? peers = null)
    {
        (_relays, _drainTimeout, _log, _time, _peers) = (relays, drainTimeout, log, time, peers);
        _refusals = new RefusalLog(log, time);
        Connections = new ConnectionTable(time);
        _vendors = new VendorListeners(Connections, _refusals, _metrics, log, time, () => _listeners.Select(l => l.Listener.EndPoint));
        _targetMetrics = new TargetMetrics(RelayMetrics.MeterName, () => Plans.SelectMany(p => p.Services.All).SelectMany(t => t.Targets));
    }

    /// <summary>What is being relayed now.</summary>
    public ConnectionTable Connections { get; }

    /// <summary>Sockets that listen already, for addresses of the plan.</summary>
    public InheritedSockets? Inherited { get; init; }

    public ServiceState State { get; private set; }

    /// <summary>The vendor ports that are open now, by the relay whose license server named them.</summary>
    public IReadOnlyList<(string Relay, EndPoint Address)> VendorPorts => _vendors.Addresses;

    /// <summary>What each relay and service has done.</summary>
    public RelayMetrics Metrics => _metrics;

    /// <summary>Where each relay really listens, also where the plan asked for port 0.</summary>
    public IEnumerable<(string Relay, EndPoint Address)> Addresses => _listeners.Where(l => l.Listener != _peers?.Listener).Select(l => (l.Relay.Name, l.Listener.EndPoint));

    /// <summary>The listeners of relays that other junctions keep for us.</summary>
    public IEnumerable<(string Relay, RemoteListener Listener)> RemoteListeners =>
        _listeners.Where(l => l.Listener is RemoteListener).Select(l => (l.Relay.Name, (RemoteListener)l.Listener));

    /// <exception cref="ListenException">An address is taken, not ours, or not permitted; nothing was accepted on any other.</exception>
    public Task StartAsync(CancellationToken cancellationToken)
    {
        // There from the start, at zero: who watches a number wants to see it begin.
        foreach (var name in _relays.Select(r => r.Name).Concat(_peers?.Plan.Services.Services.Keys.Select(s => $"service/{s}") ?? [])) _metrics.Of(name);
        foreach (var name in FollowedNames) _metrics.Of(VendorListeners.VendorName(name));
        var loops = new List<AcceptLoop>();
        foreach (var relay in _relays)
        {
            foreach (var listen in relay.Listen)
            {
                var listener = Bind(relay, listen);
                _listeners.Add((relay, listener));
                loops.Add(new AcceptLoop(listener, relay, listen, Connections, _refusals, _metrics, _log, _time, _vendors));
                _log.RelayListening(relay.Name, (listen.Scheme.Length == 0 ? "" : $"{listen.Scheme}://") + SocketDialer.Text(listener.EndPoint));
            }
        }

        if (_peers is var (plan, streams))
        {
            _listeners.Add((plan, streams));
            loops.Add(new AcceptLoop(streams, plan, new ListenPlan(streams.EndPoint) { Greeter = new LinkStreamGreeter() }, Connections, _refusals, _metrics, _log, _time, _vendors));
            Watch(plan);
        }

        foreach (var loop in loops) _accepting.Add(loop.RunAsync());
        foreach (var relay in _relays) Watch(relay);
        Connections.Most = DescriptorLimit.MostConnections(_relays.Count(r => r.Services.Ports.Count > 0) * Routing.VendorPorts.MostPorts);
        _running.Add(Connections.SweepAsync(_background.Token));
        _running.Add(_vendors.SweepAsync(_background.Token));
        State = ServiceState.Running;
        _log.Ready(_relays.Count, Addresses.Count());
        return Task.CompletedTask;
    }

    /// <summary>Cuts a drain short: what is still there is reset at once.</summary>
    public void StopNow() => _insist.Cancel();

    /// <summary>Closes the listeners, then waits for the connections to end by themselves until the drain timeout or <paramref name="cancellationToken"/>; cuts the rest.</summary>
    public async Task StopAsync(CancellationToken cancellationToken)
    {
        State = ServiceState.Draining;
        foreach (var (_, listener) in _listeners) await listener.DisposeAsync();
        await _vendors.DisposeAsync();
        // A client that was taken at the last moment is in the table now, where the drain and the cut find it.
        await Task.WhenAll(_accepting);
        var before = Connections.Count;
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, _insist.Token);
        limit.CancelAfter(_drainTimeout);
        var empty = Connections.WhenEmptyAsync();
        while (!empty.IsCompleted && !limit.IsCancellationRequested)
        {
            _log.Draining(Connections.Count);
            await Task.WhenAny(empty, DelayAsync(ProgressInterval, limit.Token));
        }

        var aborted = Connections.AbortAll(CloseReason.Stopping);
        await empty;
        await _background.CancelAsync();
        await Task.WhenAll(_running);
        _log.Stopped(before - aborted, aborted);
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var (_, listener) in _listeners) await listener.DisposeAsync();
        await _vendors.DisposeAsync();
        _background.Dispose();
        _insist.Dispose();
        _metrics.Dispose();
        _targetMetrics.Dispose();
    }

    // Relays and services whose license servers are followed.
    private IEnumerable<string> FollowedNames =>
        _relays.Where(r => r.Services.Ports.Count > 0).Select(r => r.Name).Concat(_peers?.Plan.Services.Ports.Keys.Select(s => $"service/{s}") ?? []);

    private IEnumerable<RelayPlan> Plans => _peers is var (peers, _) ? _relays.Append(peers) : _relays;

    private ConnectionListener Bind(RelayPlan relay, ListenPlan listen)
    {
        if (listen.Open is { } open) return open();
        try
        {
            return SocketListener.Bind(listen.EndPoint, relay.Socket, listen.V6Only, Inherited);
        }
        catch (SocketException e)
        {
            throw new ListenException($"relays.{relay.Name}.listen", listen.EndPoint, e);
        }
    }

    // Probes each target, and lets the relay's ports listen only while one of them is up.
    private void Watch(RelayPlan relay)
    {
        if (relay.HealthInterval == TimeSpan.Zero) return;
        foreach (var targets in relay.Services.All)
        {
            foreach (var health in targets.Targets.Where(t => t.IsProbed))
            {
                health.Changed += h => Follow(relay, targets, h);
                _running.Add(new HealthProber(health, relay.HealthInterval, _time).RunAsync(_background.Token));
            }
        }
    }

    private void Follow(RelayPlan relay, TargetList targets, TargetHealth changed)
    {
        if (changed.IsUp) _log.TargetUp(relay.Name, changed.Target.Name);
        else _log.TargetDown(relay.Name, changed.Target.Name, changed.Detail);
        bool takes, turned = false;
        // Streams of peers are refused one by one: other services of ours may be up.
        if (relay == _peers?.Plan) return;
        lock (_following)
        {
            // Two targets may change at once: what is decided is applied before the next one decides.
            takes = targets.TakesConnections;
            foreach (var (_, listener) in _listeners.Where(l => ReferenceEquals(l.Relay, relay))) turned |= listener.Listen(takes);
        }

        if (!turned) return;
        if (takes) _log.RelayUp(relay.Name);
        else _log.RelayDown(relay.Name, changed.Detail);
    }

    private static async Task DelayAsync(TimeSpan time, CancellationToken cancellationToken)
    {
        try
        {
            await Task.Delay(time, cancellationToken);
        }
        catch (OperationCanceledException)
        {
            // The wait is over either way.
        }
    }
}
