using System.Collections.Concurrent;
using System.Globalization;
using System.Net.Sockets;
using System.Runtime.CompilerServices;

namespace JunctionRelay.Connections;

/// <summary>
/// Work for the thread that serves the sockets, done there behind everything that is ready now: in the next turn of the socket engine. On the thread pool where
/// there is no socket that could call the engine.
/// </summary>
/// <remarks>
/// The engine offers no such thing, but it waits for sockets: here are two datagram sockets connected to each other, so that nobody else can send to them, and a
/// byte from the one to the other is found with the next look at all sockets. The engine sees the receiving one only: one that also sent would wake it a second
/// time, to say that it may send again. What it saves: docs/decisions/0004.
/// </remarks>
internal sealed class EngineTurn : IAsyncDisposable
{
    private static readonly byte[] Call = [0];
    private static readonly EngineTurn[] Shared = [.. Enumerable.Range(0, EngineThreads).Select(_ => new EngineTurn())];
    private static uint _shares;

    private readonly ConcurrentQueue<Action> _next = new();
    private readonly Socket? _caller;
    private readonly Socket? _called;
    private readonly Task _listening;
    private int _isCalled;
    private volatile bool _isDeaf;

    public EngineTurn()
    {
        (_caller, _called) = OperatingSystem.IsLinux() && Pair() is { } pair ? pair : (null, null);
        _isDeaf = _called is null;
        _listening = _called is null ? Task.CompletedTask : ListenAsync(_called);
    }

    /// <summary>One of a few that all links share, each in its turn: as many as the engine has threads, each of which serves the sockets that came to it.</summary>
    public static EngineTurn Share() => Shared[(int)(Interlocked.Increment(ref _shares) % (uint)Shared.Length)];

    /// <summary>Has <paramref name="work"/> done in the next turn; it must neither wait nor throw. From any thread, never waits.</summary>
    public void Post(Action work)
    {
        _next.Enqueue(work);
        if (Interlocked.Exchange(ref _isCalled, 1) == 1) return;
        // One byte at most is ever on the way, so that the socket has room for it.
        if (!_isDeaf && _caller!.Send(Call, SocketFlags.None, out _) == Call.Length) return;
        BeginElsewhere();
    }

    /// <summary>What follows goes on in the next turn: lets all others have theirs.</summary>
    public Awaitable NextAsync() => new(this);

    /// <summary>Nothing may be posted any more, nor be left undone.</summary>
    public async ValueTask DisposeAsync()
    {
        _isDeaf = true;
        _caller?.Dispose();
        _called?.Dispose();
        await _listening;
    }

    // The program sets the variable as it starts; without it the engine begins one thread for 30 processors.
    private static int EngineThreads =>
        int.TryParse(Environment.GetEnvironmentVariable("DOTNET_SYSTEM_NET_SOCKETS_THREAD_COUNT"), CultureInfo.InvariantCulture, out var threads) && threads > 0 ? threads : 1;

    private void Begin()
    {
        // First, so that whatever is posted from now on calls again.
        Interlocked.Exchange(ref _isCalled, 0);
        for (var left = _next.Count; left > 0 && _next.TryDequeue(out var work); left--) work();
    }

    private void BeginElsewhere() => ThreadPool.UnsafeQueueUserWorkItem(static turn => turn.Begin(), this, preferLocal: false);

    private static (Socket Caller, Socket Called)? Pair()
    {
        Socket? caller = null, called = null;
        try
        {
            // In the abstract namespace: no files to remove.
            var name = $"\0junction-{Guid.NewGuid():N}";
            var (callerName, calledName) = (new UnixDomainSocketEndPoint($"{name}-caller"), new UnixDomainSocketEndPoint($"{name}-called"));
            caller = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified) { Blocking = false };
            called = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified) { Blocking = false };
            caller.Bind(callerName);
            called.Bind(calledName);
            caller.Connect(calledName);
            called.Connect(callerName);
            return (caller, called);
        }
        catch (SocketException)
        {
            // A service manager may forbid the family, or descriptors have run out.
            caller?.Dispose();
            called?.Dispose();
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
