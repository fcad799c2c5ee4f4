namespace JunctionRelay.Links;

/// <summary>
/// How far one stream's limit may lie ahead of what was delivered. It begins with the minimum that the stream has reserved from the link's budget, and
/// grows with the measured rate and round trip: a fixed window is what makes other multiplexers slow on long links. Used under the stream's lock.
/// </summary>
internal struct StreamWindow(int minimum, long now)
{
    /// <summary>A stream's share of the budget never passes this: 8 MiB carry 640 Mbit/s over 100 ms.</summary>
    public const int Largest = 8 * 1024 * 1024;

    /// <summary>The same on a short link, where a larger one only fills memory: at 1 MiB frames are full (0.98 to 0.83 s/GB measured).</summary>
    public const int LargestOnShortLink = 1024 * 1024;

    /// <summary>A round trip counts as at least this, so that a short link reaches its largest window.</summary>
    public static readonly TimeSpan ShortestRoundTrip = TimeSpan.FromMilliseconds(2);

    private readonly int _minimum = minimum;
    private int _size = minimum;
    private long _grantedAt = now;
    private long _deliveredAtGrant;

    /// <summary>Bytes, all of them taken from the budget.</summary>
    public readonly int Size => _size;

    /// <summary>
    /// The new limit after <paramref name="delivered"/>: never below <paramref name="limit"/>. <paramref name="fairShare"/>: the budget divided by the streams.
    /// </summary>
    public long Grant(long delivered, long limit, TimeProvider time, TimeSpan roundTrip, LinkBudget budget, long fairShare)
    {
        // A CREDIT for less than a quarter is not worth its bytes.
        if (limit - delivered > _size - _size / 4)
            return limit;

        var elapsed = Math.Max(1, time.GetElapsedTime(_grantedAt).Ticks);
        var roundTripTicks = Math.Max(roundTrip.Ticks, ShortestRoundTrip.Ticks);
        var limitsTheSender = (delivered - _deliveredAtGrant) * (Int128)roundTripTicks > _size * (Int128)elapsed;
        var largest = roundTrip <= ShortestRoundTrip ? LargestOnShortLink : Largest;
        if (limitsTheSender && _size < largest && budget.TryGrow(_size))
        {
            _size *= 2;
        }
        else if (budget.IsUnderPressure && _size > _minimum && _size > fairShare)
        {
            // A limit never goes back: the window is halved once enough has been delivered without moving it.
            if (limit - delivered > _size / 2)
                return limit;
            _size /= 2;
            budget.Return(0, _size);
        }

        (_grantedAt, _deliveredAtGrant) = (time.GetTimestamp(), delivered);
        return Math.Max(limit, delivered + _size);
    }

    /// <summary>
    /// The round trip to reckon with after one was <paramref name="measured"/>. What queues on the way is not distance, however long it queues, and a window that grew with
    /// it would lengthen the queue: falls at once, rises by a sixteenth of itself at most.
    /// </summary>
    public static TimeSpan Distance(TimeSpan before, TimeSpan measured)
    {
        if (before == TimeSpan.Zero || measured <= before)
            return measured;
        var most = Math.Max(before.Ticks, ShortestRoundTrip.Ticks);
        return before + TimeSpan.FromTicks(Math.Min(measured.Ticks - before.Ticks, most) / 16);
    }

    /// <summary>Everything goes back to the budget.</summary>
    public void Release(LinkBudget budget)
    {
        if (_size > 0)
            budget.Return(_minimum, _size - _minimum);
        _size = 0;
    }
}
