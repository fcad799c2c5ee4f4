using System.Buffers.Binary;
using System.IO.Pipelines;
using System.Net;
using System.Net.Sockets;
using System.Runtime.CompilerServices;

namespace JunctionRelay.Connections;

/// <summary>
/// A TCP or unix socket as a <see cref="Connection"/>: pipes directly over the socket, synchronous calls first. Does the job of the package
/// Pipelines.Sockets.Unofficial, and what that package and Kestrel's transport lack: half-close and reset (docs/decisions/0001).
/// </summary>
/// <remarks>A unix socket has no reset: its peer sees an abort as an end of stream.</remarks>
internal sealed class SocketConnection : Connection
{
    /// <summary>Makes close send RST and drop what is unsent.</summary>
    public static readonly LingerOption Reset = new(true, 0);

    private const int SocketLevel = 1, PeerCredentials = 17;   // SOL_SOCKET, SO_PEERCRED

    private static readonly LingerOption Deliver = new(false, 0);

    private readonly Socket _socket;
    private readonly SocketInput _input;
    private readonly SocketOutput _output;
    private int _aborted;

    /// <summary>Takes ownership of a connected socket whose options (<see cref="SocketSettings"/>) are set.</summary>
    public SocketConnection(Socket socket)
    {
        socket.Blocking = false;
        _socket = socket;
        _output = new SocketOutput(socket, this);
        _input = new SocketInput(socket, _output);
        RemoteEndPoint = Try(socket, s => s.RemoteEndPoint);
    }

    public override PipeReader Input => _input;
    public override PipeWriter Output => _output;
    public override EndPoint? LocalEndPoint => Try(_socket, s => s.LocalEndPoint);
    public override EndPoint? RemoteEndPoint { get; }

    public override uint? PeerUid
    {
        get
        {
            if (!OperatingSystem.IsLinux() || _socket.AddressFamily != AddressFamily.Unix) return null;
            try
            {
                // unix(7), SO_PEERCRED: struct ucred is pid, uid, gid.
                Span<byte> credentials = stackalloc byte[3 * sizeof(uint)];
                return _socket.GetRawSocketOption(SocketLevel, PeerCredentials, credentials) == credentials.Length ? BitConverter.ToUInt32(credentials[sizeof(uint)..]) : null;
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException)
            {
                return null;
            }
        }
    }

    public override ValueTask<int> ReceiveAsync(Memory<byte> destination, CancellationToken cancellationToken) =>
        _input.ReceiveDirectAsync(destination, cancellationToken);

    public override ValueTask CompleteOutputAsync() => _output.EndAsync();

    public override async ValueTask DrainOutputAsync(TimeSpan limit)
    {
        var pause = TimeSpan.FromMilliseconds(1);
        for (var waited = TimeSpan.Zero; waited < limit && TcpInfo.Of(_socket) is { HasUnsent: true }; waited += pause, pause *= 2)
            await Task.Delay(pause);
    }

    public override ValueTask EndAboveAsync()
    {
        _input.EndEarly();
        return ValueTask.CompletedTask;
    }

    public override void Abort(CloseReason reason)
    {
        if (Interlocked.Exchange(ref _aborted, 1) == 1) return;
        try
        {
            // Linger 0 makes close send RST; Close(0) keeps the framework from sending FIN first to wake its own pending calls.
            _socket.LingerState = Reset;
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // Already gone: nothing left to reset.
        }

        _socket.Close(0);
    }

    public override ConnectionFault? Probe(TimeSpan silentAfter) => TcpInfo.Of(_socket) switch
    {
        null => null,
        // After our own end, a peer that ends as well leaves the socket closed (TIME_WAIT is kept elsewhere), with bytes still to be read.
        { IsClosed: true } => _output.Ended && !HasError ? null : ConnectionFault.Reset,
        { } info => info.Fault(silentAfter),
    };

