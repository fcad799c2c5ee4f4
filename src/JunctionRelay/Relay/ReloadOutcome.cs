namespace JunctionRelay.Relay;

/// <summary>How the last reading of the configuration went: for the metric, the status and the readiness of this junction. Thread-safe.</summary>
internal sealed class ReloadOutcome(TimeProvider time)
{
    /// <param name="At">When it was read.</param>
    /// <param name="Problems">Why it was not taken; empty when it was.</param>
    public sealed record Reading(DateTimeOffset At, IReadOnlyList<string> Problems)
    {
        public bool Succeeded => Problems.Count == 0;
    }

    private Reading _last = new(time.GetUtcNow(), []);

    /// <summary>The last reading; the one at the start succeeded, or nothing would run.</summary>
    public Reading Last => Volatile.Read(ref _last);

    /// <summary>A configuration was read again. <paramref name="problems"/>: why the old one stays; empty when the new one is used.</summary>
    public void Read(IReadOnlyList<string> problems) => Volatile.Write(ref _last, new Reading(time.GetUtcNow(), problems));
}
