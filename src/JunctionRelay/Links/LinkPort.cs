using System.Collections.Concurrent;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using JunctionRelay.Connections;
using Microsoft.Extensions.Logging;

namespace JunctionRelay.Links;

/// <summary>
/// A port where other junctions dial in: accepts, bounds the handshakes that strangers can cause, secures with certificates both ways, and hands over to the
/// <see cref="LinkAcceptor"/> that is right for the peer.
/// </summary>
/// <param name="listener">The bound port.</param>
/// <param name="handshake">TLS with whoever dials, as of now.</param>
/// <param name="acceptorFor">What this peer at this address is granted, or refused.</param>
/// <param name="failures">Where refusals are counted.</param>
/// <param name="other">Who serves those that speak the handshake's other protocol, for which they need no certificate.</param>
internal sealed class LinkPort(
    ConnectionListener listener, Func<TlsHandshake> handshake, Func<PeerIdentity, EndPoint?, LinkAcceptor> acceptorFor, ILogger log, TimeProvider time,
    LinkFailures? failures = null, (SslApplicationProtocol Protocol, Func<Connection, EndPoint?, Task> Serve)? other = null) : IAsyncDisposable
{
    public static readonly TimeSpan HandshakeTimeout = TimeSpan.FromSeconds(10);

    /// <summary>Where others wait for it, a handshake that has taken longest makes room, if it has taken this long: strangers who say half a word keep nobody out for longer.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    /// <summary>So many at a time: most of them may be junctions of a slow machine.</summary>
    private const int MostEvicted = HandshakeTurns.MostOfOne;

    /// <summary>Until its turn comes. Whoever has waited that long has given up.</summary>
    private static readonly TimeSpan LongestWait = TimeSpan.FromSeconds(30);

    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(100);

    /// <summary>How often one that waits looks whether somebody should make room.</summary>
    private static readonly TimeSpan Look = TimeSpan.FromSeconds(1);

    private readonly RunningTasks _served = new();
    private readonly LineBudget _strangers = new();
    private readonly HandshakeTurns _turns = new();
    private readonly ConcurrentDictionary<Connection, (long Since, string Network)> _underWay = new();
    private long _madeRoomAt = long.MinValue;

    /// <summary>How long one handshake may take.</summary>
    public TimeSpan HandshakeLimit { get; init; } = HandshakeTimeout;

    public ConnectionListener Listener => listener;

    /// <summary>Where it listens.</summary>
    public EndPoint EndPoint => listener.EndPoint;

    /// <summary>Runs until the port is disposed; sessions are ended by whoever owns the directory.</summary>
    public async Task RunAsync()
    {
        while (true)
        {
            Connection? connection;
            try
            {
                connection = await listener.AcceptAsync();
            }
            catch (SocketException e)
            {
                log.LinkAcceptFailed(SocketDialer.Text(listener.EndPoint), e.Message);
                await Task.Delay(Pause, time);
                continue;
            }

            if (connection is null)
                break;
            var network = ClientNetwork.Of((connection.RemoteEndPoint as IPEndPoint)?.Address) ?? "";
            if (_turns.TryEnter(network)) _served.Add(ServeAsync(connection, network));
            else await RefuseAsync(connection, DialOutcome.Failed(CloseReason.TooManyFromClient, $"as many from there, or in all, have not finished their handshake as may be ({HandshakeTurns.MostGuestsOfOne}, {HandshakeTurns.MostGuests})"));
        }

        await _served.WhenAllAsync();
    }

    public ValueTask DisposeAsync() => listener.DisposeAsync();

    // Once a moment, however many wait. Of another network only where that helps: who has its share waits for its own.
    private void MakeRoom(string network)
    {
        var (before, now) = (Volatile.Read(ref _madeRoomAt), time.GetTimestamp());
        if (before != long.MinValue && time.GetElapsedTime(before, now) < Pause || Interlocked.CompareExchange(ref _madeRoomAt, now, before) != before) return;
        var isFull = _turns.IsFull;
        foreach (var (connection, _) in _underWay
            .Where(h => (isFull || h.Value.Network == network) && time.GetElapsedTime(h.Value.Since) > Patience).OrderBy(h => h.Value.Since).Take(MostEvicted)) connection.Abort(CloseReason.HandshakeTimeout);
    }

    private async Task ServeAsync(Connection connection, string network)
    {
        DialOutcome secured;
        try
        {
            secured = await FirstByteAsync(connection) ?? await SecureAsync(connection, network);
        }
        finally
        {
            _turns.Leave(network);
        }

        if (other is var (protocol, serve) && secured.Connection is TlsConnection tls && tls.Protocol == protocol)
            await serve(tls, connection.RemoteEndPoint);
        else if (secured.Connection is { Peer: { } peer } link)
            await acceptorFor(peer, connection.RemoteEndPoint).RunAsync(link);
        else
            await RefuseAsync(connection, secured);
    }

    // Who says nothing takes no turn. What he says stays unread.
    private async Task<DialOutcome?> FirstByteAsync(Connection connection)
    {
        try
        {
            using var deadline = new CancellationTokenSource(HandshakeLimit, time);
            var read = await connection.Input.ReadAsync(deadline.Token);
            var hasCome = !read.Buffer.IsEmpty;
            connection.Input.AdvanceTo(read.Buffer.Start);
            return hasCome ? null : DialOutcome.Failed(CloseReason.ClientLeft, "it left before the TLS handshake began");
        }
        catch (ConnectionBrokenException)
        {
            return DialOutcome.Failed(CloseReason.ClientLeft, "it left before the TLS handshake began");
        }
        catch (OperationCanceledException)
        {
            return DialOutcome.Failed(CloseReason.HandshakeTimeout, $"it said nothing for {HandshakeLimit.TotalSeconds:0.###} s");
        }
    }

    private async Task<DialOutcome> SecureAsync(Connection connection, string network)
    {
        try
        {
            using var patience = new CancellationTokenSource(LongestWait, time);
            var turn = _turns.TakeAsync(network, patience.Token);
            while (!turn.IsCompleted)
            {
                await Task.WhenAny(turn, Task.Delay(Look, time, CancellationToken.None));
                if (!turn.IsCompleted) MakeRoom(network);
            }

            await turn;
        }
        catch (OperationCanceledException)
        {
            return DialOutcome.Failed(CloseReason.HandshakeTimeout, $"its turn for a handshake did not come within {LongestWait.TotalSeconds:0} s");
        }

        _underWay[connection] = (time.GetTimestamp(), network);
        try
        {
            return await handshake().RunAsync(connection, HandshakeLimit, CancellationToken.None);
        }
        finally
        {
            _underWay.TryRemove(connection, out _);
            _turns.Give(network);
        }
    }

    private async Task RefuseAsync(Connection connection, DialOutcome why)
    {
        // A health check, a port scan: no line for people.
        if (why.Reason != CloseReason.ClientLeft) failures?.Deny(why.Reason.Name());
        if (why.Reason != CloseReason.ClientLeft && _strangers.TryTake(time, out var leftOut))
            log.LinkStrangerRefused(connection.RemoteEndPoint is { } from ? SocketDialer.Text(from) : "?", leftOut == 0 ? why.Detail : $"{why.Detail} ({leftOut} more since the last such line)");
        connection.Abort(CloseReason.NotPermitted);
        await connection.DisposeAsync();
    }
}
