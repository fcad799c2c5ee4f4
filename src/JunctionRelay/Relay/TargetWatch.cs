using JunctionRelay.Targets;

namespace JunctionRelay.Relay;

/// <summary>Probes the targets of the plan that runs. A target that the next plan has as well is not probed anew: its health goes on.</summary>
/// <param name="changed">Told when a target went out or came back, with the relay of the plan that runs.</param>
internal sealed class TargetWatch(Action<RelayPlan, TargetList, TargetHealth> changed, TimeProvider time)
{
    private readonly Dictionary<(TargetHealth Health, TimeSpan Interval), Probing> _probing = [];   // by whoever changes plans, one at a time
    private volatile IReadOnlyList<RelayPlan> _plans = [];

    private sealed record Probing(CancellationTokenSource Stop, Task Running);

    /// <summary>From now on these are probed, and no others.</summary>
    public async Task WatchAsync(IReadOnlyList<RelayPlan> plans)
    {
        _plans = plans;
        var wanted = plans.Where(p => p.HealthInterval > TimeSpan.Zero)
            .SelectMany(p => p.Services.All.SelectMany(t => t.Targets).Where(h => h.IsProbed).Select(h => (Health: h, Interval: p.HealthInterval))).ToHashSet();
        var over = _probing.Where(p => !wanted.Contains(p.Key)).ToList();
        foreach (var (key, _) in over) _probing.Remove(key);
        await StopAsync(over);
        foreach (var key in wanted.Where(key => !_probing.ContainsKey(key)))
        {
            var stop = new CancellationTokenSource();
            key.Health.Changed += OnChanged;
            _probing.Add(key, new Probing(stop, new HealthProber(key.Health, key.Interval, time).RunAsync(stop.Token)));
        }
    }

    /// <summary>Nothing is probed any more.</summary>
    public Task StopAsync() => WatchAsync([]);

    private async Task StopAsync(List<KeyValuePair<(TargetHealth Health, TimeSpan Interval), Probing>> over)
    {
        foreach (var ((health, _), probing) in over)
        {
            health.Changed -= OnChanged;
            await probing.Stop.CancelAsync();
        }

        foreach (var (_, probing) in over)
        {
            await probing.Running;
            probing.Stop.Dispose();
        }
    }

    private void OnChanged(TargetHealth health)
    {
        foreach (var plan in _plans)
        {
            if (plan.Services.All.FirstOrDefault(t => t.Targets.Contains(health)) is { } targets) changed(plan, targets, health);
        }
    }
}
