using System.Buffers.Binary;
using System.Net;
using JunctionRelay.Load.Sockets;

namespace JunctionRelay.Load;

/// <summary>The far end of every load: one thread, any number of listeners, does for each connection what its <see cref="Order"/> says.</summary>
internal sealed class Backend : IDisposable
{
    private readonly Poller _poller = new();
    private readonly HashSet<int> _listeners = [];
    private readonly byte[] _buffer = GC.AllocateUninitializedArray<byte>(Pattern.MaxLength, pinned: true);
    private Served?[] _served = new Served?[1024];   // by file descriptor

    public IPEndPoint Listen(IPEndPoint at)
    {
        var file = Tcp.Listen(at);
        _listeners.Add(file);
        _poller.Add(file, Poller.Readable);
        return Tcp.LocalEndPoint(file, at);
    }

    /// <summary>Serves until the process ends.</summary>
    public void Run()
    {
        while (true)
        {
            var count = _poller.Wait(-1);
            for (var i = 0; i < count; i++)
            {
                var file = _poller.FileAt(i);
                if (_served.Length > file && _served[file] is { } served)
                    Serve(served, _poller.EventsAt(i));
                else if (_listeners.Contains(file))
                    Accept(file);
            }
        }
    }

    public void Dispose() => _poller.Dispose();

    private void Accept(int listener)
    {
        // A few per turn, so that a flood of connections does not starve those that stand.
        for (var i = 0; i < 16 && Tcp.Accept(listener) is >= 0 and var file; i++)
        {
            if (file >= _served.Length)
                Array.Resize(ref _served, Math.Max(file + 1, _served.Length * 2));
            _served[file] = new Served(file);
            _poller.Add(file, Poller.Readable);
        }
    }

    private void Serve(Served served, uint events)
    {
        var alive = served.Unsent.Length == 0 || Flush(served);
        if (alive && served.Unsent.Length == 0)
        {
            if ((events & (Poller.Readable | Poller.Broken)) != 0)
                alive = Receive(served);
            if (alive && (events & Poller.Writable) != 0 && served.Mode is Order.Pull)
                alive = SendGranted(served);
        }
        if (alive)
            Await(served);
        else
            Close(served);
    }

    private bool Receive(Served served)
    {
        var received = Tcp.Receive(served.File, _buffer);
        if (received <= 0)
            return received == -Libc.EAgain;
        ReadOnlySpan<byte> data = _buffer.AsSpan(0, received);
        if (served.Mode != 0)
            return Take(served, data);

        // The order may arrive in pieces: no relay promises otherwise.
        var part = Math.Min(Order.Length - served.SmallLength, data.Length);
        data[..part].CopyTo(served.Small.AsSpan(served.SmallLength));
        served.SmallLength += part;
        if (served.SmallLength < Order.Length)
            return true;
        if (!Order.TryRead(served.Small, out served.Mode, out served.Seed))
            return false;
        served.SmallLength = 0;
        if (served.Mode is Order.Echo)
            return (part == Order.Length || SendOrKeep(served, served.Small.AsSpan(0, Order.Length - part))) && SendOrKeep(served, data);
        return SendOrKeep(served, [Order.Ready]) && (part == data.Length || Take(served, data[part..]));
    }

    private bool Take(Served served, ReadOnlySpan<byte> data) => served.Mode switch
    {
        Order.Echo => SendOrKeep(served, data),
        Order.Push => TakePushed(served, data),
        _ => TakeLimits(served, data),
    };

    private bool TakePushed(Served served, ReadOnlySpan<byte> data)
    {
        if (served.Altered == 0 && !Pattern.Matches(data, served.Seed, served.Offset))
            served.Altered = -1 - (served.Offset + data.CommonPrefixLength(Pattern.At(served.Seed, served.Offset, data.Length)));
        var steps = served.Offset / Order.Step;
        served.Offset += data.Length;
        if (served.Offset / Order.Step == steps)
            return true;
        Span<byte> total = stackalloc byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(total, served.Altered != 0 ? served.Altered : served.Offset / Order.Step * Order.Step);
        return SendOrKeep(served, total);
    }

    private static bool TakeLimits(Served served, ReadOnlySpan<byte> data)
    {
        foreach (var value in data)
        {
            served.Small[served.SmallLength++] = value;
            if (served.SmallLength < 8)
                continue;
            served.Limit = BinaryPrimitives.ReadInt64LittleEndian(served.Small);
            served.SmallLength = 0;
        }
        return true;
    }

    private static bool SendGranted(Served served)
    {
        var length = (int)Math.Min(Pattern.MaxLength, served.Limit - served.Offset);
        if (length <= 0)
            return true;
        var sent = Tcp.Send(served.File, Pattern.At(served.Seed, served.Offset, length));
        served.Offset += Math.Max(0, sent);
        return sent >= 0 || sent == -Libc.EAgain;
    }

    /// <summary>Sends now; what the socket does not take waits in <see cref="Served.Unsent"/>, and nothing more is read meanwhile.</summary>
    private static bool SendOrKeep(Served served, ReadOnlySpan<byte> data)
    {
        var sent = served.Unsent.Length == 0 ? Tcp.Send(served.File, data) : 0;
        if (sent < 0 && sent != -Libc.EAgain)
            return false;
        if (Math.Max(0, sent) < data.Length)
            served.Unsent = [.. served.Unsent, .. data[Math.Max(0, sent)..]];
        return true;
    }

    private static bool Flush(Served served)
    {
        var sent = Tcp.Send(served.File, served.Unsent);
        if (sent > 0)
            served.Unsent = served.Unsent[sent..];
        return sent >= 0 || sent == -Libc.EAgain;
    }

    private void Await(Served served)
    {
        var interest = served.Unsent.Length > 0 ? Poller.Writable
            : served.Mode is Order.Pull && served.Offset < served.Limit ? Poller.Readable | Poller.Writable
            : Poller.Readable;
        if (interest == served.Interest)
            return;
        served.Interest = interest;
        _poller.Change(served.File, interest);
    }

    private void Close(Served served)
    {
        _served[served.File] = null;
        Tcp.Close(served.File);
    }

    private sealed class Served(int file)
    {
        public readonly int File = file;
        public readonly byte[] Small = new byte[Order.Length];   // an order, or a limit, that came in pieces
        public int SmallLength;
        public uint Interest = Poller.Readable;
        public byte Mode;
        public uint Seed;
        public long Offset;      // push: received; pull: sent
        public long Limit;       // pull: may be sent
        public long Altered;     // push: 0, or -1 - offset of the first byte that differed
        public byte[] Unsent = [];
    }
}
