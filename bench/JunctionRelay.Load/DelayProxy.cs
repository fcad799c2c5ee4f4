using System.Diagnostics;
using System.Net;
using JunctionRelay.Load.Sockets;

namespace JunctionRelay.Load;

/// <summary>
/// A WAN on one machine, for kernels without netem: a TCP proxy that holds bytes back as a round trip would. It opens the far connection
/// 1.5 round trips after it accepted the near one (when a real server's accept returns), passes the near side's bytes on half a round trip
/// after they could have been sent (not before the near side's connect would have returned), and the far side's half a round trip after
/// it read them. A plain connect, request and answer through it cost two round trips, as they should. Bandwidth, loss and slow start are
/// not modelled. It spins for the last millisecond before anything is due, so it keeps time to some 10 µs at the cost of a busy core.
/// </summary>
internal sealed class DelayProxy(IPEndPoint to, TimeSpan roundTrip) : IDisposable
{
    private const int MaxQueued = 16 << 20;   // bytes under way in one direction: 16 MiB in 25 ms are 670 MB/s

    private readonly Poller _poller = new();
    private readonly long _roundTrip = (long)(roundTrip.TotalSeconds * Stopwatch.Frequency);
    private readonly byte[] _buffer = GC.AllocateUninitializedArray<byte>(64 * 1024, pinned: true);
    private readonly Dictionary<int, Direction> _byFile = [];   // the direction that reads from this descriptor
    private readonly List<Direction> _directions = [];
    private int _listener;

    public IPEndPoint Listen(IPEndPoint at)
    {
        _listener = Tcp.Listen(at);
        _poller.Add(_listener, Poller.Readable);
        return Tcp.LocalEndPoint(_listener, at);
    }

    /// <summary>Serves until the process ends.</summary>
    public void Run()
    {
        while (true)
        {
            var due = long.MaxValue;
            foreach (var direction in _directions.ToArray())
                due = Math.Min(due, PassOn(direction));
            var left = due == long.MaxValue ? -1 : (int)Math.Max(0, ((due - Stopwatch.GetTimestamp()) * 1000 / Stopwatch.Frequency) - 1);
            var count = _poller.Wait(left);
            for (var i = 0; i < count; i++)
            {
                var file = _poller.FileAt(i);
                if (file == _listener)
                    Accept();
                else if (_byFile.TryGetValue(file, out var direction))
                    Read(direction);
            }
        }
    }

    public void Dispose() => _poller.Dispose();

    private void Accept()
    {
        var near = Tcp.Accept(_listener);
        if (near < 0)
            return;
        var now = Stopwatch.GetTimestamp();
        var there = new Direction { From = near, NotBefore = now + _roundTrip };
        var back = new Direction { To = near, Other = there };
        there.Other = back;
        // The far connection is opened by the first thing that falls due: this empty piece.
        there.Queue.Enqueue((now + (_roundTrip * 3 / 2), []));
        _directions.Add(there);
        _directions.Add(back);
        Watch(there);
    }

    private void Watch(Direction direction)
    {
        _byFile[direction.From] = direction;
        _poller.Add(direction.From, Poller.Readable);
        direction.Watched = true;
    }

    private void Read(Direction direction)
    {
        var received = Tcp.Receive(direction.From, _buffer);
        if (received == -Libc.EAgain)
            return;
        var due = Math.Max(Stopwatch.GetTimestamp(), direction.NotBefore) + (_roundTrip / 2);
        direction.Queue.Enqueue((due, received > 0 ? _buffer.AsSpan(0, received).ToArray() : null));
        direction.Queued += Math.Max(0, received);
        direction.Broken |= received < 0;
        if (received <= 0 || direction.Queued >= MaxQueued)
        {
            _poller.Remove(direction.From);
            direction.Watched = false;
            direction.Ended = received <= 0;
        }
    }

    /// <summary>Sends what is due and says when the next piece is; a receiver that takes nothing is tried again within a millisecond.</summary>
    private long PassOn(Direction direction)
    {
        while (direction.Queue.TryPeek(out var piece))
        {
            var now = Stopwatch.GetTimestamp();
            if (piece.Due > now)
                return piece.Due;
            if (direction.To < 0)
                OpenFar(direction);
            if (piece.Data is null)
            {
                End(direction);
                return long.MaxValue;
            }
            var rest = piece.Data.AsSpan(direction.SentOfFirst);
            var sent = rest.Length == 0 ? 0 : Tcp.Send(direction.To, rest);
            if (sent < 0 && sent != -Libc.EAgain)
            {
                direction.Broken = true;
                End(direction);
                return long.MaxValue;
            }
            direction.SentOfFirst += Math.Max(0, sent);
            if (direction.SentOfFirst < piece.Data.Length)
                return now + (Stopwatch.Frequency / 1000);
            direction.Queue.Dequeue();
            direction.SentOfFirst = 0;
            direction.Queued -= piece.Data.Length;
            if (!direction.Watched && !direction.Ended && direction.From >= 0 && direction.Queued < MaxQueued)
                Watch(direction);
        }
        return long.MaxValue;
    }

    private void OpenFar(Direction there)
    {
        there.To = there.Other!.From = Tcp.Connect(to);
        // A loopback connect that was accepted is through by the time anything is sent; a refused one shows in the first receive.
        Watch(there.Other);
    }

    /// <summary>Passes the end on: a clean one as FIN, and closes when both directions have ended; anything else as a reset of both.</summary>
    private void End(Direction direction)
    {
        direction.Over = true;
        var other = direction.Other!;
        if (!direction.Broken && !other.Over)
        {
            Tcp.ShutdownSend(direction.To);
            return;
        }
        foreach (var file in new[] { direction.From, direction.To }.Where(file => file >= 0))
        {
            _byFile.Remove(file);
            if (direction.Broken)
                Tcp.Abort(file);
            else
                Tcp.Close(file);
        }
        _directions.Remove(direction);
        _directions.Remove(other);
    }

    private sealed class Direction
    {
        public readonly Queue<(long Due, byte[]? Data)> Queue = new();   // null = the end
        public int From = -1, To = -1;
        public Direction? Other;
        public long NotBefore;
        public long Queued;
        public int SentOfFirst;
        public bool Watched, Ended, Broken, Over;
    }
}
