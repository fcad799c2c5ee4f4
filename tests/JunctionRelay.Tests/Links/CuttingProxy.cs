using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;

namespace JunctionRelay.Tests.Links;

/// <summary>A TCP proxy between two junctions that cuts what it carries: by reset, by end, or by carrying nothing any more.</summary>
internal sealed class CuttingProxy : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly EndPoint _target;
    private readonly ConcurrentDictionary<int, Carried> _carried = new();
    private readonly Task _accepting;
    private int _accepted;

    public CuttingProxy(EndPoint target)
    {
        _target = target;
        _listener.Start();
        _accepting = AcceptAsync();
    }

    public EndPoint EndPoint => _listener.LocalEndpoint;

    /// <summary>New connections are taken and dropped at once.</summary>
    public volatile bool IsDown;

    /// <summary>Cuts everything that is carried now.</summary>
    public void Cut(CutKind kind)
    {
        foreach (var (id, carried) in _carried)
        {
            if (kind == CutKind.BlackHole)
            {
                carried.IsSilent = true;
                continue;
            }

            if (_carried.TryRemove(id, out _))
                carried.Close(kind == CutKind.Reset);
        }
    }

    public async ValueTask DisposeAsync()
    {
        _listener.Stop();
        Cut(CutKind.Reset);
        await _accepting;
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                var near = await _listener.AcceptSocketAsync();
                if (IsDown)
                {
                    near.Close();
                    continue;
                }

                var far = new Socket(SocketType.Stream, ProtocolType.Tcp);
                try
                {
                    await far.ConnectAsync(_target);
                }
                catch (SocketException)
                {
                    near.Close();
                    continue;
                }

                near.NoDelay = far.NoDelay = true;
                var carried = new Carried(near, far);
                _carried[++_accepted] = carried;
                _ = PumpAsync(near, far, carried);
                _ = PumpAsync(far, near, carried);
            }
        }
        catch (SocketException)
        {
            // Stopped.
        }
        catch (ObjectDisposedException)
        {
            // The same.
        }
    }

    private static async Task PumpAsync(Socket from, Socket to, Carried carried)
    {
        var buffer = new byte[16 * 1024];
        try
        {
            while (await from.ReceiveAsync(buffer.AsMemory()) is > 0 and var length)
            {
                if (carried.IsSilent)
                    continue;
                for (var sent = 0; sent < length;)
                    sent += await to.SendAsync(buffer.AsMemory(sent, length - sent));
            }

            to.Shutdown(SocketShutdown.Send);
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            carried.Close(reset: true);
        }
    }

    private sealed class Carried(Socket near, Socket far)
    {
        public volatile bool IsSilent;

        public void Close(bool reset)
        {
            foreach (var socket in new[] { near, far })
            {
                try
                {
                    if (reset)
                        socket.LingerState = new LingerOption(true, 0);
                    socket.Close();
                }
                catch (Exception e) when (e is SocketException or ObjectDisposedException)
                {
                    // Closed already.
                }
            }
        }
    }
}
