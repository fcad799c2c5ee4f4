namespace JunctionRelay.Links;

/// <summary>
/// Free segments of one link, in two sizes. The shared array pool overflows when an acknowledgement frees hundreds at once and then allocates on every request (95 bytes
/// per request measured); so does one with a small bound of its own, and the sender of eight bulk streams then spent a fifth of its time on collecting garbage. Here what a
/// burst has freed stays until <see cref="Trim"/> finds that nothing needed it. Thread-safe.
/// </summary>
internal sealed class LinkSegmentPool
{
    /// <summary>Requests and answers of license traffic, with their header room.</summary>
    public const int SmallBytes = 2 * 1024;

    /// <summary>One bulk frame.</summary>
    public const int LargeBytes = LinkFrame.MaxDataFrameBytes;

    // Of each size: what a few streams with the largest window have in flight.
    private const int MostFreeBytes = 4 * StreamWindow.Largest;

    private readonly Shelf _small = new(SmallBytes);
    private readonly Shelf _large = new(LargeBytes);

    /// <summary>A segment for <paramref name="bytes"/> bytes or more, header room included; larger than any frame only when asked for.</summary>
    public LinkSegment Rent(int bytes) => bytes > LargeBytes ? new LinkSegment(new byte[bytes]) : (bytes <= SmallBytes ? _small : _large).Rent();

    public void Return(LinkSegment segment)
    {
        segment.Begin(0, 0);
        var size = segment.Array.Length;
        if (size <= LargeBytes)
            (size == SmallBytes ? _small : _large).Return(segment);
    }

    /// <summary>Lets go of half of what was free ever since the last call. Called now and then.</summary>
    public void Trim()
    {
        _small.Trim();
        _large.Trim();
    }

    private sealed class Shelf(int size)
    {
        private readonly Stack<LinkSegment> _free = new();
        private int _leastFree;

        public LinkSegment Rent()
        {
            lock (_free)
            {
                if (_free.TryPop(out var segment))
                {
                    _leastFree = Math.Min(_leastFree, _free.Count);
                    return segment;
                }
            }

            return new LinkSegment(GC.AllocateUninitializedArray<byte>(size));
        }

        public void Return(LinkSegment segment)
        {
            lock (_free)
            {
                if (_free.Count < MostFreeBytes / size)
                    _free.Push(segment);
            }
        }

        public void Trim()
        {
            lock (_free)
            {
                for (var unneeded = (_leastFree + 1) / 2; unneeded > 0; unneeded--)
                    _free.Pop();
                _leastFree = _free.Count;
            }
        }
    }
}
