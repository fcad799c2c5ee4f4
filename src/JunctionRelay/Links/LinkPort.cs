using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using JunctionRelay.Connections;
using Microsoft.Extensions.Logging;

namespace JunctionRelay.Links;

/// <summary>
/// A port where other junctions dial in: accepts, bounds the handshakes that strangers can cause, secures with certificates both ways, asks whether the peer
/// may have a link at all, and hands over to <see cref="LinkAcceptor"/>.
/// </summary>
/// <param name="listener">The bound port.</param>
/// <param name="tls">Our certificate and trust.</param>
/// <param name="admit">Why this peer at this address may have no link, or null when it may.</param>
internal sealed class LinkPort(
    ConnectionListener listener, TlsSettings tls, LinkAcceptor acceptor, Func<PeerIdentity, EndPoint?, string?> admit, ILogger log, TimeProvider time) : IAsyncDisposable
{
    /// <summary>Handshakes at once: each is a millisecond of arithmetic that a stranger can ask for.</summary>
    public const int MostHandshakes = 64;

    public static readonly TimeSpan HandshakeTimeout = TimeSpan.FromSeconds(10);

    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(100);

    private readonly TlsHandshake _handshake = TlsHandshake.Serving(LinkConnector.ForLinks(tls));
    private readonly ConcurrentDictionary<Task, bool> _served = new();
    private int _handshakes;

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
            if (Volatile.Read(ref _handshakes) >= MostHandshakes)
            {
                connection.Abort(CloseReason.TooManyConnections);
                await connection.DisposeAsync();
                continue;
            }

            Interlocked.Increment(ref _handshakes);
            var served = ServeAsync(connection);
            _served.TryAdd(served, true);
            _ = served.ContinueWith(static (task, all) => ((ConcurrentDictionary<Task, bool>)all!).TryRemove(task, out _), _served, TaskScheduler.Default);
        }

        await Task.WhenAll(_served.Keys);
    }

    public ValueTask DisposeAsync() => listener.DisposeAsync();

    private async Task ServeAsync(Connection connection)
    {
        DialOutcome secured;
        try
        {
            secured = await _handshake.RunAsync(connection, HandshakeTimeout, CancellationToken.None);
        }
        finally
        {
            Interlocked.Decrement(ref _handshakes);
        }

        var peer = secured.Connection?.Peer;
        var refusal = secured.Connection is null ? secured.Detail : peer is null ? "it proved no identity" : admit(peer, connection.RemoteEndPoint);
        if (refusal is not null)
        {
            log.LinkPeerRefused(connection.RemoteEndPoint is { } from ? SocketDialer.Text(from) : "?", peer?.Name ?? "nobody", refusal);
            var refused = secured.Connection ?? connection;
            refused.Abort(CloseReason.NotPermitted);
            await refused.DisposeAsync();
            return;
        }

        await acceptor.RunAsync(secured.Connection!);
    }
}
