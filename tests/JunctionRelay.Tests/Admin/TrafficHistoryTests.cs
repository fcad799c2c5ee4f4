using JunctionRelay.App.Admin;
using JunctionRelay.Tests.Harness;

namespace JunctionRelay.Tests.Admin;

/// <summary>The hour behind the charts, in seconds.</summary>
public sealed class TrafficHistoryTests
{
    [Fact]
    public async Task It_has_one_hour_and_what_came_first_goes_first()
    {
        using var upstream = Peer.Listen();
        await using var relay = await TestRelay.StartAsync(TestRelay.Tcp(upstream.LocalEndPoint!));
        var time = new ManualTime();
        using var quiet = new QuietThread();
        using var stop = new CancellationTokenSource();
        var history = new TrafficHistory(relay.Service, quiet, time);
        var taking = history.RunAsync(stop.Token);
        Assert.Empty(history.Read().At);

        using var client = await Peer.ConnectAsync(relay.Address);
        using var server = await Peer.AcceptAsync(upstream);
        await client.SendAsync(new byte[1000]);
        await server.ReadAsync(1000);
        var first = await NextAsync();
        Assert.Equal((200.0, 0.0, 1), (Assert.Single(first.ToTarget), Assert.Single(first.ToClient), Assert.Single(first.Connections)));

        var began = time.GetUtcNow();
        for (var more = 1; more < TrafficHistory.Most; more++) await NextAsync();
        var full = history.Read();
        Assert.Equal(TrafficHistory.Most, full.At.Count);
        Assert.Equal([200.0, 0.0], full.ToTarget.Take(2));
        Assert.Equal(Seconds(began), full.At[0], 0.2);
        Assert.Equal(Seconds(time.GetUtcNow()), full.At[^1], 0.2);
        Assert.Equal(TimeSpan.FromHours(1) - TrafficHistory.Interval, TimeSpan.FromSeconds(Math.Round(full.At[^1] - full.At[0])));

        // One more: the first one goes.
        time.Advance(TrafficHistory.Interval);
        await Eventually.TrueAsync(() => history.Read().At[^1] > full.At[^1] + 1, () => "no point was taken");
        var moved = history.Read();
        Assert.Equal(TrafficHistory.Most, moved.At.Count);
        Assert.Equal(0.0, moved.ToTarget[0]);
        Assert.Equal(full.At[1], moved.At[0], 0.2);
        await stop.CancelAsync();
        await taking;

        // By the next tick of the clock, once that is waited for again.
        async Task<TrafficColumns> NextAsync()
        {
            var had = history.Read().At.Count;
            time.Advance(TrafficHistory.Interval);
            for (var watch = System.Diagnostics.Stopwatch.StartNew(); history.Read().At.Count == had; await Task.Yield()) Assert.True(watch.Elapsed < Eventually.Deadline, $"point {had + 1} was not taken");
            return history.Read();
        }
    }

    private static double Seconds(DateTimeOffset at) => at.ToUnixTimeMilliseconds() / 1000.0;
}
