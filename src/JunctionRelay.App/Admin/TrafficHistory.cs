using JunctionRelay.Relay;

namespace JunctionRelay.App.Admin;

/// <summary>What the charts begin with: the last hour, oldest first, in columns.</summary>
/// <param name="At">Unix time in seconds.</param>
/// <param name="ToTarget">Bytes a second.</param>
/// <param name="Connections">Relayed at that moment.</param>
internal sealed record TrafficColumns(IReadOnlyList<double> At, IReadOnlyList<double> ToTarget, IReadOnlyList<double> ToClient, IReadOnlyList<int> Connections);

/// <summary>Remembers the traffic of the last hour, a point every five seconds. Thread-safe.</summary>
internal sealed class TrafficHistory(RelayService relays, QuietThread quiet, TimeProvider time)
{
    public static readonly TimeSpan Interval = TimeSpan.FromSeconds(5);

    /// <summary>One hour.</summary>
    public const int Most = 720;

    private readonly Lock _lock = new();
    private readonly Queue<Point> _points = new(Most);   // under _lock

    /// <summary>Takes points until cancelled.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        using var timer = new PeriodicTimer(Interval, time);
        try
        {
            for (var last = Total(); await timer.WaitForNextTickAsync(cancellationToken);) last = Add(last, await quiet.RunAsync(Total));
        }
        catch (OperationCanceledException)
        {
            // Told to stop.
        }
    }

    public TrafficColumns Read()
    {
        Point[] points;
        lock (_lock) points = [.. _points];
        // By the monotonic clock: a clock that is set moves the whole hour, and tears no hole into it.
        var (now, today) = (time.GetTimestamp(), time.GetUtcNow().ToUnixTimeMilliseconds() / 1000.0);
        return new TrafficColumns(
            [.. points.Select(p => Math.Round(today - time.GetElapsedTime(p.At, now).TotalSeconds, 1))],
            [.. points.Select(p => Math.Round(p.ToTarget))], [.. points.Select(p => Math.Round(p.ToClient))], [.. points.Select(p => p.Connections)]);
    }

    private Totals Add(Totals last, Totals now)
    {
        var seconds = Math.Max(0.001, time.GetElapsedTime(last.At, now.At).TotalSeconds);
        lock (_lock)
        {
            if (_points.Count == Most) _points.Dequeue();
            _points.Enqueue(new Point(now.At, (now.ToTarget - last.ToTarget) / seconds, (now.ToClient - last.ToClient) / seconds, relays.Connections.Count));
        }

        return now;
    }

    private Totals Total()
    {
        relays.Connections.CountBytes();
        return new Totals(time.GetTimestamp(), relays.Metrics.Relays.Sum(r => r.Value.ToTarget), relays.Metrics.Relays.Sum(r => r.Value.ToClient));
    }

    private readonly record struct Totals(long At, long ToTarget, long ToClient);

    private readonly record struct Point(long At, double ToTarget, double ToClient, int Connections);
}
