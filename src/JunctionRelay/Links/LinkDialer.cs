using JunctionRelay.Connections;
using Microsoft.Extensions.Logging;

namespace JunctionRelay.Links;

/// <summary>
/// Keeps one link up: makes a session, and another as soon as the last is of no use for new streams (ended, draining, or without a transport while there are
/// other junctions to ask). Every session it made is resumed until it ends. Retries with back-off and full jitter, also when the first attempt fails.
/// </summary>
/// <param name="link">The link's name in the configuration, for logs.</param>
/// <param name="peerName">The name that the peer's certificate must bear.</param>
/// <param name="connectors">A new round of the link's addresses, for each session its own.</param>
internal sealed class LinkDialer(
    string link, string peerName, LinkOptions options, LinkDirectory directory, LinkListener? listener, Func<ILinkConnector> connectors)
{
    // 0.2 s × 2^8 is beyond the longest delay.
    private const int MostDoublings = 8;

    /// <summary>A junction that has been gone for so long is no longer waited for when there are others.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(1);

    /// <summary>A dial that fails as the last one did is told no more often.</summary>
    private static readonly TimeSpan SayAgain = TimeSpan.FromSeconds(10);

    private readonly List<Task> _keeping = [];
    private readonly Lock _saying = new();
    private (string Why, long At)? _said;
    private LinkSession? _session;

    private ILogger Log => options.Log;

    /// <summary>The newest session, or null before the first. New streams ask the directory, which knows all.</summary>
    public LinkSession? Session => Volatile.Read(ref _session);

    /// <summary>Runs until <paramref name="stop"/>; then the sessions are closed.</summary>
    public async Task RunAsync(CancellationToken stop)
    {
        var connector = connectors();
        Guid? givenUp = null;
        for (var failures = 0; !stop.IsCancellationRequested;)
        {
            if (await GreetAsync(connector, false, null, givenUp, stop) is not var (session, transport))
            {
                await DelayAsync(failures++, options.LongestRetry, stop);
                continue;
            }

            failures = 0;
            Volatile.Write(ref _session, session);
            _keeping.RemoveAll(task => task.IsCompleted);
            _keeping.Add(KeepAsync(session, transport, connector, stop));
            await UselessAsync(session, connector, stop);
            givenUp = session.IsEnded ? session.Id : null;
            connector = connectors();
        }

        await Task.WhenAll(_keeping);
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
            if (stop.IsCancellationRequested || session.IsEnded)
                break;
            if (await GreetAsync(connector, wasRight, session, null, stop) is var (_, resumed))
            {
                (failures, wasRight) = (0, true);
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

    // Waits until the transport is lost or should be replaced. False when the session is to be closed: replaced by a newer one, and empty.
    private async Task<bool> EndsOrRotatesAsync(Task running, LinkSession session, CancellationToken stop)
    {
        while (true)
        {
            var interval = DelayAsync(options.PingInterval, stop);
            await Task.WhenAny(running, session.RotationRequested, interval);
            if (running.IsCompleted || session.RotationRequested.IsCompleted || stop.IsCancellationRequested)
                return true;
            if (Session != session && session.StreamCount == 0)
                return false;
        }
    }

    // Waits until new streams need another session.
    private async Task UselessAsync(LinkSession session, ILinkConnector connector, CancellationToken stop)
    {
        while (!stop.IsCancellationRequested && !session.IsEnded && !session.IsPeerDraining && !(connector.HasOthers && session.DownFor > Patience))
            await Task.WhenAny(session.Ended, DelayAsync(Patience / 10, stop));
    }

    // Connects; HELLO and verdict. Null when this connection carries nothing.
    private async Task<(LinkSession Session, LinkTransport Transport)?> GreetAsync(
        ILinkConnector connector, bool wasRight, LinkSession? session, Guid? givenUp, CancellationToken stop)
    {
        LinkTransport? transport = null;
        try
        {
            var dialled = await connector.ConnectAsync(wasRight, stop);
            if (dialled.Connection is not { } connection)
            {
                DialFailed(dialled.Detail);
                return null;
            }

            transport = new LinkTransport(connection, options);
            var carried = await GreetAsync(transport, session, givenUp);
            if (carried is null)
                await transport.DisposeAsync();
            lock (_saying)
                _said = null;
            return carried is null ? null : (carried, transport);
        }
        catch (Exception fault)
        {
            // Whatever it was, also a fault of ours: the link is tried again.
            if (!stop.IsCancellationRequested)
                DialFailed(fault is IOException or OperationCanceledException ? fault.Message : fault.ToString());
            if (transport is not null)
                await transport.DisposeAsync();
            return null;
        }
    }

    private async Task<LinkSession?> GreetAsync(LinkTransport transport, LinkSession? session, Guid? givenUp)
    {
        if (transport.Peer?.IsCalled(peerName) != true)
        {
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
            Software = options.Software,
            Session = session?.Id,
            Epoch = epoch,
            Wanted = session?.PeerParty.Instance,
            GivenUp = givenUp,
        });
        var (answer, wrong) = await transport.ReadHelloAsync();
        if (answer is null)
        {
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
            // Only the instance that held the session can say that it is no more.
            case LinkVerdict.UnknownSession when session is not null && answer.Party.Instance == session.PeerParty.Instance:
                Log.LinkRefused(peerName, nameof(LinkVerdict.UnknownSession), answer.VerdictText);
                session.End(CloseReason.LinkPeerRestarted);
                return null;
            default:
                Log.LinkRefused(peerName, answer.Verdict?.ToString() ?? "no verdict", answer.VerdictText);
                return null;
        }
    }

    private void DialFailed(string why)
    {
        lock (_saying)
        {
            if (_said is var (last, at) && last == why && options.Time.GetElapsedTime(at) < SayAgain)
                return;
            _said = (why, options.Time.GetTimestamp());
        }

        Log.LinkDialFailed(link, why);
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
