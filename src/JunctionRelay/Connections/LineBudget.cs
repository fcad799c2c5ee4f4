namespace JunctionRelay.Connections;

/// <summary>
/// How many lines those may cause who have not proved anything yet: a burst and so many a second after it. What is left out is counted, so that the next line can tell.
/// Thread-safe.
/// </summary>
internal sealed class LineBudget
{
    /// <summary>In a row, and then in each second.</summary>
    public const int Lines = 20;

    private readonly Lock _lock = new();
    private double _left = Lines;   // under _lock
    private long _at;   // under _lock
    private long _leftOut;   // under _lock

    /// <summary>Whether a line may be written now; <paramref name="leftOut"/>: how many were not since the last one that was.</summary>
    public bool TryTake(TimeProvider time, out long leftOut)
    {
        lock (_lock)
        {
            var now = time.GetTimestamp();
            _left = Math.Min(Lines, _left + Lines * time.GetElapsedTime(_at, now).TotalSeconds);
            _at = now;
            leftOut = _leftOut;
            if (_left < 1)
            {
                _leftOut++;
                return false;
            }

            _left--;
            _leftOut = 0;
            return true;
        }
    }
}
