using System.Net;
using System.Net.Sockets;
using JunctionRelay.Connections;
using JunctionRelay.Links;
using JunctionRelay.Pki;
using JunctionRelay.Policies;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace JunctionRelay.Relay;

/// <summary>
/// Keeps the links of a junction: dials those of the plan, takes those that peers dial, and takes the next plan without losing a stream. When the junction stops it
/// tells the peers first, so that they open no more streams, and closes the sessions last.
/// </summary>
internal sealed class LinkService : IHostedLifecycleService, IAsyncDisposable
{
    private readonly ILogger _log;
    private readonly LinkMetrics _metrics;
    private readonly CancellationTokenSource _stop = new();
    private readonly List<Task> _running = [];   // by whoever changes plans, one at a time
    private volatile List<(IPEndPoint Planned, LinkPort Port)> _ports = [];   // replaced, never changed
    private volatile List<(DialledLink Planned, LinkDialer Dialler)> _diallers = [];   // likewise
    private volatile LinksPlan? _plan;
    private LinkDirectory? _directory;
    private TlsCredentials? _source;
    private TlsCredentials? _rotated;
    private readonly RunningTasks _serving = new();
    private readonly EnrolmentForwarder _forwarder = new();
    private bool _isStarted;
    private volatile bool _isGivenAway;

    /// <summary>Until the peers have heard that we drain, beyond two round trips: what they opened before is served.</summary>
    private static readonly TimeSpan LateOpens = TimeSpan.FromMilliseconds(500), LongestLateOpens = TimeSpan.FromSeconds(3);

    /// <param name="plan">Null where the junction has no links: then this does nothing until a plan has some.</param>
    public LinkService(LinksPlan? plan, ILogger<LinkService> log)
    {
        (_plan, _log) = (plan, log);
        Streams.Own = ServeOwn;
        Streams.Full = () => Failures.Deny(LinkFailures.MostStreams);
        _metrics = new LinkMetrics(RelayMetrics.MeterName, () => _plan is { } links ? LinkReadings.Of(links) : [], Failures);
    }

    /// <summary>Sockets that listen already, for addresses of the plan.</summary>
    public InheritedSockets? Inherited { get; init; }

    /// <summary>The streams that peers open; the relay service accepts them.</summary>
    public LinkListener Streams { get; } = new("peers");

    /// <summary>The links that did not come about.</summary>
    public LinkFailures Failures { get; } = new();

    /// <summary>Takes the stream in which a peer gives its deny list; set before the start.</summary>
    public Action<LinkStream>? ReceiveDenyList { get; set; }

    /// <summary>Where we are dialled.</summary>
    public IEnumerable<SocketListener> Listeners => _ports.Select(p => (SocketListener)p.Port.Listener);

    /// <summary>Completes when each link that we dial has been up.</summary>
    public Task WhenDialled => Task.WhenAll(_diallers.Select(d => d.Dialler.FirstUp));

    /// <summary>Where we are dialled, also where the plan asked for port 0.</summary>
    public IEnumerable<EndPoint> Addresses => _ports.Select(p => p.Port.EndPoint);

    /// <summary>Completes when a link that we dial has been up, or could not be had at any of its addresses.</summary>
    public Task FirstTryOf(string link) => _diallers.FirstOrDefault(d => d.Planned.Name == link).Dialler?.Tried ?? Task.CompletedTask;

    /// <summary>Why a link that we dial could not be connected the last time; null when it could.</summary>
    public string? LastFailureOf(string link) => _diallers.FirstOrDefault(d => d.Planned.Name == link).Dialler?.LastFailure;

    /// <summary>A plan that was prepared. Disposed without being committed, it leaves everything as it was.</summary>
    public sealed class Change : IAsyncDisposable
    {
        public required LinksPlan? Plan { get; init; }
        public List<(IPEndPoint Planned, LinkPort Port)> Kept { get; } = [];
        public List<(IPEndPoint Planned, SocketListener Listener)> Bound { get; } = [];
        public required List<(IPEndPoint Planned, LinkPort Port)> Leaving { get; init; }

        public async ValueTask DisposeAsync()
        {
            foreach (var (_, listener) in Bound) await listener.DisposeAsync();
        }
    }

