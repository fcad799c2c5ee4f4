using System.Diagnostics.Metrics;
using JunctionRelay.Connections;

namespace JunctionRelay.Targets;

/// <summary>Instruments of targets. A target that several relays name is one target here.</summary>
internal sealed class TargetMetrics : IDisposable
{
    private readonly Meter _meter;

    /// <param name="targets">The targets of the plan that runs.</param>
    public TargetMetrics(string meter, Func<IEnumerable<TargetHealth>> targets)
    {
        _meter = new Meter(meter);
        _meter.CreateObservableGauge("junction.target.up", () => Up(targets()), description: "Whether a target that is probed takes connections.");
        _meter.CreateObservableCounter("junction.dial_failures", () => Failures(targets()), "{failure}", "Dials that failed, by target and reason.");
    }

    public void Dispose() => _meter.Dispose();

    // Nobody knows of a target that is not probed. Where two relays disagree for a moment, the bad news counts.
    private static IEnumerable<Measurement<int>> Up(IEnumerable<TargetHealth> targets) =>
        from target in targets
        where target.IsProbed
        group target by target.Target.Name into same
        select new Measurement<int>(same.All(t => t.IsUp) ? 1 : 0, new KeyValuePair<string, object?>("target", same.Key));

    private static IEnumerable<Measurement<long>> Failures(IEnumerable<TargetHealth> targets) =>
        from target in targets
        from failure in target.DialFailures
        group failure.Value by (target.Target.Name, failure.Key) into same
        select new Measurement<long>(same.Sum(), new("target", same.Key.Name), new("reason", same.Key.Key.Name()));
}
