using System.Net;
using System.Net.Sockets;

namespace JunctionRelay.Tests.Harness;

/// <summary>A way between two junctions that can be cut like a real one: by resets, by a clean end, or by silence.</summary>
internal sealed class BlackHole : IAsyncDisposable
{
    private readonly Socket _listener = Peer.Listen();
    private readonly EndPoint _to;
    private readonly Lock _lock = new();
    private readonly List<Way> _ways = [];   // under _lock
    private readonly Task _accepting;
    private volatile bool _swallows;

    public BlackHole(EndPoint to)
    {
        _to = to;
        _accepting = AcceptAsync();
    }

    public IPEndPoint Address => (IPEndPoint)_listener.LocalEndPoint!;

    /// <summary>Connections that were led through so far.</summary>
    public int Ways { get; private set; }

    /// <summary>From now on nothing arrives, also on new connections, and nobody is told.</summary>
    public void Swallow()
    {
        _swallows = true;
        Forget();
    }

    /// <summary>What there is goes dead without a word, as when a firewall forgets its flows; new connections work.</summary>
    public void Forget()
    {
        lock (_lock)
        {
            foreach (var way in _ways) way.IsDead = true;
        }
    }

    /// <summary>Connections made from now on work; those that were swallowed stay dead.</summary>
    public void Heal() => _swallows = false;

    /// <summary>Cuts what there is: by RST, or by FIN both ways.</summary>
    public void Cut(bool reset)
    {
        lock (_lock)
        {
            foreach (var way in _ways)
            {
                foreach (var socket in new[] { way.Near, way.Far })
                {
                    Close(socket, reset);
                }
            }

            _ways.Clear();
        }
    }

    public async ValueTask DisposeAsync()
    {
        _listener.Dispose();
        Cut(reset: true);
        await _accepting;
    }

    private static void Close(Socket socket, bool reset)
    {
        try
        {
            if (reset) socket.LingerState = new LingerOption(true, 0);
            socket.Close(reset ? 0 : -1);
        }
        catch (ObjectDisposedException)
        {
            // The junctions were quicker.
        }
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                var near = await _listener.AcceptAsync();
                var far = new Socket(_to.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
                try
                {
                    await far.ConnectAsync(_to);
                }
                catch (SocketException)
                {
                    near.Dispose();
                    continue;
                }

                near.NoDelay = far.NoDelay = true;
                var way = new Way(near, far);
                lock (_lock)
                {
                    way.IsDead = _swallows;
                    _ways.Add(way);
                    Ways++;
                }

                _ = PassAsync(way, near, far);
                _ = PassAsync(way, far, near);
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // The test is over.
        }
    }

    private static async Task PassAsync(Way way, Socket from, Socket to)
    {
        var buffer = new byte[64 * 1024];
        try
        {
            while (await from.ReceiveAsync(buffer) is > 0 and var count)
            {
                if (!way.IsDead) await to.SendAsync(buffer.AsMemory(0, count));
            }

            if (!way.IsDead) to.Shutdown(SocketShutdown.Send);
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            if (!way.IsDead) to.Close(0);
        }
    }

    private sealed class Way(Socket near, Socket far)
    {
        private volatile bool _isDead;

        public Socket Near => near;
        public Socket Far => far;
        public bool IsDead { get => _isDead; set => _isDead = value; }
    }
}
