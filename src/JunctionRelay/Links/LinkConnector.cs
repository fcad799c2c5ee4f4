using System.Net;
using JunctionRelay.Connections;

namespace JunctionRelay.Links;

/// <summary>
/// Makes the TLS connections of one dialled link: goes round its addresses, one further at each call, and resolves their names anew each time.
/// </summary>
internal sealed class LinkConnector(IReadOnlyList<EndPoint> addresses, SocketDialer dialer, TlsHandshake handshake)
{
    private static readonly TimeSpan ConnectTimeout = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan HandshakeTimeout = TimeSpan.FromSeconds(10);

    private int _next = -1;

    /// <exception cref="IOException">This address did not lead to the peer; the message says why.</exception>
    public async ValueTask<Connection> ConnectAsync(CancellationToken cancellationToken)
    {
        var address = addresses[(int)((uint)Interlocked.Increment(ref _next) % (uint)addresses.Count)];
        var dialled = await dialer.DialAsync(address, ConnectTimeout, cancellationToken);
        if (dialled.Connection is not { } transport) throw new IOException(dialled.Detail);
        var secured = await handshake.RunAsync(transport, HandshakeTimeout, cancellationToken);
        if (secured.Connection is { } connection) return connection;
        transport.Abort(secured.Reason);
        throw new IOException($"{SocketDialer.Text(address)}: {secured.Detail}");
    }
}
