using System.Net;
using System.Net.Sockets;
using System.Threading.Channels;

namespace JunctionRelay.Tests.Harness;

/// <summary>A way between two junctions that can be long, and cut like a real one: by resets, by a clean end, or by silence.</summary>
internal sealed class BlackHole : IAsyncDisposable
{
    /// <summary>Pieces that may be on a long way at once; then its sender waits.</summary>
    private const int MostPieces = 64;

    private readonly Socket _listener;
    private readonly EndPoint _to;
    private readonly Func<Socket> _socket;
    private readonly TimeSpan _delay;
    private readonly Lock _lock = new();
    private readonly List<Way> _ways = [];   // under _lock
    private readonly Task _accepting;
    private volatile bool _swallows;

    /// <param name="to">Where the way leads.</param>
    /// <param name="at">Where it begins; null for a port of loopback.</param>
    /// <param name="socket">Makes its sockets, so that both ends may lie in another network.</param>
    /// <param name="delay">How long a byte is under way.</param>
    public BlackHole(EndPoint to, EndPoint? at = null, Func<Socket>? socket = null, TimeSpan delay = default)
    {
        (_to, _delay, _socket) = (to, delay, socket ?? (static () => new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp)));
        _listener = _socket();
        _listener.Bind(at ?? new IPEndPoint(IPAddress.Loopback, 0));
        _listener.Listen();
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
                var far = _socket();
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

    private async Task PassAsync(Way way, Socket from, Socket to)
    {
        var line = Channel.CreateBounded<(byte[] Bytes, long Sent)>(MostPieces);
        var arriving = ArriveAsync(way, line.Reader, to);
        var buffer = new byte[64 * 1024];
        var ended = false;
        try
        {
            while (await from.ReceiveAsync(buffer) is > 0 and var count)
            {
                await line.Writer.WriteAsync((buffer[..count], TimeProvider.System.GetTimestamp()));
            }

            ended = true;
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // Broken, or cut: passed on as a reset.
        }

        line.Writer.Complete();
        await arriving;
        if (way.IsDead) return;
        try
        {
            if (ended) to.Shutdown(SocketShutdown.Send);
            else to.Close(0);
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // It has gone as well.
        }
    }

    private async Task ArriveAsync(Way way, ChannelReader<(byte[] Bytes, long Sent)> line, Socket to)
    {
        await foreach (var (bytes, sent) in line.ReadAllAsync())
        {
            try
            {
                var left = _delay - TimeProvider.System.GetElapsedTime(sent);
                if (left > TimeSpan.Zero) await Task.Delay(left);
                if (!way.IsDead) await to.SendAsync(bytes);
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException)
            {
                // Who sends is not left waiting: the rest goes nowhere. The receiver's own end is passed on the other way.
                if (!way.IsDead) to.Close(0);
            }
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
