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
    /// <summary>Handshakes at once: each is a millisecond of arithmetic that a stranger can ask for. Whoever comes meanwhile waits in the system's queue.</summary>
    public const int MostHandshakes = 64;

    public static readonly TimeSpan HandshakeTimeout = TimeSpan.FromSeconds(10);

    /// <summary>Where all are under way, those that have taken longest make room, if they have taken this long: strangers who say nothing keep nobody out for longer.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    /// <summary>So many at a time: most of them may be junctions of a slow machine.</summary>
    private const int MostEvicted = MostHandshakes / 4;

    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(100);

    private readonly RunningTasks _served = new();
    private readonly LineBudget _strangers = new();
    private readonly SemaphoreSlim _handshakes = new(MostHandshakes);
    private readonly ConcurrentDictionary<Connection, long> _underWay = new();   // since when

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
            while (!await _handshakes.WaitAsync(Pause)) MakeRoom();
            try
            {
                connection = await listener.AcceptAsync();
            }
            catch (SocketException e)
            {
                _handshakes.Release();
                log.LinkAcceptFailed(SocketDialer.Text(listener.EndPoint), e.Message);
                await Task.Delay(Pause, time);
                continue;
            }

            if (connection is null)
                break;
            _served.Add(ServeAsync(connection));
        }

        await _served.WhenAllAsync();
    }

    public ValueTask DisposeAsync() => listener.DisposeAsync();

    private void MakeRoom()
    {
        foreach (var (connection, _) in _underWay.Where(h => time.GetElapsedTime(h.Value) > Patience).OrderBy(h => h.Value).Take(MostEvicted)) connection.Abort(CloseReason.HandshakeTimeout);
    }

    private async Task ServeAsync(Connection connection)
    {
        DialOutcome secured;
        _underWay[connection] = time.GetTimestamp();
        try
        {
            secured = await handshake().RunAsync(connection, HandshakeLimit, CancellationToken.None);
        }
        finally
        {
            _underWay.TryRemove(connection, out _);
            _handshakes.Release();
        }

        if (other is var (protocol, serve) && secured.Connection is TlsConnection tls && tls.Protocol == protocol)
        {
            await serve(tls, connection.RemoteEndPoint);
            return;
        }

        if (secured.Connection is not { Peer: { } peer } link)
        {
            // A health check, a port scan: no line for people.
            if (secured.Reason != CloseReason.ClientLeft) failures?.Deny(secured.Reason.Name());
            if (secured.Reason != CloseReason.ClientLeft && _strangers.TryTake(time, out var leftOut))
                log.LinkStrangerRefused(connection.RemoteEndPoint is { } from ? SocketDialer.Text(from) : "?", leftOut == 0 ? secured.Detail : $"{secured.Detail} ({leftOut} more since the last such line)");
            connection.Abort(CloseReason.NotPermitted);
            await connection.DisposeAsync();
            return;
        }

        await acceptorFor(peer, connection.RemoteEndPoint).RunAsync(link);
    }
}
