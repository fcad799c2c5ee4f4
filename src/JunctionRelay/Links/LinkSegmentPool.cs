namespace JunctionRelay.Links;

/// <summary>
/// Free segments of one link, in two sizes, each with a bound. The shared array pool overflows when an acknowledgement frees hundreds at once and
/// then allocates on every request (95 bytes per request measured). Thread-safe.
/// </summary>
internal sealed class LinkSegmentPool
{
    /// <summary>Requests and answers of license traffic, with their header room.</summary>
    public const int SmallBytes = 2 * 1024;

    /// <summary>One bulk frame.</summary>
    public const int LargeBytes = LinkFrame.MaxDataFrameBytes;

    // Of each size: what one stream with the largest window has in flight.
    private const int MostFreeBytes = StreamWindow.Largest;

    private readonly Stack<LinkSegment> _small = new();
    private readonly Stack<LinkSegment> _large = new();

    /// <summary>A segment for <paramref name="bytes"/> bytes or more, header room included; larger than any frame only when asked for.</summary>
    public LinkSegment Rent(int bytes)
    {
        if (bytes > LargeBytes)
            return new LinkSegment(new byte[bytes]);
        var (free, size) = bytes <= SmallBytes ? (_small, SmallBytes) : (_large, LargeBytes);
        lock (free)
        {
            if (free.TryPop(out var segment))
                return segment;
        }

        return new LinkSegment(GC.AllocateUninitializedArray<byte>(size));
    }

    public void Return(LinkSegment segment)
    {
        segment.Begin(0, 0);
        var size = segment.Array.Length;
        if (size > LargeBytes)
            return;
        var free = size == SmallBytes ? _small : _large;
        lock (free)
        {
            if (free.Count < MostFreeBytes / size)
                free.Push(segment);
        }
    }
}
