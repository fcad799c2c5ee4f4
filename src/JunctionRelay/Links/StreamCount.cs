namespace JunctionRelay.Links;

/// <summary>How many streams of one kind somebody holds. Thread-safe.</summary>
internal sealed class StreamCount
{
    /// <summary>A peer that is refused a thousand times is one line of the log, and the next a minute later.</summary>
    private static readonly TimeSpan SayAgain = TimeSpan.FromMinutes(1);

    private int _held;
    private long _saidAt = long.MinValue;

    public int Held => Volatile.Read(ref _held);

    /// <summary>One more, if that makes no more than <paramref name="most"/>.</summary>
    public bool TryTake(uint most)
    {
        for (var held = Held; held < most;)
        {
            var seen = Interlocked.CompareExchange(ref _held, held + 1, held);
            if (seen == held)
                return true;
            held = seen;
        }

        return false;
    }

    /// <summary>So many have ended.</summary>
    public void GiveBack(int streams = 1) => Interlocked.Add(ref _held, -streams);

    /// <summary>Whether it is time to say that the peer is refused.</summary>
    public bool IsNews(TimeProvider time)
    {
        var (said, now) = (Volatile.Read(ref _saidAt), time.GetTimestamp());
        return (said == long.MinValue || time.GetElapsedTime(said, now) >= SayAgain) && Interlocked.CompareExchange(ref _saidAt, now, said) == said;
    }
}
