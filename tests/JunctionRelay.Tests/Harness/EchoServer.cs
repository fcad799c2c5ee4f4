using System.Net;
using System.Net.Sockets;

namespace JunctionRelay.Tests.Harness;

/// <summary>Sends back what it gets, to anybody, and ends when the client ends. Probes are no trouble to it.</summary>
public sealed class EchoServer : IAsyncDisposable
{
    private readonly Socket _listener = Peer.Listen();
    private readonly Task _accepting;

    public EchoServer() => _accepting = AcceptAsync();

    public EndPoint Address => _listener.LocalEndPoint!;

    /// <summary>Asks through <paramref name="client"/> whether the way to an echo server is whole.</summary>
    public static async Task AskAsync(Peer client)
    {
        await client.SendAsync("there"u8.ToArray());
        Assert.Equal("there"u8.ToArray(), await client.ReadAsync(5));
    }

    public async ValueTask DisposeAsync()
    {
        _listener.Dispose();
        await _accepting;
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true) _ = EchoAsync(await _listener.AcceptAsync());
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // Disposed.
        }
    }

    private static async Task EchoAsync(Socket socket)
    {
        using (socket)
        {
            try
            {
                var buffer = new byte[4096];
                for (int length; (length = await socket.ReceiveAsync(buffer)) > 0;) await socket.SendAsync(buffer.AsMemory(0, length));
                socket.Shutdown(SocketShutdown.Send);
            }
            catch (SocketException)
            {
                // The client's business.
            }
        }
    }
}
