using System.Net;
using JunctionRelay.Connections;
using JunctionRelay.Greetings;
using JunctionRelay.Links;
using JunctionRelay.Policies;
using JunctionRelay.Routing;
using JunctionRelay.Targets;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace JunctionRelay.Relay;

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
/// Runs the relays of a plan: binds every address before the first connection is taken, probes the targets, takes the next plan without losing a connection, and
/// on stop closes the listeners, drains, and insists.
/// </summary>
internal sealed class RelayService : IHostedService, IAsyncDisposable
{
    /// <summary>How often a drain says how many are left: when that has changed, and when it has not.</summary>
    private static readonly TimeSpan ProgressInterval = TimeSpan.FromSeconds(5), LongestProgressInterval = TimeSpan.FromMinutes(5);

    private readonly ILogger _log;
    private readonly TimeProvider _time;
    private readonly RefusalLog _refusals;
    private readonly RelayMetrics _metrics = new();
    private readonly VendorListeners _vendors;
    private readonly TargetMetrics _targetMetrics;
    private readonly SeatMetrics _seatMetrics;
    private readonly CancellationTokenSource _background = new();
    private readonly CancellationTokenSource _insist = new();
    private readonly RelayListeners _listeners;
    private readonly TargetWatch _watch;
    private readonly ConnectionListener? _streams;
    private readonly SemaphoreSlim _changing = new(1);
    private readonly Lock _following = new();
    private volatile Plans _plans;
    private AcceptLoop? _peers;
    private Task _acceptingPeers = Task.CompletedTask;
    private Task _sweeping = Task.CompletedTask;
    private Task _expiring = Task.CompletedTask;

    private sealed record Plans(IReadOnlyList<RelayPlan> Relays, TimeSpan DrainTimeout, RelayPlan? Peers)
    {
        public IReadOnlyList<RelayPlan> All { get; } = Peers is null ? Relays : [.. Relays, Peers];
    }

    /// <param name="peers">The streams that peers open, and how they are relayed: no plan while there are no links.</param>
    public RelayService(
        IReadOnlyList<RelayPlan> relays, TimeSpan drainTimeout, ILogger<RelayService> log, TimeProvider time, (RelayPlan? Plan, ConnectionListener Listener)? peers = null)
    {
        (_plans, _log, _time, _streams) = (new Plans(relays, drainTimeout, peers?.Plan), log, time, peers?.Listener);
        _refusals = new RefusalLog(log, time);
        Connections = new ConnectionTable(time);
        _vendors = new VendorListeners(Connections, _refusals, _metrics, log, time, () => _listeners!.Loops.Select(l => l.Listener.EndPoint));
        _listeners = new RelayListeners(Loop, () => Inherited, () => _vendors.Listeners);
        _watch = new TargetWatch(OnTargetChanged, time);
        _seatMetrics = new SeatMetrics(RelayMetrics.MeterName, () => Connections.Seats);
        _targetMetrics = new TargetMetrics(RelayMetrics.MeterName, () => _plans.All.SelectMany(p => p.Services.All).SelectMany(t => t.Targets));
    }

    /// <summary>What is being relayed now.</summary>
    public ConnectionTable Connections { get; }

    /// <summary>The services that are paused for now.</summary>
    public PausedServices Paused { get; } = new();

    /// <summary>Sockets that listen already, for addresses of the plan.</summary>
    public InheritedSockets? Inherited { get; init; }

    /// <summary>What the process whose place we take has learnt from license servers.</summary>
    public IReadOnlyList<LearntVendor> KnownVendors { get; init; } = [];

    /// <summary>What license servers have named.</summary>
    public IReadOnlyList<LearntVendor> LearntVendors => _vendors.Learnt;

    /// <summary>Where clients are awaited.</summary>
    public IEnumerable<SocketListener> Listeners => _listeners.Loops.Select(l => (SocketListener)l.Listener).Concat(_vendors.Listeners);

    public ServiceState State { get; private set; }

    /// <summary>The vendor ports that are open now, by the relay whose license server named them.</summary>
    public IReadOnlyList<(string Relay, EndPoint Address)> VendorPorts => _vendors.Addresses;

    /// <summary>What each relay and service has done.</summary>
    public RelayMetrics Metrics => _metrics;

    /// <summary>No new stream of a peer gets the service; those that are there go on, or end where <paramref name="end"/>. Returns how many were ended.</summary>
    public int Pause(string service, bool end)
    {
        Paused.Pause(service);
        var (name, vendor) = ($"service/{service}", VendorListeners.VendorName($"service/{service}"));
        var ended = end ? Connections.AbortWhere(c => c.Relay == name || c.Relay == vendor, CloseReason.NotPermitted) : 0;
        _log.ServicePaused(service, ended);
        return ended;
    }

