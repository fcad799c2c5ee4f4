using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace JunctionRelay.Connections;

/// <summary>A bound TCP port or unix socket.</summary>
internal sealed class SocketListener : ConnectionListener
{
    /// <summary>Asked for; the kernel's <c>net.core.somaxconn</c> is the bound (a burst of jobs starts at once).</summary>
    private const int Backlog = 4096;

    /// <summary>Owner and group may connect to a unix socket of ours.</summary>
    private const UnixFileMode UnixSocketMode =
        UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.GroupWrite;

    private readonly Socket _socket;
    private volatile SocketSettings _settings;
    private readonly bool _isInherited;
    private readonly Lock _lock = new();
    private TaskCompletionSource? _paused;   // under _lock; completed when listening again
    private int _pauses;
    private volatile bool _stopped;
    private bool _isLent;   // under _lock

    private SocketListener(Socket socket, SocketSettings settings, bool isInherited = false)
    {
        (_socket, _settings, _isInherited) = (socket, settings, isInherited);
        EndPoint = socket.LocalEndPoint!;
    }

    public override EndPoint EndPoint { get; }

    /// <summary>Binds and listens.</summary>
    /// <param name="endPoint">An <see cref="IPEndPoint"/> or <see cref="UnixDomainSocketEndPoint"/>.</param>
    /// <param name="settings">What accepted sockets inherit.</param>
    /// <param name="v6Only">For an IPv6 wildcard: do not take IPv4 clients as well.</param>
    /// <param name="inherited">Sockets that listen already: one at this address is used instead of a new one.</param>
    /// <param name="leaving">Listeners of ours that are about to close: one that is in the way (of *:443, at 127.0.0.1:443) has the port beside this one until then. Linux only.</param>
    /// <exception cref="SocketException">The address is in use, not ours, or a privileged port.</exception>
    public static SocketListener Bind(
        EndPoint endPoint, SocketSettings settings, bool v6Only = false, InheritedSockets? inherited = null, IEnumerable<ConnectionListener>? leaving = null)
    {
        try
        {
            return Bind(endPoint, settings, v6Only, inherited, beside: []);
        }
        catch (SocketException e) when (e.SocketErrorCode == SocketError.AddressAlreadyInUse && OperatingSystem.IsLinux() && InTheWay(endPoint, leaving).Length > 0)
        {
            return Bind(endPoint, settings, v6Only, inherited: null, InTheWay(endPoint, leaving));
        }
    }

    private static Socket[] InTheWay(EndPoint endPoint, IEnumerable<ConnectionListener>? leaving) => endPoint is not IPEndPoint wanted || leaving is null ? []
        : [.. leaving.OfType<SocketListener>().Where(l => l.EndPoint is IPEndPoint has && has.Port == wanted.Port).Select(l => l._socket)];

