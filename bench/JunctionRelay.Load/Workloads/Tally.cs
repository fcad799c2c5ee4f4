namespace JunctionRelay.Load.Workloads;

/// <summary>What one window brought.</summary>
internal sealed class Tally
{
    /// <summary>Bytes, round trips or connections, as the workload counts.</summary>
    public long Units { get; set; }

    /// <summary>From the window's begin to its last confirmed unit.</summary>
    public TimeSpan Time { get; set; }

    public Latencies Latencies { get; } = new();

    public int Failed { get; private set; }

    public string? FirstFailure { get; private set; }

    public void Fail(string reason)
    {
        Failed++;
        FirstFailure ??= reason;
    }

    public void Clear()
    {
        (Units, Time) = (0, TimeSpan.Zero);
        Latencies.Clear();
    }
}
