using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;

namespace JunctionRelay.Scenarios.Harness;

/// <summary>A server of the scenario's own on 127.0.0.1, or at an address of another host: each connection goes to one handler; disposal resets what is still open.</summary>
internal sealed class LoopbackServer : IAsyncDisposable
{
    private readonly Socket _listener;
    private readonly Func<Socket, Task> _handle;
    private readonly ConcurrentDictionary<Socket, Task> _open = new();
    private readonly Task _accepting;
    private int _accepted;

    /// <param name="handle">Serves one connection and ends it; a broken connection is its client's business and no failure.</param>
    /// <param name="port">The port; 0 lets the kernel choose.</param>
    /// <param name="host">Where it listens; null for this machine.</param>
    /// <param name="address">At which of its addresses; null for 127.0.0.1.</param>
    public LoopbackServer(Func<Socket, Task> handle, int port = 0, Host? host = null, string? address = null)
    {
        (_handle, _listener) = (handle, HostSockets.Create(host ?? Host.Machine));
        _listener.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.ReuseAddress, true);
        _listener.Bind(new IPEndPoint(address is null ? IPAddress.Loopback : IPAddress.Parse(address), port));
        _listener.Listen(512);
        Port = ((IPEndPoint)_listener.LocalEndPoint!).Port;
        _accepting = Accept();
    }

    /// <summary>Where it listens.</summary>
    public int Port { get; }

    /// <summary>How many connections it has had.</summary>
    public int Accepted => Volatile.Read(ref _accepted);

    /// <summary>How many connections it has now.</summary>
    public int Open => _open.Count;

    /// <summary>A server that sends back what it gets, and ends when its client ends.</summary>
    public static LoopbackServer Echo(int port = 0) => new(EchoAll, port);

    public async ValueTask DisposeAsync()
    {
        _listener.Dispose();
        await _accepting;
        foreach (var (socket, serving) in _open)
        {
            socket.Close(0);
            await serving;
        }
    }

    private static async Task EchoAll(Socket socket)
    {
        var buffer = new byte[64 * 1024];
        int length;
        while ((length = await socket.ReceiveAsync(buffer)) > 0)
        {
            for (var sent = 0; sent < length;)
                sent += await socket.SendAsync(buffer.AsMemory(sent, length - sent));
        }

        socket.Shutdown(SocketShutdown.Send);
    }

    private async Task Accept()
    {
        while (true)
        {
            try
            {
                var socket = await _listener.AcceptAsync();
                Interlocked.Increment(ref _accepted);
                var served = new TaskCompletionSource();
                _open[socket] = served.Task;   // before it is served, so that it cannot leave before it came
                _ = Serve(socket, served);
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException)
            {
                return;
            }
        }
    }

    private async Task Serve(Socket socket, TaskCompletionSource served)
    {
        try
        {
            await _handle(socket);
        }
        catch (Exception e) when (e is SocketException or IOException or ObjectDisposedException)
        {
        }
        finally
        {
            socket.Dispose();
            _open.TryRemove(socket, out _);
            served.SetResult();
        }
    }
}
