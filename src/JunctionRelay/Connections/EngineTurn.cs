using System.Collections.Concurrent;
using System.Net.Sockets;
using System.Runtime.CompilerServices;

namespace JunctionRelay.Connections;

/// <summary>
/// Work for the thread that serves the sockets, done there behind everything that is ready now: in the next turn of the socket engine. On the thread pool where
/// there is no socket that could call the engine.
/// </summary>
/// <remarks>
/// The engine offers no such thing, but it waits for sockets: this is a datagram socket connected to itself, so that nobody else can send to it, and a byte in
/// it is found with the next look at all sockets. What it saves: docs/decisions/0004.
/// </remarks>
internal sealed class EngineTurn : IAsyncDisposable
{
    private static readonly byte[] Call = [0];

    private readonly ConcurrentQueue<Action> _next = new();
    private readonly Socket? _socket;
    private readonly Task _listening;
    private int _called;
    private volatile bool _isDeaf;

    public EngineTurn()
    {
        _socket = OperatingSystem.IsLinux() ? ConnectedToItself() : null;
        _isDeaf = _socket is null;
        _listening = _socket is null ? Task.CompletedTask : ListenAsync(_socket);
    }

    /// <summary>Has <paramref name="work"/> done in the next turn; it must neither wait nor throw. From any thread, never waits.</summary>
    public void Post(Action work)
    {
        _next.Enqueue(work);
        if (Interlocked.Exchange(ref _called, 1) == 1) return;
        // One byte at most is ever on the way, so that the socket has room for it.
        if (!_isDeaf && _socket!.Send(Call, SocketFlags.None, out _) == Call.Length) return;
        BeginElsewhere();
    }

    /// <summary>What follows goes on in the next turn: lets all others have theirs.</summary>
    public Awaitable NextAsync() => new(this);

    /// <summary>Nothing may be posted any more, nor be left undone.</summary>
    public async ValueTask DisposeAsync()
    {
        _isDeaf = true;
        _socket?.Dispose();
        await _listening;
    }

    private void Begin()
    {
        // First, so that whatever is posted from now on calls again.
        Interlocked.Exchange(ref _called, 0);
        for (var left = _next.Count; left > 0 && _next.TryDequeue(out var work); left--) work();
    }

    private void BeginElsewhere() => ThreadPool.UnsafeQueueUserWorkItem(static turn => turn.Begin(), this, preferLocal: false);

    private static Socket? ConnectedToItself()
    {
        Socket? socket = null;
        try
        {
            socket = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified) { Blocking = false };
            // In the abstract namespace: no file to remove.
            var self = new UnixDomainSocketEndPoint($"\0junction-{Guid.NewGuid():N}");
            socket.Bind(self);
            socket.Connect(self);
            return socket;
        }
        catch (SocketException)
        {
            // A service manager may forbid the family, or descriptors have run out.
            socket?.Dispose();
            return null;
        }
    }

    private async Task ListenAsync(Socket socket)
    {
        var call = new byte[1];
        try
        {
            while (true)
            {
                await socket.ReceiveAsync(call.AsMemory(), SocketFlags.None);
                Begin();
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // Disposed, as a rule. If not, nothing that was posted may be lost: a link would wait for it for ever.
            _isDeaf = true;
            if (!_next.IsEmpty) BeginElsewhere();
        }
    }

    /// <summary>For <c>await</c>.</summary>
    internal readonly struct Awaitable(EngineTurn turn) : ICriticalNotifyCompletion
    {
        public bool IsCompleted => false;

        public Awaitable GetAwaiter() => this;

        public void GetResult()
        {
        }

        public void OnCompleted(Action continuation) => turn.Post(continuation);

        public void UnsafeOnCompleted(Action continuation) => turn.Post(continuation);
    }
}
