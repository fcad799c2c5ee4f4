using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace JunctionRelay.Load.Sockets;

/// <summary>Level-triggered epoll over file descriptors. One thread owns it.</summary>
internal sealed unsafe class Poller : IDisposable
{
    public const uint Readable = 0x1, Writable = 0x4, Broken = 0x8 | 0x10;   // EPOLLIN, EPOLLOUT, EPOLLERR | EPOLLHUP

    private const int Add_ = 1, Remove_ = 2, Change_ = 3;
    private const int MaxEvents = 256;

    // struct epoll_event is packed on x86-64 (12 bytes) and aligned everywhere else (16 bytes).
    private static readonly int Stride = RuntimeInformation.ProcessArchitecture == Architecture.X64 ? 12 : 16;
    private static readonly int DataAt = Stride - 8;

    private readonly int _epoll;
    private readonly byte* _events;

    public Poller()
    {
        _epoll = Libc.EpollCreate(Libc.SockCloseOnExec);
        if (_epoll < 0)
            throw new LoadException($"epoll_create1: {Libc.LastErrorText()}");
        _events = (byte*)NativeMemory.AllocZeroed((nuint)(MaxEvents * Stride));
    }

    public void Add(int file, uint events) => Control(Add_, file, events);

    public void Change(int file, uint events) => Control(Change_, file, events);

    public void Remove(int file) => Control(Remove_, file, 0);

    /// <summary>How many events came within <paramref name="milliseconds"/> (-1 = wait for one); an interrupted wait is 0 events.</summary>
    public int Wait(int milliseconds) => Math.Max(0, Libc.EpollWait(_epoll, _events, MaxEvents, milliseconds));

    /// <summary>The file descriptor of event <paramref name="index"/> of the last <see cref="Wait"/>.</summary>
    public int FileAt(int index) => Unsafe.ReadUnaligned<int>(_events + (index * Stride) + DataAt);

    public uint EventsAt(int index) => Unsafe.ReadUnaligned<uint>(_events + (index * Stride));

    public void Dispose()
    {
        _ = Libc.Close(_epoll);
        NativeMemory.Free(_events);
    }

    private void Control(int operation, int file, uint events)
    {
        var entry = stackalloc byte[16];
        Unsafe.WriteUnaligned(entry, events);
        Unsafe.WriteUnaligned(entry + DataAt, (long)file);
        if (Libc.EpollControl(_epoll, operation, file, entry) < 0)
            throw new LoadException($"epoll_ctl on descriptor {file}: {Libc.LastErrorText()}");
    }
}
