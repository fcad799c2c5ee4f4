namespace JunctionRelay.Targets;

/// <summary>Connects to a target now and then and hangs up: takes a dead one out and, asking every second, brings it back in.</summary>
internal sealed class HealthProber(TargetHealth health, TimeSpan interval, TimeProvider time)
{
    /// <summary>How often a target that is down is asked.</summary>
    public static readonly TimeSpan IntervalWhileDown = TimeSpan.FromSeconds(1);

    /// <summary>Runs until cancelled.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        var every = health.Target.ProbeInterval ?? interval;
        try
        {
            // What has an interval of its own starts together with us: give it the time to come up before calling it down.
            var (start, patience) = (time.GetTimestamp(), health.Target.ProbeInterval is null ? TimeSpan.Zero : IntervalWhileDown);
            while (true)
            {
                var news = health.Target.News;
                var failure = await health.Target.ProbeAsync(cancellationToken);
                if (failure is null || time.GetElapsedTime(start) >= patience) health.Report(failure);
                await PauseAsync(health.IsUp || every < IntervalWhileDown ? every : IntervalWhileDown, news, cancellationToken);
            }
        }
        catch (OperationCanceledException)
        {
            // Told to stop.
        }
    }

    // Clients wait for a link that comes back, and not for our next look, too.
    private async Task PauseAsync(TimeSpan pause, Task? news, CancellationToken cancellationToken)
    {
        using var over = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var delay = Task.Delay(pause, time, over.Token);
        await (news is null ? delay : await Task.WhenAny(delay, news));
        await over.CancelAsync();
    }
}
