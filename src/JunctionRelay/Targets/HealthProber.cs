using JunctionRelay.Connections;

namespace JunctionRelay.Targets;

/// <summary>Connects to a target now and then and hangs up: takes a dead one out and, asking every second, brings it back in.</summary>
internal sealed class HealthProber(TargetHealth health, TimeSpan interval, TimeProvider time)
{
    /// <summary>How often a target that is down is asked.</summary>
    public static readonly TimeSpan IntervalWhileDown = TimeSpan.FromSeconds(1);

    /// <summary>Runs until cancelled.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        try
        {
            while (true)
            {
                var outcome = await health.Target.ProbeAsync(cancellationToken);
                health.Report(outcome);
                // A reset, as haproxy's checks do: nothing was said, and no TIME_WAIT stays behind.
                outcome.Connection?.Abort(CloseReason.ClientLeft);
                await Task.Delay(health.IsUp || interval < IntervalWhileDown ? interval : IntervalWhileDown, time, cancellationToken);
            }
        }
        catch (OperationCanceledException)
        {
            // Told to stop.
        }
    }
}
