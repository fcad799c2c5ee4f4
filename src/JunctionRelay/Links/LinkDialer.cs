using JunctionRelay.Connections;
using Microsoft.Extensions.Logging;

namespace JunctionRelay.Links;

/// <summary>
/// Keeps one link up: dials, says HELLO, lets the session run, and when its transport is lost dials again to resume it; a session that is lost for
/// good is followed by a new one. Retries with back-off and full jitter, also when the first attempt fails.
/// </summary>
/// <param name="link">The link's name in the configuration, for logs.</param>
/// <param name="peerName">The name that the peer's certificate must bear.</param>
/// <param name="connect">A TLS connection to the link's other end, its peer authenticated. Told whether the address of the last one was right, else the next is due.</param>
internal sealed class LinkDialer(
    string link, string peerName, LinkOptions options, LinkDirectory directory, LinkListener? listener, Func<bool, CancellationToken, Task<DialOutcome>> connect)
{
    // 0.2 s × 2^8 is beyond the longest delay.
    private const int MostDoublings = 8;

    private LinkSession? _session;
    private Guid? _givenUp;

    private ILogger Log => options.Log;

    /// <summary>The session that new streams use, or null before the first.</summary>
    public LinkSession? Session => Volatile.Read(ref _session);

    /// <summary>Runs until <paramref name="stop"/>; then the session is closed.</summary>
    public async Task RunAsync(CancellationToken stop)
    {
        var failures = 0;
        var wasRight = false;
        var running = Task.CompletedTask;
        while (!stop.IsCancellationRequested)
        {
            try
            {
                var dialled = await connect(wasRight, stop);
                wasRight = false;
                if (dialled.Connection is not { } connection)
                {
                    Log.LinkDialFailed(link, dialled.Detail);
                    await DelayAsync(failures++, stop);
                    continue;
                }

                var transport = new LinkTransport(connection, options);
                if (await GreetAsync(transport) is { } carried)
                {
                    (failures, wasRight) = (0, true);
                    running = CarryAsync(transport, carried.Session, carried.IsResume);
                    // A rotation dials while the old transport still carries the session.
                    await Task.WhenAny(running, carried.Session.RotationRequested, carried.Session.Ended).WaitAsync(stop);
                    if (!running.IsCompleted && !carried.Session.IsEnded)
                        continue;
                    await running.WaitAsync(stop);
                }
                else
                {
                    await transport.DisposeAsync();
                }
            }
            catch (OperationCanceledException) when (stop.IsCancellationRequested)
            {
                break;
            }
            catch (IOException fault)
            {
                Log.LinkDialFailed(link, fault.Message);
            }

            await DelayAsync(failures++, stop);
        }

        if (Session is { } last)
            await last.CloseAsync(CloseReason.Stopping, "the junction stops");
        await running;
    }

    // HELLO and verdict. Null when this connection carries nothing.
    private async Task<(LinkSession Session, bool IsResume)?> GreetAsync(LinkTransport transport)
    {
        if (transport.Peer?.Name != peerName)
        {
            Log.LinkWrongPeer(link, transport.Peer?.Name ?? "nobody", peerName);
            return null;
        }

        var session = Session is { IsEnded: false } live ? live : null;
        if (session is null && Session is { } dead)
            _givenUp = dead.Id;
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
            GivenUp = _givenUp,
        });
        var (answer, wrong) = await transport.ReadHelloAsync();
        if (answer is null)
        {
            Log.LinkHelloRefused(peerName, wrong!);
            return null;
        }

        _givenUp = null;
        directory.EvictGhosts(peerName, answer.Party);
        switch (answer.Verdict)
        {
            case LinkVerdict.New when session is null && answer.Session is { } id:
                session = new LinkSession(id, isDialler: true, options, answer, transport.Peer, listener);
                directory.Add(peerName, session);
                Volatile.Write(ref _session, session);
                Log.LinkUp(peerName, id, epoch);
                return (session, false);
            case LinkVerdict.Resumed when session is not null && answer.Session == session.Id && answer.Epoch == epoch:
                Log.LinkResumed(peerName, session.Id, epoch);
                return (session, true);
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

    private async Task CarryAsync(LinkTransport transport, LinkSession session, bool isResume)
    {
        var end = await session.RunAsync(transport, session.Epoch, isResume);
        Log.LinkDown(peerName, session.Id, end.ToString());
    }

    private async Task DelayAsync(int failures, CancellationToken stop)
    {
        var longest = options.FirstRetry * (1 << Math.Min(failures, MostDoublings));
        var delay = (longest < options.LongestRetry ? longest : options.LongestRetry) * Random.Shared.NextDouble();
        try
        {
            await Task.Delay(delay, options.Time, stop);
        }
        catch (OperationCanceledException)
        {
            // RunAsync ends by its own condition.
        }
    }
}