    /// <exception cref="ListenException">An address cannot be listened on.</exception>
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        await using var first = await PrepareAsync(_plan);
        await CommitAsync(first);
    }

    /// <summary>Binds what another plan listens on and this one does not.</summary>
    /// <exception cref="ListenException">An address cannot be listened on; nothing has changed.</exception>
    public async Task<Change> PrepareAsync(LinksPlan? plan)
    {
        var change = new Change { Plan = plan, Leaving = [.. _ports] };
        try
        {
            foreach (var address in plan?.Listen ?? [])
            {
                var kept = change.Leaving.FindIndex(p => p.Planned.Equals(address));
                if (kept < 0)
                {
                    change.Bound.Add((address, Bind(address, change.Leaving)));
                    continue;
                }

                change.Kept.Add(change.Leaving[kept]);
                change.Leaving.RemoveAt(kept);
            }

            return change;
        }
        catch
        {
            await change.DisposeAsync();
            throw;
        }
    }

    /// <summary>Puts a plan in force. Links that both plans have are not touched; those that change, or are no more, take no new streams and close when they are empty.</summary>
    public async Task CommitAsync(Change change)
    {
        if (_directory?.IsDraining == true) return;
        _directory ??= change.Plan?.Directory;
        _plan = change.Plan;
        _running.RemoveAll(r => r.IsCompleted);
        Follow(change.Plan);
        Listen(change);
        foreach (var (_, port) in change.Leaving) await port.DisposeAsync();
        // Where nobody listens any more, nobody who dialled in could come back.
        foreach (var (_, session) in _ports.Count == 0 ? _directory?.All() ?? [] : [])
        {
            if (!session.IsDialler) session.Retire();
        }

        Dial(change.Plan);
        _isStarted = true;
    }

    /// <summary>These peers had dialled the process whose place we take, and will dial us: until then streams towards them wait.</summary>
    public void Expect(IEnumerable<string> peers, TimeSpan within)
    {
        foreach (var peer in peers) _plan?.Directory.Expect(peer, within, _plan.Options.Time);
    }

    /// <summary>Another process listens for links in our place: when we drain, our ports close at once.</summary>
    public void GiveAway() => _isGivenAway = true;

    /// <summary>The process that was to listen in our place has gone.</summary>
    public void TakeBack()
    {
        foreach (var listener in Listeners) listener.TakeBack();
    }

    /// <summary>
    /// Before anything stops: peers open no more streams towards us, and nobody new dials in. What they opened before they heard of it is still served. Lost links are still
    /// resumed, unless another process listens in our place.
    /// </summary>
    public async Task StoppingAsync(CancellationToken cancellationToken)
    {
        foreach (var (_, port) in _isGivenAway ? _ports : []) await port.DisposeAsync();
        if (_directory is not { } directory || _plan is not { } plan) return;
        // Who dials anew would be taken for one that serves: what is there is resumed, and no more.
        foreach (var (_, dialler) in _diallers) dialler.MakeNoMore();
        directory.Drain();
        var up = directory.All().Where(s => s.Session.IsUp).Select(s => s.Session.RoundTrip).ToList();
        if (up.Count == 0) return;
        var late = (2 * up.Max()) + LateOpens;
        await Task.Delay(late < LongestLateOpens ? late : LongestLateOpens, plan.Options.Time, cancellationToken);
    }

    /// <summary>After the relays have drained.</summary>
    public async Task StopAsync(CancellationToken cancellationToken)
    {
        foreach (var (_, port) in _ports) await port.DisposeAsync();
        await _stop.CancelAsync();
        await Task.WhenAll((_directory?.All() ?? []).Select(s => s.Session.CloseAsync(CloseReason.Stopping, "the junction stops")));
        await Task.WhenAll(_running);
        await _serving.WhenAllAsync();
    }

    public Task StartingAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    public Task StartedAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public async ValueTask DisposeAsync()
    {
        foreach (var (_, port) in _ports) await port.DisposeAsync();
        _stop.Dispose();
        _metrics.Dispose();
    }

    // The credentials of the links are those that the plan names; sessions follow by themselves.
    private void Follow(LinksPlan? plan)
    {
        if (plan is null) return;
        if (plan.Source is { } source && source != _source)
        {
            if (_source is not null) _source.Replaced -= OnReplaced;
            _source = source;
            source.Replaced += OnReplaced;
            OnReplaced();
        }

        if (plan.Credentials == _rotated) return;
        _rotated = plan.Credentials;
        _running.Add(new LinkRotation(plan.Directory, plan.Credentials, plan.Options).RunAsync(_stop.Token));
    }

    private void OnReplaced()
    {
        if (_plan is { Source: { } source } plan && source.Now != plan.Credentials.Now) plan.Credentials.Replace(source.Now);
    }

    private void Listen(Change change)
    {
        var ports = change.Kept.ToList();
        foreach (var (planned, listener) in change.Bound)
        {
            var bound = change.Plan!;
            var port = new LinkPort(
                listener, () => _plan?.Handshake ?? bound.Handshake!, (peer, from) => AcceptorFor(_plan ?? bound, peer, from), bound.Options.Log, bound.Options.Time,
                Failures, (EnrolmentServer.Protocol, EnrolAsync));
            ports.Add((planned, port));
            _running.Add(port.RunAsync());
            _log.LinkListening(SocketDialer.Text(port.EndPoint));
        }

        change.Bound.Clear();
        _ports = ports;
    }

    private void Dial(LinksPlan? plan)
    {
        var leaving = _diallers.Where(d => plan?.Dial.Contains(d.Planned) != true).ToList();
        var diallers = _diallers.Except(leaving).ToList();
        foreach (var link in (plan?.Dial ?? []).Where(l => !diallers.Exists(d => d.Planned == l)))
        {
            var dialler = new LinkDialer(
                link.Name, link.Peer, plan!.Options with { Resume = link.Resume, PingInterval = link.Ping, MaxStreams = MostStreamsOf(plan, link.Peer) }, plan.Directory, Streams, link.Connectors, Failures);
            // A reload may send clients there at once.
            if (_isStarted) plan.Directory.Expect(link.Peer, plan.Options.HoldOpens, plan.Options.Time);
            diallers.Add((link, dialler));
            _running.Add(dialler.RunAsync(_stop.Token));
        }

        foreach (var (planned, dialler) in leaving)
        {
            var next = diallers.FirstOrDefault(d => d.Planned.Peer == planned.Peer).Dialler;
            if (next is null) dialler.Retire();
            else _running.Add(RetireAsync(dialler, next));
        }

        _diallers = diallers;
    }

    // A link that was changed serves on until its successor is up, so that no client finds none.
    private async Task RetireAsync(LinkDialer dialler, LinkDialer next)
    {
        dialler.MakeNoMore();
        var stopped = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var stopping = _stop.Token.Register(stopped.SetResult);
        await Task.WhenAny(next.FirstUp, stopped.Task);
        dialler.Retire();
    }

    private async Task EnrolAsync(Connection connection, EndPoint? from)
    {
        // A reload may have taken the authority away since the handshake.
        if (_plan?.Enrolment is { } enrolment) await enrolment.ServeAsync(connection, from);
        else await connection.DisposeAsync();
    }

    // Peers have proved who they are, whatever `peers` grants them: a certificate is renewed for whoever has it.
    private bool ServeOwn(LinkStream stream)
    {
        if (stream.Open.Service == DenyListExchange.Service && ReceiveDenyList is { } receive)
        {
            receive(stream);
            return true;
        }

        if (stream.Open.Service != EnrolmentServer.Service || _plan is not { } plan) return false;
        if (plan.Enrolment is { } enrolment) _serving.Add(enrolment.ServeAsync(stream, stream.RemoteEndPoint));
        else if (plan.Authority is { } authority) _serving.Add(_forwarder.ForwardAsync(stream, plan.Own, authority, plan.Options.Time));
        else return false;
        return true;
    }

    private SocketListener Bind(IPEndPoint address, List<(IPEndPoint Planned, LinkPort Port)> leaving)
    {
        try
        {
            return SocketListener.Bind(address, SocketSettings.Default, inherited: Inherited, leaving: leaving.Select(l => l.Port.Listener));
        }
        catch (SocketException e)
        {
            throw new ListenException("linkListen", address, e);
        }
    }

    // Who dialled makes no difference to what a peer may use; where it is dialled says nothing of where it would dial from.
    private static int MostStreamsOf(LinksPlan plan, string peer) =>
        plan.Peers.Rules.Where(r => r.IsNamed(peer)).Select(r => r.MaxStreams ?? plan.Options.MaxStreams).DefaultIfEmpty(plan.Options.MaxStreams).Max();

    private LinkAcceptor AcceptorFor(LinksPlan plan, PeerIdentity peer, EndPoint? from)
    {
        var rules = plan.Peers.For(peer, from).ToList();
        var options = plan.Options with
        {
            MaxStreams = rules.Select(r => r.MaxStreams ?? plan.Options.MaxStreams).DefaultIfEmpty(0).Max(),
            Resume = rules.Select(r => r.Resume ?? plan.Options.Resume).DefaultIfEmpty(TimeSpan.Zero).Max(),
            PingInterval = rules.Select(r => r.Ping ?? plan.Options.PingInterval).DefaultIfEmpty(plan.Options.PingInterval).Min(),
        };
        if (rules.Count > 0) return new LinkAcceptor(options, plan.Directory, Streams);
        Failures.Deny(LinkFailures.NoEntry);
        return new LinkAcceptor(options, plan.Directory, Streams, PeerRules.NoEntryAbout(peer, from));
    }
}
