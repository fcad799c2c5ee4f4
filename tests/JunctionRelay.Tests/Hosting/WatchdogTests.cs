using JunctionRelay.App.Hosting;
using JunctionRelay.Tests.Harness;

namespace JunctionRelay.Tests.Hosting;

public sealed class WatchdogTests
{
    [Fact]
    public async Task It_speaks_twice_in_each_interval_while_all_works_and_is_silent_while_it_does_not()
    {
        var (time, works, said) = (new ManualTime(), true, 0);
        using var watchdog = new Watchdog(TimeSpan.FromSeconds(10), _ => Task.FromResult(Volatile.Read(ref works)), _ => Interlocked.Increment(ref said), time);
        await watchdog.StartAsync(CancellationToken.None);
        for (var i = 1; i <= 3; i++)
        {
            await Eventually.TrueAsync(() => Volatile.Read(ref said) == i, () => $"said {said} times, not {i}");
            time.Advance(TimeSpan.FromSeconds(5));
        }

        await Eventually.TrueAsync(() => Volatile.Read(ref said) == 4, () => $"said {said} times");
        Volatile.Write(ref works, false);
        for (var i = 0; i < 5; i++) time.Advance(TimeSpan.FromSeconds(5));
        await watchdog.StopAsync(CancellationToken.None);
        Assert.Equal(4, said);
    }

    [Fact]
    public async Task Nobody_who_did_not_ask_is_told()
    {
        using var watchdog = new Watchdog(null, _ => throw new NotSupportedException(), _ => Assert.Fail("told"), TimeProvider.System);
        await watchdog.StartAsync(CancellationToken.None);
        await watchdog.ExecuteTask!.WaitAsync(Eventually.Deadline);
    }
}
