namespace JunctionRelay.Links;

/// <summary>
/// Bytes of memory that one link may promise to its peer (or hold for resending). Every stream reserves its minimum when it opens and keeps it, so
/// that a stopped reader can never starve another stream; what remains is taken and given back as windows grow and shrink. Thread-safe.
/// </summary>
internal sealed class LinkBudget(long bytes)
{
    private long _free = bytes;

    /// <summary>What may be taken in all.</summary>
    public long Bytes { get; } = bytes;

    /// <summary>What is taken now.</summary>
    public long Taken => Bytes - Volatile.Read(ref _free);

    /// <summary>A take failed since this was last set to false: windows above an equal share should shrink.</summary>
    public bool UnderPressure { get; set; }

    public bool TryTake(long bytes)
    {
        var free = Volatile.Read(ref _free);
        while (free >= bytes)
        {
            var seen = Interlocked.CompareExchange(ref _free, free - bytes, free);
            if (seen == free)
                return true;
            free = seen;
        }

        UnderPressure = true;
        return false;
    }

    public void Return(long bytes)
    {
        if (Interlocked.Add(ref _free, bytes) >= Bytes / 4)
            UnderPressure = false;
    }
}
