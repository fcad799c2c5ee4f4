namespace JunctionRelay.Load.Workloads;

/// <summary>Every single latency of a window, in nanoseconds; sorted once, at the end. Its room is taken before the window begins.</summary>
internal sealed class Latencies
{
    private uint[] _nanoseconds = new uint[1 << 18];
    private int _count;
    private bool _sorted;

    public int Count => _count;

    public void Clear() => (_count, _sorted) = (0, false);

    public void Add(TimeSpan latency)
    {
        if (_count == _nanoseconds.Length)
            Array.Resize(ref _nanoseconds, _count * 2);
        _nanoseconds[_count++] = (uint)Math.Min(uint.MaxValue, latency.Ticks * 100);
    }

    /// <summary>The smallest latency that <paramref name="share"/> (0..1) of all do not exceed, in microseconds; null without any.</summary>
    public double? Percentile(double share)
    {
        if (_count == 0)
            return null;
        if (!_sorted)
            Array.Sort(_nanoseconds, 0, _count);
        _sorted = true;
        return _nanoseconds[Math.Max(0, (int)Math.Ceiling(share * _count) - 1)] / 1000.0;
    }
}