    /// <summary>The service goes on. False where it was not paused.</summary>
    public bool Resume(string service)
    {
        if (!Paused.Resume(service)) return false;
        _log.ServiceResumed(service);
        return true;
    }

    /// <summary>Where each relay really listens, also where the plan asked for port 0.</summary>
    public IEnumerable<(string Relay, EndPoint Address)> Addresses => _listeners.Loops.Select(l => (l.Relay.Name, l.Listener.EndPoint));

    /// <summary>The listeners of relays that other junctions keep for us.</summary>
    public IEnumerable<(string Relay, RemoteListener Listener)> RemoteListeners =>
        _listeners.Loops.Where(l => l.Listener is RemoteListener).Select(l => (l.Relay.Name, (RemoteListener)l.Listener));

    /// <summary>A plan that was prepared. Disposed without being committed, it leaves everything as it was.</summary>
    public sealed class Change(IReadOnlyList<RelayPlan> relays, TimeSpan drainTimeout, RelayPlan? peers, RelayListeners.Change listeners) : IAsyncDisposable
    {
        public IReadOnlyList<RelayPlan> Relays => relays;
        public TimeSpan DrainTimeout => drainTimeout;
        public RelayPlan? Peers => peers;
        public RelayListeners.Change Listeners => listeners;
        public ValueTask DisposeAsync() => listeners.DisposeAsync();
    }

