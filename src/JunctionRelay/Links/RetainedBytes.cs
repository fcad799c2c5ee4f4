namespace JunctionRelay.Links;

/// <summary>
/// What a stream has written and the peer has not acknowledged: kept in wire format, sent from here, and sent again from here after a cut. Used
/// under the stream's lock, except that the owner of the stream fills <see cref="Room"/> outside it.
/// </summary>
internal sealed class RetainedBytes(LinkSegmentPool pool)
{
    // A tail with less room is not worth a frame of its own.
    private const int SmallestRoom = 256;

    private LinkSegment? _head;
    private LinkSegment? _tail;
    private LinkSegment? _cursor;
    private bool _lent;
    // Whoever fills small memory to the brim has more: the next is large.
    private bool _filledLast;

    /// <summary>The offset after the last byte.</summary>
    public long End { get; private set; }

    /// <summary>Memory to write the next bytes to, at least <paramref name="hint"/> of them; <see cref="Fill"/> follows.</summary>
    public Memory<byte> Room(int hint)
    {
        var tail = hint > 0 ? Tail(hint, hint) : Tail(SmallestRoom, _filledLast ? LinkFrame.MaxDataBytes : SmallestRoom);
        _lent = true;
        return tail.Room;
    }

    /// <summary>The first <paramref name="bytes"/> bytes of <see cref="Room"/> are written.</summary>
    public void Fill(int bytes)
    {
        _lent = false;
        _filledLast = _tail is { } tail && bytes >= tail.Room.Length - SmallestRoom;
        if (bytes == 0)
            return;
        _tail!.Fill(bytes);
        End += bytes;
    }

    public void Append(ReadOnlySpan<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            var tail = Tail(Math.Min(bytes.Length, SmallestRoom), Math.Min(bytes.Length, LinkFrame.MaxDataBytes));
            var piece = bytes[..Math.Min(bytes.Length, tail.Room.Length)];
            piece.CopyTo(tail.Room.Span);
            tail.Fill(piece.Length);
            End += piece.Length;
            bytes = bytes[piece.Length..];
        }
    }

    /// <summary>The bytes from <paramref name="offset"/> on that lie together, at most one frame of them, and the segment that holds them.</summary>
    public (LinkSegment Segment, ReadOnlyMemory<byte> Bytes) From(long offset)
    {
        var segment = _cursor is { } cursor && cursor.Start <= offset ? cursor : _head!;
        while (segment.Start + segment.Length <= offset)
            segment = segment.NextSegment!;
        _cursor = segment;
        var bytes = segment.Memory[(int)(offset - segment.Start)..];
        return (segment, bytes.Length > LinkFrame.MaxDataBytes ? bytes[..LinkFrame.MaxDataBytes] : bytes);
    }

    /// <summary>The peer has everything below <paramref name="offset"/>.</summary>
    public void Forget(long offset)
    {
        while (_head is { } head && head.Start + head.Length <= offset && !(head == _tail && _lent))
        {
            _head = head.NextSegment;
            if (_head is null)
                _tail = null;
            if (_cursor == head)
                _cursor = null;
            Release(head);
        }
    }

    /// <summary>A write that pinned <paramref name="segment"/> is over.</summary>
    public void Unpin(LinkSegment segment)
    {
        segment.IsPinned = false;
        if (segment.IsFree)
        {
            segment.IsFree = false;
            pool.Return(segment);
        }
    }

    /// <summary>Gives everything up. Memory that somebody may still be using is left to the collector.</summary>
    public void Clear()
    {
        for (var segment = _head; segment is not null && !_lent;)
        {
            var next = segment.NextSegment;
            Release(segment);
            segment = next;
        }

        (_head, _tail, _cursor) = (null, null, null);
    }

    private void Release(LinkSegment segment)
    {
        segment.Unlink();
        if (segment.IsPinned)
            segment.IsFree = true;
        else
            pool.Return(segment);
    }

    // The last segment when it has room for `least` bytes, else a new one for `wanted`.
    private LinkSegment Tail(int least, int wanted)
    {
        if (_tail is { } tail && tail.Room.Length >= least)
            return tail;
        var segment = pool.Rent(LinkFrame.DataHeaderBytes + wanted).Begin(End, LinkFrame.DataHeaderBytes);
        _tail?.Append(segment);
        _head ??= segment;
        return _tail = segment;
    }
}
