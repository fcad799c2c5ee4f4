namespace JunctionRelay.Links;

/// <summary>
/// Bytes of memory that one link may promise to its peer (or hold for resending). Every stream reserves its minimum when it opens and keeps it; windows
/// grow out of at most half of the whole, so that streams which nobody reads starve neither those that are open nor those that are to come. Thread-safe.
/// </summary>
internal sealed class LinkBudget(long bytes)
{
    private readonly Lock _gate = new();
    private long _reserved;
    private long _grown;
    private bool _isUnderPressure;

    /// <summary>What may be taken in all.</summary>
    public long Bytes { get; } = bytes;

    /// <summary>What is taken now.</summary>
    public long Taken
    {
        get
        {
            lock (_gate)
                return _reserved + _grown;
        }
    }

    /// <summary>Growth was refused, and not much has come back since: windows above an equal share should shrink.</summary>
    public bool IsUnderPressure => Volatile.Read(ref _isUnderPressure);

    /// <summary>The minimum of a stream that opens.</summary>
    public bool TryReserve(long bytes)
    {
        lock (_gate)
        {
            if (_reserved + _grown + bytes > Bytes)
                return false;
            _reserved += bytes;
            return true;
        }
    }

    /// <summary>More for a stream that is open.</summary>
    public bool TryGrow(long bytes)
    {
        lock (_gate)
        {
            if (_grown + bytes <= Bytes / 2 && _reserved + _grown + bytes <= Bytes)
            {
                _grown += bytes;
                return true;
            }

            Volatile.Write(ref _isUnderPressure, true);
            return false;
        }
    }

    public void Return(long reserved, long grown)
    {
        lock (_gate)
        {
            _reserved -= reserved;
            _grown -= grown;
            if (_grown <= Bytes / 4)
                Volatile.Write(ref _isUnderPressure, false);
        }
    }
}
