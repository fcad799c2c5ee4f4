using System.Diagnostics.CodeAnalysis;
using JunctionRelay.Connections;
using Microsoft.Extensions.Logging;

namespace JunctionRelay.Links;

/// <summary>
/// Keeps one link up: makes a session, and another as soon as the last is of no use for new streams (ended, draining, or without a transport while there are
/// other junctions to ask). Every session it made is resumed until it ends. Retries with back-off and full jitter, also when the first attempt fails. Where
/// another dialler comes in its place, it makes no more sessions, then retires those that it has, and ends with the last of them.
/// </summary>
/// <param name="link">The link's name in the configuration, for logs.</param>
/// <param name="peerName">The name that the peer's certificate must bear.</param>
/// <param name="connectors">A new round of the link's addresses, for each session its own.</param>
/// <param name="failures">Where dials that failed are counted.</param>
[SuppressMessage("Design", "CA1001:Types that own disposable fields should be disposable", Justification = "a token source without a timer holds nothing")]
internal sealed class LinkDialer(
    string link, string peerName, LinkOptions options, LinkDirectory directory, LinkListener? listener, Func<ILinkConnector> connectors,
    LinkFailures? failures = null)
{
    // 0.2 s × 2^8 is beyond the longest delay.
    private const int MostDoublings = 8;

    /// <summary>
    /// A junction that has been gone for so long is no longer waited for when there are others: longer than most resumes take, and short enough that a new
    /// connection is with another one within a second.
    /// </summary>
    private static readonly TimeSpan Patience = TimeSpan.FromMilliseconds(500);

    /// <summary>What was wrong with a dial is told no more often.</summary>
    private static readonly TimeSpan SayAgain = TimeSpan.FromSeconds(10);

    private readonly CancellationTokenSource _noMore = new();
    private readonly TaskCompletionSource _firstUp = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly List<LinkSession> _made = [];   // locked by itself
    private readonly List<Task> _keeping = [];
    private readonly Dictionary<string, long> _said = [];   // locked by itself; since the last success
    private readonly TaskCompletionSource _tried = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private LinkSession? _session;
    private LinkSession? _nobodyListens;
    private bool _isRetired;   // under _made

    private ILogger Log => options.Log;

    /// <summary>The newest session, or null before the first. New streams ask the directory, which knows all.</summary>
    public LinkSession? Session => Volatile.Read(ref _session);

    public string Link => link;

    /// <summary>Why the last try to connect failed; null when it did not.</summary>
    public string? LastFailure { get; private set; }

    /// <summary>Completes when there has been a session, or every address has failed once.</summary>
    public Task Tried => _tried.Task;

    /// <summary>Completes when the link has been up for the first time, or is retired.</summary>
    public Task FirstUp => _firstUp.Task;

    /// <summary>Makes no more sessions; the one that is there serves on.</summary>
    public void MakeNoMore() => _noMore.Cancel();

    /// <summary>New streams go elsewhere, at both ends; each session is closed when its last stream is over.</summary>
    public void Retire()
    {
        MakeNoMore();
        lock (_made)
        {
            _isRetired = true;
            foreach (var session in _made)
                session.Retire();
        }

        _firstUp.TrySetResult();
    }

    /// <summary>Runs until <paramref name="stop"/>, and then closes the sessions; or, retired, until they are over.</summary>
    public async Task RunAsync(CancellationToken stop)
    {
        using var making = CancellationTokenSource.CreateLinkedTokenSource(stop, _noMore.Token);
        await MakeAsync(making.Token, stop);
        await Task.WhenAll(_keeping);
    }

    // One session after the other, until told to make no more.
    private async Task MakeAsync(CancellationToken noMore, CancellationToken stop)
    {
        var connector = connectors();
        var stopped = DelayAsync(Timeout.InfiniteTimeSpan, noMore);
        Guid? givenUp = null;
        for (var failures = 0; !noMore.IsCancellationRequested;)
        {
            if (await GreetAsync(connector, false, null, givenUp, noMore) is not var (session, transport))
            {
                if (connector.IsRoundOver)
                    _tried.TrySetResult();
                // Clients are there, and were served a moment ago: not when the peer just drains, which may take hours.
                var isMissed = directory.All().Any(s => s.Name == peerName && s.Session.DownFor > TimeSpan.Zero);
                await DelayAsync(failures++, isMissed ? options.LongestResumeRetry : options.LongestRetry, noMore);
                continue;
            }

            failures = 0;
            _tried.TrySetResult();
            Begin(session, transport, connector, stop);
            var useless = UselessAsync(session, connector, stopped);
            while (await PreferredAsync(session, connector, useless, noMore) is { } preferred)
            {
                if (await GreetAsync(preferred, false, null, null, noMore) is not var (next, itsTransport))
                {
                    LastFailure = null;   // the link is up
                    continue;
                }

                Begin(next, itsTransport, preferred, stop);
                session.Retire();
                Log.LinkMoved(link, next.Id);
                (session, connector) = (next, preferred);
                useless = UselessAsync(session, connector, stopped);
            }

            givenUp = session.IsEnded ? session.Id : null;
            // Who has ended it may be asked again at once; who does not answer, or is leaving, only after the others.
            connector = session.IsEnded ? connectors() : connector.Others();
        }
    }

    private void Begin(LinkSession session, LinkTransport transport, ILinkConnector connector, CancellationToken stop)
    {
        Volatile.Write(ref _session, session);
        Made(session);
        _keeping.RemoveAll(task => task.IsCompleted);
        _keeping.Add(KeepAsync(session, transport, connector, stop));
        _firstUp.TrySetResult();
    }

    private void Made(LinkSession session)
    {
        lock (_made)
        {
            _made.RemoveAll(s => s.IsEnded);
            _made.Add(session);
            if (_isRetired)
                session.Retire();
        }
    }

    // Carries the session, and over new transports resumes it, until it has ended.
    private async Task KeepAsync(LinkSession session, LinkTransport transport, ILinkConnector connector, CancellationToken stop)
    {
        var running = CarryAsync(transport, session, isResume: false);
        var failures = 0;
        var wasRight = true;
        while (!stop.IsCancellationRequested && !session.IsEnded)
        {
            if (failures == 0 && !await EndsOrRotatesAsync(running, session, stop))
                break;
            // A fresh connection that was wanted and did not come is asked for with the same patience; the old one goes on meanwhile.
            if (running.IsCompleted || failures > 0)
                await DelayAsync(failures++, options.LongestResumeRetry, stop);
            if (stop.IsCancellationRequested || session.IsEnded || IsOver(session))
                break;
            if (await GreetAsync(connector, wasRight, session, null, stop) is var (_, resumed))
            {
                (failures, wasRight) = (0, true);
                Interlocked.CompareExchange(ref _nobodyListens, null, session);
                running = CarryAsync(resumed, session, isResume: true);
            }
            else
            {
                failures = Math.Max(1, failures);
                wasRight = false;
            }
        }

        if (!session.IsEnded)
            await session.CloseAsync(CloseReason.Stopping, "the junction stops, or uses another link");
        await running;
    }

    // Waits until the transport is lost or should be replaced. False when the session is to be closed: no longer for new streams, and empty. What the peer
    // opened before it heard of that has arrived by then.
    private async Task<bool> EndsOrRotatesAsync(Task running, LinkSession session, CancellationToken stop)
    {
        while (true)
        {
            var interval = DelayAsync(options.PingInterval, stop);
            await Task.WhenAny(running, session.RotationRequested, interval);
            // The port of a peer that drains may be its successor's, which could not take the session: what is there goes on.
            if (running.IsCompleted || (session.RotationRequested.IsCompleted && !session.IsPeerDraining) || stop.IsCancellationRequested)
                return true;
            if (session.StreamCount == 0 && (Session != session || session.RetiredFor >= options.PingInterval))
                return false;
        }
    }

    // Waits until new streams need another session (null), or a junction that this dialler prefers may be had.
    private async Task<ILinkConnector?> PreferredAsync(LinkSession session, ILinkConnector connector, Task useless, CancellationToken noMore)
    {
        while (true)
        {
            await Task.WhenAny(useless, DelayAsync(options.LookRound * (1 + Random.Shared.NextDouble()) / 2, noMore));
            if (useless.IsCompleted)
                return null;
            if (session.IsUp && await connector.PreferredAsync(noMore) is { } preferred)
                return preferred;
        }
    }

    // Waits until new streams need another session.
    private async Task UselessAsync(LinkSession session, ILinkConnector connector, Task stopped)
    {
        while (!stopped.IsCompleted && !session.IsEnded && !session.IsPeerDraining && !(connector.HasOthers && IsMissing(session)))
        {
            // Woken by what happens while all is well, often looked at when it is not.
            var change = session.IsUp ? session.Troubled : Task.WhenAny(session.Ended, Task.Delay(Patience / 10, options.Time, CancellationToken.None));
            await Task.WhenAny(change, stopped);
        }
    }

    // Nothing is left of it at either end: its process is gone, it has no streams, and new ones go to another. To look for it would only load the others.
    private bool IsOver(LinkSession session) => Session != session && session.StreamCount == 0 && Volatile.Read(ref _nobodyListens) == session;

    // A port that refuses has no process behind it, which takes longer to come back than another junction takes to be dialled: there patience serves nobody.
    private bool IsMissing(LinkSession session) => session.DownFor >= Patience || (!session.IsUp && Volatile.Read(ref _nobodyListens) == session);

    // Connects; HELLO and verdict. Null when this connection carries nothing.
    private async Task<(LinkSession Session, LinkTransport Transport)?> GreetAsync(
        ILinkConnector connector, bool wasRight, LinkSession? session, Guid? givenUp, CancellationToken stop)
    {
        LinkTransport? transport = null;
        try
        {
            if (await connector.ConnectAsync(wasRight, stop) is not { } dialled)
                return null;
            if (dialled.Connection is not { } connection)
            {
                LastFailure = dialled.Detail;
                if (session is not null && session == Session && dialled.Reason == CloseReason.DialRefused)
                    Volatile.Write(ref _nobodyListens, session);
                if (!stop.IsCancellationRequested)
                    failures?.DialFailed(link, dialled.Reason);
                if (IsNews(dialled.Detail))
                    Log.LinkDialFailed(link, dialled.Detail);
                return null;
            }

            transport = new LinkTransport(connection, options);
            var carried = await GreetAsync(connector, transport, session, givenUp);
            if (carried is null)
            {
                await transport.DisposeAsync();
                return null;
            }

            LastFailure = null;
            lock (_said)
                _said.Clear();
            return (carried, transport);
        }
        catch (Exception fault)
        {
            // Whatever it was, also a fault of ours: the link is tried again.
            var why = LastFailure = fault is IOException or OperationCanceledException ? fault.Message : fault.ToString();
            if (!stop.IsCancellationRequested && IsNews(why))
                Log.LinkDialFailed(link, why);
            if (transport is not null)
                await transport.DisposeAsync();
            return null;
        }
    }

    private async Task<LinkSession?> GreetAsync(ILinkConnector connector, LinkTransport transport, LinkSession? session, Guid? givenUp)
    {
        if (transport.Peer?.IsCalled(peerName) != true)
        {
            LastFailure = $"the certificate there says {transport.Peer?.Name ?? "nobody"}, not {peerName}";
            failures?.DialFailed(link, CloseReason.DialCertificateRejected);
            Log.LinkWrongPeer(link, transport.Peer?.Name ?? "nobody", peerName);
            return null;
        }

        var epoch = 1u;
        if (session is not null)
        {
            // No frame of the old transport counts once HELLO is sent.
            await session.StopTransportAsync();
            epoch = session.Epoch + 1;
            if (!session.TryAdmit(epoch))
                return null;
        }

        await transport.WriteHelloAsync(new LinkHello
        {
            Party = options.Self,
            Limits = options.Limits,
            Features = options.Features,
            Software = options.Software,
            Session = session?.Id,
            Epoch = epoch,
            Wanted = session?.PeerParty.Instance,
            GivenUp = givenUp,
        });
        var (answer, wrong) = await transport.ReadHelloAsync();
        if (answer is null)
        {
            LastFailure = wrong;
            Log.LinkHelloRefused(peerName, wrong!);
            return null;
        }

        if (directory.EvictGhosts(peerName, answer.Party) is > 0 and var ghosts)
            Log.LinkGhostsEvicted(peerName, ghosts);
        switch (answer.Verdict)
        {
            case LinkVerdict.New when session is null && answer.Session is { } id:
                session = new LinkSession(id, isDialler: true, options, answer, transport.Peer, listener);
                directory.Add(peerName, session);
                Log.LinkUp(peerName, id, epoch);
                return session;
            case LinkVerdict.Resumed when session is not null && answer.Session == session.Id && answer.Epoch == epoch:
                Log.LinkResumed(peerName, session.Id, epoch);
                return session;
            // Only the instance that held the session can say that it is no more, and no start of it that another drains beside.
            case LinkVerdict.UnknownSession when session is not null && (answer.Party.HasOutlived(session.PeerParty) || answer.Party.Generation == session.PeerParty.Generation):
                Log.LinkRefused(peerName, nameof(LinkVerdict.UnknownSession), answer.VerdictText);
                session.End(CloseReason.LinkPeerRestarted);
                return null;
            default:
                LastFailure = answer.VerdictText;
                if (answer.Verdict == LinkVerdict.NotMine)
                    connector.IsNotAt(answer.Party.Instance);
                if (answer.Verdict == LinkVerdict.Refused)
                    failures?.DialFailed(link, CloseReason.NotPermitted);
                if (IsNews($"{answer.Verdict} {answer.VerdictText}"))
                    Log.LinkRefused(peerName, answer.Verdict?.ToString() ?? "no verdict", answer.VerdictText);
                return null;
        }
    }

    private bool IsNews(string text)
    {
        lock (_said)
        {
            if (_said.TryGetValue(text, out var at) && options.Time.GetElapsedTime(at) < SayAgain)
                return false;
            _said[text] = options.Time.GetTimestamp();
            return true;
        }
    }

    private async Task CarryAsync(LinkTransport transport, LinkSession session, bool isResume)
    {
        var end = await session.RunAsync(transport, session.Epoch, isResume);
        Log.LinkDown(peerName, session.Id, end.ToString());
    }

    private Task DelayAsync(int failures, TimeSpan longest, CancellationToken stop)
    {
        var doubled = options.FirstRetry * (1 << Math.Min(failures, MostDoublings));
        return DelayAsync((doubled < longest ? doubled : longest) * Random.Shared.NextDouble(), stop);
    }

    // Ends early, and quietly, when we are to stop.
    private async Task DelayAsync(TimeSpan delay, CancellationToken stop)
    {
        try
        {
            await Task.Delay(delay, options.Time, stop);
        }
        catch (OperationCanceledException)
        {
            // The caller looks at the token.
        }
    }
}
