using System.Buffers;
using System.Runtime.CompilerServices;
using JunctionRelay.Connections;

namespace JunctionRelay.Relay;

/// <summary>How one direction ended: cleanly, or by a fault of one of the two connections.</summary>
/// <param name="Broken">The side whose connection broke; null after a clean end.</param>
/// <param name="Fault">What broke.</param>
/// <param name="Told">The reason that the peer gave, if its protocol carries one.</param>
/// <param name="WhileWriting">The fault showed while writing to that side: what it sent before may still be unread.</param>
/// <param name="Detail">For people; empty where the reason says all.</param>
internal readonly record struct DirectionEnd(ConnectionSide? Broken, ConnectionFault Fault = default, CloseReason? Told = null, bool WhileWriting = false, string Detail = "");

/// <summary>One direction of a splice: read, write, count, pass the end on.</summary>
internal sealed class SpliceDirection(Connection from, Connection to, ConnectionSide fromSide, TimeProvider time)
{
    /// <summary>
    /// What may be passed on without waiting once, before the others get their turn: a flow whose calls all succeed at once would otherwise
    /// never give the thread back that serves every socket.
    /// </summary>
    public const int MostBytesPerTurn = 1024 * 1024;

    private long _bytes;
    private long _steps;
    private long _endedAt;
    private int _inTurn;   // bytes passed on since the last wait
    private bool _writing;   // a fault is the receiver's
    private volatile bool _waiting;

    /// <summary>Bytes passed on so far.</summary>
    public long Bytes => Volatile.Read(ref _bytes);

    /// <summary>Grows whenever something was read or written: what the sweep compares to tell silence.</summary>
    public long Steps => Volatile.Read(ref _steps);

    /// <summary>The timestamp at which the sender ended cleanly; 0 while it has not.</summary>
    public long EndedAt => Volatile.Read(ref _endedAt);

    /// <summary>Waiting for the receiver to take bytes, and so not noticing what becomes of the sender.</summary>
    public bool IsWriting => _waiting;

    /// <summary>Runs until the sender ends or one of the two breaks. Reads and writes nothing else, and closes nothing but the receiving direction.</summary>
    /// <remarks>Most connections only wait to read: what this method keeps meanwhile, each of them holds twice. So the writing has a method of its own.</remarks>
    public async Task<DirectionEnd> RunAsync()
    {
        try
        {
            for (var ended = false; !ended;)
            {
                var read = from.Input.ReadAsync();
                if (!read.IsCompletedSuccessfully) _inTurn = 0;
                var result = await read;
                ended = result.IsCompleted;
                Volatile.Write(ref _steps, _steps + 1);
                await PassOnAsync(result.Buffer);
                if (_inTurn < MostBytesPerTurn) continue;
                _inTurn = 0;
                await Task.Yield();
            }

            Volatile.Write(ref _endedAt, time.GetTimestamp());
            await to.CompleteOutputAsync();
            return default;
        }
        catch (ConnectionBrokenException e)
        {
            _waiting = false;
            var side = _writing == (fromSide == ConnectionSide.Client) ? ConnectionSide.Target : ConnectionSide.Client;
            return new(side, e.Fault, e.Told, _writing, e.Detail);
        }
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    private async ValueTask PassOnAsync(ReadOnlySequence<byte> bytes)
    {
        _writing = true;
        foreach (var segment in bytes)
        {
            // At the sender's end there is one segment of nothing: to send that is no end, and a receiver that ended before and left is not broken by it.
            if (segment.IsEmpty) break;
            var write = to.Output.WriteAsync(segment);
            if (!write.IsCompletedSuccessfully)
            {
                _waiting = true;
                _inTurn = 0;
            }

            await write;
            _waiting = false;
            _inTurn += segment.Length;
            Volatile.Write(ref _bytes, _bytes + segment.Length);
            Volatile.Write(ref _steps, _steps + 1);
        }

        _writing = false;
        from.Input.AdvanceTo(bytes.End);
    }
}