    private static SocketListener Bind(EndPoint endPoint, SocketSettings settings, bool v6Only, InheritedSockets? inherited, Socket[] beside)
    {
        if (inherited?.Take(endPoint) is { } listening) return Adopt(listening, settings);
        var unix = endPoint as UnixDomainSocketEndPoint;
        var socket = unix is not null
            ? new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified)
            : new Socket(endPoint.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            if (endPoint.AddressFamily == AddressFamily.InterNetworkV6) socket.DualMode = !v6Only;
            settings.Apply(socket);
            using var room = beside.Length == 0 ? default : new Room([.. beside, socket]);
            if (unix is not null) UnixSocketFile.Bind(socket, unix, UnixSocketMode);
            else socket.Bind(endPoint);
            if (endPoint is IPEndPoint { Port: 0 } && OperatingSystem.IsLinux())
            {
                // Linux gives a port that it chose itself back as soon as the socket stops listening: ask for the same one by its number.
                var chosen = socket.LocalEndPoint!;
                socket.Dispose();
                return Bind(chosen, settings, v6Only);
            }

            socket.Listen(Backlog);
            return new SocketListener(socket, settings);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private static SocketListener Adopt(Socket socket, SocketSettings settings)
    {
        settings.Apply(socket);
        // It may have been bound only; and our backlog is the larger one.
        socket.Listen(Backlog);
        return new SocketListener(socket, settings, isInherited: true);
    }

    public override async ValueTask<Connection?> AcceptAsync()
    {
        while (!_stopped)
        {
            Socket accepted;
            var pauses = Volatile.Read(ref _pauses);
            if (CanPause && Paused is { } over)
            {
                // A socket that does not listen fails every accept at once.
                await over;
                continue;
            }

            try
            {
                accepted = await _socket.AcceptAsync();
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException && _stopped)
            {
                return null;
            }
            catch (SocketException) when (pauses != Volatile.Read(ref _pauses))
            {
                // The pause ended this accept; it may be over by now.
                await (Paused ?? Task.CompletedTask);
                continue;
            }
            catch (SocketException e) when (e.SocketErrorCode == SocketError.InvalidArgument && TryListenAgain())
            {
                continue;
            }

            if (Paused is not null)
            {
                // Where the system cannot stop listening on a bound port, or the client slipped in before it did.
                new SocketConnection(accepted).Abort(CloseReason.NoTargetUp);
                continue;
            }

            if (!OperatingSystem.IsLinux() && !TryApply(accepted)) continue;
            return new SocketConnection(accepted);
        }

        return null;
    }

    /// <summary>What is accepted from now on gets other options.</summary>
    public void Apply(SocketSettings settings)
    {
        if (settings == _settings) return;
        _settings = settings;
        settings.Apply(_socket);
    }

    /// <summary>
    /// For another process, which from then on listens on the same socket: what either of them does to it happens to both. So the port is not paused any more, and closing it
    /// leaves it, and the file of a unix socket, to the other one.
    /// </summary>
    public Socket Lend()
    {
        lock (_lock)
        {
            _isLent = true;
            return _socket;
        }
    }

    /// <summary>The other process has gone: the port is as it was, paused or not.</summary>
    public void TakeBack()
    {
        lock (_lock)
        {
            if (_stopped || !_isLent) return;
            _isLent = false;
            if (_paused is not null && CanPause) Pause();
        }
    }

    public override bool Listen(bool listening)
    {
        lock (_lock)
        {
            if (_stopped || _isLent || listening == (_paused is null)) return false;
            if (listening)
            {
                if (CanPause)
                {
                    // Connections that were accepted before stand on the same port: listening beside them takes the permission to share it.
                    SharePort(_socket, true);
                    _socket.Listen(Backlog);
                }

                _paused!.SetResult();
                _paused = null;
            }
            else
            {
                _paused = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
                Interlocked.Increment(ref _pauses);
                if (CanPause) Pause();
            }

            return true;
        }
    }

    public override ValueTask DisposeAsync()
    {
        bool isLent;
        lock (_lock)
        {
            if (_stopped) return ValueTask.CompletedTask;
            _stopped = true;
            isLent = _isLent;
            _paused?.TrySetResult();
        }

        if (isLent) MarkAsShared(_socket.SafeHandle);
        _socket.Dispose();
        // Whoever made the socket owns its file, unless somebody else listens there now.
        if (!_isInherited && !isLent && EndPoint is UnixDomainSocketEndPoint unix) File.Delete(unix.ToString());
        return ValueTask.CompletedTask;
    }

    /// <summary>Before a listening socket that another process has, too, is disposed of.</summary>
    // A socket that is disposed of while a thread is in a system call on it (an accept, on a busy machine) is disconnected by the framework to get the thread out, and the other process
    // would listen no more; unless programs inherit it, by which the framework knows sockets that others have as well (SafeSocketHandle.TryUnblockSocket). It is closed in the next moment.
    public static void MarkAsShared(SafeSocketHandle socket) => _ = Fcntl((int)socket.DangerousGetHandle(), SetDescriptorFlags, 0);

    private const int SetDescriptorFlags = 2;   // F_SETFD of fcntl(2)

    [DllImport("libc", EntryPoint = "fcntl"), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Fcntl(int descriptor, int command, int flags);

    // The process before us shares the socket until it has gone, and what happens to it there happens here: a port that nobody listens on any more would stay so for good.
    private bool TryListenAgain()
    {
        lock (_lock)
        {
            if (!_isInherited || _isLent || _stopped || _paused is not null) return false;
            SharePort(_socket, true);
            _socket.Listen(Backlog);
            return true;
        }
    }

    // Linux: a listening socket that is shut down for reading stops listening and keeps its port (haproxy pauses so, too).
    private void Pause()
    {
        // The framework lets sockets share a port that nobody listens on; then somebody else could take ours meanwhile.
        SharePort(_socket, false);
        _socket.Shutdown(SocketShutdown.Receive);
    }

    private bool CanPause => OperatingSystem.IsLinux() && _socket.ProtocolType == ProtocolType.Tcp;

    private Task? Paused
    {
        get
        {
            lock (_lock) return _paused?.Task;
        }
    }

    // The kernel gives a port to a second socket of the same user when both say SO_REUSEPORT; taken back at once, so that nobody joins them by accident.
    private readonly struct Room : IDisposable
    {
        private readonly Socket[]? _all;

        public Room(Socket[] all)
        {
            _all = all;
            Set(1);
        }

        public void Dispose() => Set(0);

        // SOL_SOCKET, SO_REUSEPORT of Linux.
        private void Set(int share)
        {
            foreach (var socket in _all ?? []) socket.SetRawSocketOption(1, 15, BitConverter.GetBytes(share));
        }
    }

    /// <summary>On Linux: whether a listener may use the port of this socket beside it (SOL_SOCKET, SO_REUSEADDR; the framework's own option of that name means SO_REUSEPORT as well).</summary>
    public static void SharePort(Socket socket, bool share) => socket.SetRawSocketOption(1, 2, BitConverter.GetBytes(share ? 1 : 0));

    private bool TryApply(Socket accepted)
    {
        try
        {
            _settings.Apply(accepted);
            return true;
        }
        catch (SocketException)
        {
            accepted.Dispose();
            return false;
        }
    }
}
