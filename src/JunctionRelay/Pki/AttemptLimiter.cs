namespace JunctionRelay.Pki;

/// <summary>
/// Slows down whoever is refused again and again: so many failures are free, and then one every few seconds. Success costs nothing, so a thousand nodes behind one address may
/// join at once. Whose failures count together is said by a text: a network of strangers, or what somebody has shown; null is nobody, who is never slowed down. Thread-safe; holds a bounded number of them.
/// </summary>
internal sealed class AttemptLimiter(TimeProvider time)
{
    public const int Burst = 10;
    public static readonly TimeSpan Interval = TimeSpan.FromSeconds(6);

    /// <summary>Who asks while he has to wait is told of at once, and then this often, with a count: a flood of questions must not become a flood of lines.</summary>
    public static readonly TimeSpan SayAgain = TimeSpan.FromMinutes(1);

    // What passes between the first and the last of a burst takes a little off.
    private const double Free = Burst - 1;

    private const int MostKnown = 10_000;

    private readonly Lock _lock = new();
    private readonly Dictionary<string, Record> _known = [];   // under _lock

    private readonly record struct Record(double Failures, long At, long Unsaid, long? SaidAt);

    /// <summary>How long <paramref name="who"/> has to wait; zero when he need not.</summary>
    public TimeSpan Wait(string? who)
    {
        if (who is null)
            return TimeSpan.Zero;
        lock (_lock)
        {
            var failures = _known.TryGetValue(who, out var known) ? Left(known) : 0;
            return failures <= Free ? TimeSpan.Zero : (failures - Free) * Interval;
        }
    }

    /// <summary>He was refused. True when this is the failure from which on he has to wait.</summary>
    public bool Failed(string? who)
    {
        if (who is null)
            return false;
        lock (_lock)
        {
            var isKnown = _known.TryGetValue(who, out var known);
            var before = isKnown ? Left(known) : 0;
            if (_known.Count >= MostKnown && !isKnown)
                Forget();
            _known[who] = known with { Failures = before + 1, At = time.GetTimestamp() };
            return before <= Free && before + 1 > Free;
        }
    }

    /// <summary>He asked while he had to wait. True when it is time to say so, with how often that was since it was said.</summary>
    public bool Waits(string who, out long times)
    {
        lock (_lock)
        {
            _known.TryGetValue(who, out var known);
            times = known.Unsaid + 1;
            var now = time.GetTimestamp();
            var isDue = known.SaidAt is not { } said || time.GetElapsedTime(said, now) >= SayAgain;
            _known[who] = isDue ? known with { Unsaid = 0, SaidAt = now } : known with { Unsaid = times };
            return isDue;
        }
    }

    private double Left(Record known) => Math.Max(0, known.Failures - time.GetElapsedTime(known.At) / Interval);

    // Those that need not wait any more; if all do, a flood from everywhere, the least of them.
    private void Forget()
    {
        foreach (var who in _known.Where(a => Left(a.Value) == 0).Select(a => a.Key).ToList())
            _known.Remove(who);
        if (_known.Count >= MostKnown)
        {
            foreach (var who in _known.OrderBy(a => Left(a.Value)).Take(MostKnown / 10).Select(a => a.Key).ToList())
                _known.Remove(who);
        }
    }
}
