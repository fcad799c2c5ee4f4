using System.Buffers;

namespace JunctionRelay.Links;

/// <summary>What has come from the peer and is not yet taken by our client or target. Used under the stream's lock.</summary>
internal sealed class ReceivedBytes(LinkSegmentPool pool)
{
    private LinkSegment? _head;
    private LinkSegment? _tail;

    /// <summary>The offset of the first byte that is held.</summary>
    public long First { get; private set; }

    /// <summary>The offset after the last byte.</summary>
    public long End { get; private set; }

    public void Append(ReadOnlySpan<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            if (_tail is not { } tail || tail.Room.IsEmpty)
            {
                tail = pool.Rent(Math.Min(bytes.Length, LinkSegmentPool.LargeBytes)).Begin(End, headerRoom: 0);
                _tail?.Append(tail);
                _head ??= tail;
                _tail = tail;
            }

            var piece = bytes[..Math.Min(bytes.Length, tail.Room.Length)];
            piece.CopyTo(tail.Room.Span);
            tail.Fill(piece.Length);
            End += piece.Length;
            bytes = bytes[piece.Length..];
        }
    }

    /// <summary>Everything that is held; stays valid until <see cref="Take"/>, also when more comes.</summary>
    public ReadOnlySequence<byte> All() =>
        _head is { } head ? new ReadOnlySequence<byte>(head, (int)(First - head.Start), _tail!, _tail!.Length) : ReadOnlySequence<byte>.Empty;

    /// <summary>The offset in the stream of a position in <see cref="All"/>.</summary>
    public long OffsetOf(SequencePosition position) => position.GetObject() is LinkSegment segment ? segment.Start + position.GetInteger() : First;

    /// <summary>Everything below <paramref name="offset"/> is taken; returns how many bytes that were.</summary>
    public long Take(long offset)
    {
        var taken = offset - First;
        ArgumentOutOfRangeException.ThrowIfNegative(taken, nameof(offset));
        First = offset;
        while (_head is { } head && head.Start + head.Length <= offset)
        {
            _head = head.NextSegment;
            if (_head is null)
                _tail = null;
            pool.Return(head);
        }

        return taken;
    }

    /// <summary>Gives everything up; with <paramref name="inUse"/> the memory is left to the collector, since a reader still holds it.</summary>
    public void Clear(bool inUse)
    {
        if (!inUse)
            Take(End);
        (_head, _tail, First) = (null, null, End);
    }
}