    public override ValueTask DisposeAsync()
    {
        if (!_input.Ended || !_output.Ended) Abort(CloseReason.InternalError);
        else if (Interlocked.Exchange(ref _aborted, 1) == 0)
        {
            _ = Try(_socket, s => s.LingerState = Deliver);
            _socket.Dispose();
        }

        _input.Complete();
        return ValueTask.CompletedTask;
    }

    // POLLERR: the system holds an error that no call was told of yet; looking does not take it away.
    private bool HasError
    {
        get
        {
            try
            {
                return _socket.Poll(0, SelectMode.SelectError);
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException)
            {
                return false;
            }
        }
    }

    private static T? Try<T>(Socket socket, Func<Socket, T?> read) where T : class
    {
        try
        {
            return read(socket);
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            return null;
        }
    }

    private static ConnectionBrokenException Broken(SocketError error, Exception? inner = null) => new(
        error is SocketError.TimedOut or SocketError.HostUnreachable or SocketError.NetworkUnreachable or SocketError.HostDown
            ? ConnectionFault.Silent
            : ConnectionFault.Reset,
        inner: inner ?? new SocketException((int)error));

    private static ConnectionBrokenException Broken(Exception exception) =>
        Broken(exception is SocketException { SocketErrorCode: var code } ? code : SocketError.OperationAborted, exception);

    /// <summary>The receiving direction: waits with a zero-byte receive, then receives into a pooled buffer without waiting.</summary>
    private sealed class SocketInput(Socket socket, SocketOutput output) : SingleSegmentReader
    {
        protected override ValueTask<int> WaitAsync(CancellationToken cancellationToken) => socket.ReceiveAsync(Memory<byte>.Empty, SocketFlags.None, cancellationToken);

        protected override ConnectionBrokenException? Meaning(Exception exception) => exception is SocketException or ObjectDisposedException ? Broken(exception) : null;

        protected override ValueTask<int> ReceiveAsync(Memory<byte> free, CancellationToken cancellationToken) => new(ReceiveNow(free.Span));

        /// <summary>For TLS, which owns its buffer: what was peeked at first, then straight from the socket.</summary>
        [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
        public async ValueTask<int> ReceiveDirectAsync(Memory<byte> destination, CancellationToken cancellationToken)
        {
            if (!Unconsumed.IsEmpty) return TakeUnconsumed(destination.Span);
            try
            {
                if (destination.IsEmpty)
                {
                    await WaitAsync(cancellationToken);
                    return 0;
                }

                // The buffer is there anyway: to wait without it costs two system calls more.
                var count = await socket.ReceiveAsync(destination, SocketFlags.None, cancellationToken);
                if (count == 0 && WasReset) throw Broken(SocketError.ConnectionReset);
                if (count == 0) Ended = true;
                return count;
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException)
            {
                throw Broken(e);
            }
        }

        /// <summary>
        /// Nothing more of the peer counts, so that closing is no cut. What has arrived already is taken first: a close that leaves bytes unread
        /// sends RST (RFC 9293, 3.6.1), and the peer then loses what is on its way to it.
        /// </summary>
        public void EndEarly()
        {
            Span<byte> scrap = stackalloc byte[1024];
            try
            {
                for (var most = 64; most > 0 && !Ended && ReceiveNow(scrap) > 0; most--)
                {
                }

                Ended = true;
            }
            catch (ConnectionBrokenException)
            {
                // Broken by the peer: there is nobody left to close gently for.
            }
        }

        private int ReceiveNow(Span<byte> free)
        {
            try
            {
                var count = socket.Receive(free, SocketFlags.None, out var error);
                return error switch
                {
                    SocketError.Success when count == 0 && WasReset => throw Broken(SocketError.ConnectionReset),
                    SocketError.Success => count,
                    SocketError.WouldBlock => NothingYet,
                    _ => throw Broken(error),
                };
            }
            catch (ObjectDisposedException e)
            {
                throw Broken(e);
            }
        }

        // The system tells of a reset once only. When our write was told, the read finds an end that looks clean; but a peer that really sent
        // FIN while our own direction is open leaves the socket in CLOSE_WAIT, not closed.
        private bool WasReset => output.Failed || !output.Ended && TcpInfo.Of(socket)?.IsClosed == true;
    }

