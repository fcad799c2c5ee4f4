using System.Net.Sockets;
using JunctionRelay.Connections;
using JunctionRelay.Policies;
using Microsoft.Extensions.Logging;

namespace JunctionRelay.Relay;

/// <summary>
/// Stage 1, Accept, of one listener, and the call of stage 2: accepts, admits, registers, starts the spine; backs off on errors. What it serves may be
/// replaced while it runs: each connection keeps what was there when it was accepted.
/// </summary>
internal sealed class AcceptLoop(
    ConnectionListener listener, RelayPlan relay, ListenPlan listen, ConnectionTable table, RefusalLog refusals, RelayMetrics metrics, ILogger log, TimeProvider time,
    VendorListeners? vendors = null, PausedServices? paused = null)
{
    private volatile Served _served = new(relay, listen);

    private sealed record Served(RelayPlan Relay, ListenPlan Listen);

    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(5);
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(1);

    /// <summary>Clients taken in a row before the others get their turn: a flood always has another one waiting, and the thread serves all sockets.</summary>
    private const int MostPerTurn = 64;

    public ConnectionListener Listener => listener;

    /// <summary>Whose clients it accepts now.</summary>
    public RelayPlan Relay => _served.Relay;

    /// <summary>Which address of that relay it is.</summary>
    public ListenPlan Listen => _served.Listen;

    /// <summary>From the next connection on, it accepts for another plan.</summary>
    public void Serve(RelayPlan relay, ListenPlan listen) => _served = new Served(relay, listen);

    /// <summary>Runs until the listener is stopped. The connections that it started run on; <see cref="ConnectionTable"/> waits for them.</summary>
    public async Task RunAsync()
    {
        try
        {
            await AcceptAllAsync();
        }
        catch (Exception e)
        {
            log.AcceptLoopFault(e, Relay.LoggedAs, SocketDialer.Text(listener.EndPoint));
            // A port that listens and takes nobody would swallow clients: refuse them.
            await listener.DisposeAsync();
        }
    }

    private async Task AcceptAllAsync()
    {
        var pause = FirstPause;
        var inTurn = 0;
        while (true)
        {
            Connection? client;
            try
            {
                var accept = listener.AcceptAsync();
                if (!accept.IsCompleted) inTurn = 0;
                else if (++inTurn == MostPerTurn)
                {
                    inTurn = 0;
                    await Task.Yield();
                }

                client = await accept;
            }
            catch (SocketException e)
            {
                // Out of descriptors, as a rule: the client waits in the backlog, and trying again at once would only burn the processor.
                log.AcceptFailed(Relay.LoggedAs, SocketDialer.Text(listener.EndPoint), e.Message, (long)pause.TotalMilliseconds);
                await Task.Delay(pause, time);
                pause = pause * 2 < LongestPause ? pause * 2 : LongestPause;
                continue;
            }

            if (client is null) return;
            pause = FirstPause;

            var (relay, listen) = _served;
            var refusal = table.Count >= table.Most ? CloseReason.OutOfDescriptors : relay.Admission.Refuse(client.RemoteEndPoint);
            if (refusal is not null)
            {
                metrics.Denied(relay.LoggedAs, refusal.Value.Name());
                refusals.Refused(relay.LoggedAs, client.RemoteEndPoint, refusal.Value);
                client.Abort(refusal.Value);
                await client.DisposeAsync();
                continue;
            }

            metrics.Started(relay.LoggedAs);
            _ = table.RunAsync(new RelayedConnection(client, relay, listen, metrics, log, time, vendors, paused));
        }
    }
}