    /// <exception cref="ListenException">An address is taken, not ours, or not permitted; nothing was accepted on any other.</exception>
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        await using var first = await PrepareAsync(_plans.Relays, _plans.DrainTimeout, _plans.Peers);
        _sweeping = Connections.SweepAsync(_background.Token);
        _expiring = _vendors.SweepAsync(_background.Token);
        await CommitAsync(first);
        foreach (var vendor in KnownVendors) _vendors.Restore(vendor, Inherited);
        State = ServiceState.Running;
        _log.Ready(_plans.Relays.Count, Addresses.Count());
    }

    /// <summary>Binds what another plan listens on and this one does not.</summary>
    /// <exception cref="ListenException">An address is taken, not ours, or not permitted; nothing has changed.</exception>
    public async Task<Change> PrepareAsync(IReadOnlyList<RelayPlan> relays, TimeSpan drainTimeout, RelayPlan? peers) =>
        new(relays, drainTimeout, peers, await _listeners.PrepareAsync(relays));

    /// <summary>Puts a plan in force: for every connection from now on, while those that are there keep theirs. False while draining.</summary>
    public async Task<bool> CommitAsync(Change next)
    {
        await _changing.WaitAsync();
        try
        {
            if (State == ServiceState.Draining) return false;
            // There from the start, at zero: who watches a number wants to see it begin.
            foreach (var name in next.Relays.Select(r => r.Name).Concat(next.Peers?.Services.Services.Keys.Select(s => $"service/{s}") ?? [])) _metrics.Of(name);
            foreach (var name in Followed(next)) _metrics.Of(VendorListeners.VendorName(name));
            _plans = new Plans(next.Relays, next.DrainTimeout, next.Peers);
            ServePeers(next.Peers);
            foreach (var added in await _listeners.CommitAsync(next.Listeners)) _log.RelayListening(added.Relay.Name, Text(added));
            _vendors.Serve(_plans.All);
            foreach (var left in next.Listeners.Leaving) _log.RelayLeft(left.Relay.Name, Text(left));
            await _watch.WatchAsync(_plans.All);
            // What came or went down meanwhile was told to listeners that were not there.
            foreach (var relay in next.Relays) Follow(relay, relay.Services.All.SelectMany(t => t.Targets).FirstOrDefault(t => !t.IsUp)?.Detail ?? "");
            Connections.Most = DescriptorLimit.MostConnections(next.Relays.Count(r => r.Services.Ports.Count > 0) * Routing.VendorPorts.MostPorts);
            return true;
        }
        finally
        {
            _changing.Release();
        }
    }

    /// <summary>The process that was to take our place has gone: ports listen as our own targets' health wants it.</summary>
    public void TakeBack()
    {
        foreach (var listener in Listeners) listener.TakeBack();
        foreach (var relay in _plans.Relays) Follow(relay, relay.Services.All.SelectMany(t => t.Targets).FirstOrDefault(t => !t.IsUp)?.Detail ?? "");
    }

    /// <summary>Cuts a drain short: what is still there is reset at once.</summary>
    public void StopNow() => _insist.Cancel();

    /// <summary>Closes the listeners, then waits for the connections to end by themselves until the drain timeout or <paramref name="cancellationToken"/>; cuts the rest.</summary>
    public async Task StopAsync(CancellationToken cancellationToken)
    {
        await _changing.WaitAsync(CancellationToken.None);
        State = ServiceState.Draining;
        _changing.Release();
        // A client that was taken at the last moment is in the table now, where the drain and the cut find it.
        await StopAcceptingAsync();
        var before = Connections.Count;
        using var timeout = new CancellationTokenSource(_plans.DrainTimeout, _time);
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, _insist.Token, timeout.Token);
        var empty = Connections.WhenEmptyAsync();
        var (told, toldAt) = (-1, 0L);
        while (!empty.IsCompleted && !limit.IsCancellationRequested)
        {
            // A drain may take hours in which nothing happens.
            if (Connections.Count != told || _time.GetElapsedTime(toldAt) >= LongestProgressInterval)
            {
                (told, toldAt) = (Connections.Count, _time.GetTimestamp());
                _log.Draining(told);
            }

            await Task.WhenAny(empty, DelayAsync(ProgressInterval, limit.Token));
        }

        var aborted = Connections.AbortAll(CloseReason.Stopping);
        await empty;
        await _background.CancelAsync();
        await _watch.StopAsync();
        await Task.WhenAll(_sweeping, _expiring);
        _log.Stopped(before - aborted, aborted);
    }

    public async ValueTask DisposeAsync()
    {
        await StopAcceptingAsync();
        _background.Dispose();
        _insist.Dispose();
        _changing.Dispose();
        _metrics.Dispose();
        _targetMetrics.Dispose();
        _seatMetrics.Dispose();
    }

    // Relays and services whose license servers are followed.
    private static IEnumerable<string> Followed(Change plan) =>
        plan.Relays.Where(r => r.Services.Ports.Count > 0).Select(r => r.Name).Concat(plan.Peers?.Services.Ports.Keys.Select(s => $"service/{s}") ?? []);

    private AcceptLoop Loop(ConnectionListener listener, RelayPlan relay, ListenPlan listen) =>
        new(listener, relay, listen, Connections, _refusals, _metrics, _log, _time, _vendors, Paused);

    private static string Text(AcceptLoop loop) => (loop.Listen.Scheme.Length == 0 ? "" : $"{loop.Listen.Scheme}://") + SocketDialer.Text(loop.Listener.EndPoint);

    // The streams of peers come from one listener for as long as the junction runs.
    private void ServePeers(RelayPlan? plan)
    {
        if (_streams is null) return;
        _streams.Listen(plan is not null);
        if (plan is null) return;
        var listen = new ListenPlan(_streams.EndPoint) { Greeter = new LinkStreamGreeter() };
        if (_peers is not null)
        {
            _peers.Serve(plan, listen);
            return;
        }

        _peers = Loop(_streams, plan, listen);
        _acceptingPeers = _peers.RunAsync();
    }

    private async Task StopAcceptingAsync()
    {
        if (_streams is not null) await _streams.DisposeAsync();
        await _listeners.DisposeAsync();
        await _vendors.DisposeAsync();
        await _acceptingPeers;
    }

    private void OnTargetChanged(RelayPlan relay, TargetList targets, TargetHealth changed)
    {
        if (changed.IsUp) _log.TargetUp(relay.Name, changed.Target.Name);
        else _log.TargetDown(relay.Name, changed.Target.Name, changed.Detail);
        // Streams of peers are refused one by one: other services of ours may be up.
        if (relay == _plans.Peers) return;
        Follow(relay, changed.Detail);
    }

    // The relay's ports listen only while a connection has a chance.
    private void Follow(RelayPlan relay, string detail)
    {
        bool takes, turned = false;
        lock (_following)
        {
            // Two targets may change at once: what is decided is applied before the next one decides.
            takes = relay.Services.All.Any(t => t.TakesConnections);
            foreach (var loop in _listeners.Loops.Where(l => ReferenceEquals(l.Relay, relay))) turned |= loop.Listener.Listen(takes);
        }

        if (!turned) return;
        if (takes) _log.RelayUp(relay.Name);
        else _log.RelayDown(relay.Name, detail);
    }

    private async Task DelayAsync(TimeSpan delay, CancellationToken cancellationToken)
    {
        try
        {
            await Task.Delay(delay, _time, cancellationToken);
        }
        catch (OperationCanceledException)
        {
            // The wait is over either way.
        }
    }
}