    /// <summary>The sending direction: sends the caller's memory, waiting only for what the socket did not take at once.</summary>
    private sealed class SocketOutput(Socket socket, SocketConnection owner) : DirectWriter(owner)
    {
        private volatile bool _failed;

        /// <summary>A send was told that the connection is gone.</summary>
        public bool Failed => _failed;

        protected override ValueTask<FlushResult> SendAsync(ReadOnlyMemory<byte> source)
        {
            var sent = SendNow(source.Span);
            return sent == source.Length ? default : SendRestAsync(source[sent..]);
        }

        protected override ValueTask SendEndAsync()
        {
            try
            {
                socket.Shutdown(SocketShutdown.Send);
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException)
            {
                // The peer or we ended it already.
            }

            return ValueTask.CompletedTask;
        }

        private int SendNow(ReadOnlySpan<byte> source)
        {
            try
            {
                var count = socket.Send(source, SocketFlags.None, out var error);
                return error switch
                {
                    SocketError.Success => count,
                    SocketError.WouldBlock => Math.Max(count, 0),
                    _ => throw Fail(Broken(error)),
                };
            }
            catch (ObjectDisposedException e)
            {
                throw Fail(Broken(e));
            }
        }

        [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
        private async ValueTask<FlushResult> SendRestAsync(ReadOnlyMemory<byte> rest)
        {
            try
            {
                while (!rest.IsEmpty) rest = rest[await socket.SendAsync(rest, SocketFlags.None)..];
                return default;
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException)
            {
                throw Fail(Broken(e));
            }
        }

        private ConnectionBrokenException Fail(ConnectionBrokenException broken)
        {
            _failed = true;
            return broken;
        }
    }

    /// <summary>What Linux tells of a TCP socket without reading it: struct tcp_info of linux/tcp.h, whose layout only ever grows at its end.</summary>
    private readonly struct TcpInfo
    {
        private const int ProtocolTcp = 6;
        private const int OptionInfo = 11;
        private const int StateClosed = 7;
        private const int UnacknowledgedAt = 24;
        private const int LastAcknowledgedAt = 56;
        private const int NotSentAt = 144;

        private readonly byte _state;
        private readonly uint _unacknowledged;
        private readonly uint _notSentBytes;
        private readonly TimeSpan _sinceAcknowledged;

        private TcpInfo(ReadOnlySpan<byte> info)
        {
            _state = info[0];
            _unacknowledged = Read(info, UnacknowledgedAt);
            _notSentBytes = Read(info, NotSentAt);
            _sinceAcknowledged = TimeSpan.FromMilliseconds(Read(info, LastAcknowledgedAt));
        }

        public bool IsClosed => _state == StateClosed;
        public bool HasUnsent => _unacknowledged > 0 || _notSentBytes > 0;

        public static TcpInfo? Of(Socket socket)
        {
            if (!OperatingSystem.IsLinux() || socket.ProtocolType != ProtocolType.Tcp) return null;
            try
            {
                Span<byte> info = stackalloc byte[256];
                var length = socket.GetRawSocketOption(ProtocolTcp, OptionInfo, info);
                return length >= NotSentAt + sizeof(uint) ? new TcpInfo(info[..length]) : null;
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException)
            {
                return null;
            }
        }

        // A peer that stops reading still acknowledges our window probes, and then nothing is unacknowledged: only a dead machine is silent.
        public ConnectionFault? Fault(TimeSpan silentAfter) =>
            _unacknowledged > 0 && _sinceAcknowledged >= silentAfter ? ConnectionFault.Silent : null;

        private static uint Read(ReadOnlySpan<byte> info, int at) =>
            BitConverter.IsLittleEndian ? BinaryPrimitives.ReadUInt32LittleEndian(info[at..]) : BinaryPrimitives.ReadUInt32BigEndian(info[at..]);
    }
}
