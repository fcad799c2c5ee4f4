using JunctionRelay.Connections;
using JunctionRelay.Links;
using JunctionRelay.Tests.Harness;

namespace JunctionRelay.Tests.Links;

[Collection(Alone.Name)]
public sealed class LinkFairnessTests
{
    [Fact]
    public async Task Streams_with_much_to_send_take_turns_and_a_late_small_one_does_not_wait_for_them()
    {
        var listener = new LinkListener("hq");
        await using var pair = new LinkPair();
        await using var peer = new RawPeer(new LinkAcceptor(pair.HqOptions, new LinkDirectory(), listener));
        await peer.GreetAsync(RawPeer.Hello with { Limits = new LinkLimits(1000, 1024 * 1024, 0) });
        var streams = new List<LinkStream>();
        for (var id = 1u; id <= 5; id += 2)
        {
            await peer.SendAsync(RawPeer.Open(id));
            streams.Add((LinkStream)(await listener.AcceptAsync().AsTask().WaitAsync(Eventually.Deadline))!);
        }

        // The peer reads nothing yet, so both have far more to send than the wire takes; then comes the small one.
        var sending = new[] { Pattern.SendAsync(streams[0], 1, 1 << 20), Pattern.SendAsync(streams[1], 3, 1 << 20) };
        await Eventually.StableAsync(() => (int)(streams[0].Ledger.Written + streams[1].Ledger.Written));
        await streams[2].Output.WriteAsync("small"u8.ToArray());

        var order = new List<uint>();
        var received = new Dictionary<uint, long> { [1] = 0, [3] = 0, [5] = 0 };
        while (received[1] + received[3] < 2 << 20)
        {
            var (frame, payload) = await peer.ReadAsync(LinkFrameType.Data);
            order.Add(frame.Stream);
            received[frame.Stream] += payload.Length - 4;
            // Acknowledge, so that the sender's budget is no part of this.
            await peer.SendAsync(RawPeer.Credit(frame.Stream, received[frame.Stream], received[frame.Stream], 2 << 20));
        }

        await Task.WhenAll(sending).WaitAsync(Eventually.Deadline);
        // What was already on its way when the small one came: a batch in the writer's hands, and one in the wire.
        Assert.InRange(order.IndexOf(5), 0, 16);
        // At that moment both others had at least three frames waiting, so these tell the writer's order and not how the test's tasks were scheduled.
        var after = order.Skip(order.IndexOf(5) + 1).Take(6).ToArray();
        Assert.True(after.Count(id => id == 1) >= 2 && after.Count(id => id == 3) >= 2, $"no turns: {string.Join(' ', order)}");
    }

    [Theory]
    [InlineData(1)]
    [InlineData(20)]
    public async Task Readers_that_have_stopped_put_not_a_byte_between_a_hundred_others(int stopped)
    {
        const int RoundTrips = 50;
        await using var pair = await new LinkPair().StartAsync();
        var stuck = new List<(LinkStream Cloud, LinkStream Hq)>();
        var floods = new List<Task>();
        for (var i = 0; i < stopped; i++)
        {
            stuck.Add(await pair.OpenAsync());
            floods.Add(LinkStreamTests.FloodAsync(stuck[i].Hq, () => { }));
        }

        await Eventually.StableAsync(() => stuck.Sum(s => (int)s.Cloud.Ledger.Received));
        var talking = new List<(LinkStream Cloud, LinkStream Hq)>();
        for (var i = 0; i < 100; i++)
            talking.Add(await pair.OpenAsync());
        var before = stuck.ConvertAll(s => (s.Hq.Ledger.Sent, s.Cloud.Ledger.Received, s.Cloud.Ledger.Limit));
        await Task.WhenAll(talking.Select(TalkAsync)).WaitAsync(Eventually.Deadline);
        Assert.Equal(before, stuck.ConvertAll(s => (s.Hq.Ledger.Sent, s.Cloud.Ledger.Received, s.Cloud.Ledger.Limit)));
        Assert.All(before, b => Assert.Equal(pair.CloudOptions.InitialWindow, b.Received));

        foreach (var (cloud, _) in stuck)
            cloud.Abort(CloseReason.ClientReset);
        await Assert.ThrowsAsync<ConnectionBrokenException>(() => Task.WhenAll(floods));

        static async Task TalkAsync((LinkStream Cloud, LinkStream Hq) ends)
        {
            for (var i = 0; i < RoundTrips; i++)
            {
                await PassAsync(ends.Cloud, ends.Hq);
                await PassAsync(ends.Hq, ends.Cloud);
            }
        }

        static async Task PassAsync(LinkStream from, LinkStream to)
        {
            const int MessageBytes = 150;
            await from.Output.WriteAsync(new byte[MessageBytes]);
            for (var arrived = 0L; arrived < MessageBytes;)
            {
                var read = await to.Input.ReadAsync();
                arrived += read.Buffer.Length;
                to.Input.AdvanceTo(read.Buffer.End);
            }
        }
    }

    [Fact]
    public async Task A_thousand_streams_that_nobody_reads_stay_inside_the_budget_and_starve_nobody()
    {
        const long Budget = 32 * 1024 * 1024;
        static LinkOptions Bounded(LinkOptions options) => options with { BudgetBytes = Budget };
        await using var pair = await new LinkPair(1, Bounded, Bounded).StartAsync();
        var stuck = new List<(LinkStream Cloud, LinkStream Hq)>();
        var floods = new List<Task>();
        for (var i = 0; i < 1000; i++)
        {
            stuck.Add(await pair.OpenAsync());
            floods.Add(LinkStreamTests.FloodAsync(stuck[i].Cloud, () => { }));
        }

        await Eventually.StableAsync(() => stuck.Sum(s => (int)s.Hq.Ledger.Received));
        Assert.All(stuck, s => Assert.Equal(pair.HqOptions.InitialWindow, s.Hq.Ledger.Received));
        Assert.True(pair.Hq.ReceiveBudget.Taken <= Budget && pair.Cloud.SendBudget.Taken <= Budget);

        // A stream that comes later opens, and carries what it likes.
        var (client, target) = await pair.OpenAsync();
        await Task.WhenAll(Pattern.SendAsync(client, 1, 1 << 20), Pattern.CheckAsync(target, 1, 1 << 20)).WaitAsync(Eventually.Deadline);

        foreach (var (cloud, _) in stuck)
            cloud.Abort(CloseReason.ClientReset);
        await Assert.ThrowsAsync<ConnectionBrokenException>(() => Task.WhenAll(floods));
        await Eventually.TrueAsync(() => pair.Hq.StreamCount <= 1 && pair.Cloud.StreamCount <= 1, () => $"{pair.Hq.StreamCount} and {pair.Cloud.StreamCount} streams are left");
        Assert.True(pair.Hq.ReceiveBudget.Taken < 4 * 1024 * 1024, $"{pair.Hq.ReceiveBudget.Taken} bytes are still taken");
    }

    [Fact]
    public void A_window_grows_with_the_rate_and_shrinks_under_pressure()
    {
        var time = new ManualTime();
        var budget = new LinkBudget(1024 * 1024);
        Assert.True(budget.TryReserve(16 * 1024));
        var window = new StreamWindow(16 * 1024, time.GetTimestamp());
        var (delivered, limit) = (0L, 16L * 1024);

        // A slow reader over a long link: the window stays.
        for (var i = 0; i < 20; i++)
            Step(TimeSpan.FromSeconds(1), TimeSpan.FromMilliseconds(50), 8 * 1024);
        Assert.Equal(16 * 1024, window.Size);

        // One that takes a window for each round trip: it grows until the budget's half is gone.
        for (var i = 0; i < 100; i++)
            Step(TimeSpan.FromMilliseconds(10), TimeSpan.FromMilliseconds(50), (int)(limit - delivered));
        Assert.Equal(512 * 1024, window.Size);
        Assert.True(budget.IsUnderPressure);

        // More streams have come: it gives back, and the limit has never gone back.
        for (var i = 0; i < 100; i++)
            Step(TimeSpan.FromSeconds(1), TimeSpan.FromMilliseconds(50), (int)(limit - delivered), fairShare: 64 * 1024);
        Assert.True(window.Size <= 256 * 1024, $"{window.Size}");
        window.Release(budget);
        Assert.Equal(0, budget.Taken);

        void Step(TimeSpan elapsed, TimeSpan roundTrip, int taken, long fairShare = 1024 * 1024)
        {
            time.Advance(elapsed);
            delivered += Math.Min(taken, limit - delivered);
            var granted = window.Grant(delivered, limit, time, roundTrip, budget, fairShare);
            Assert.True(granted >= limit);
            Assert.True(granted > delivered, "a sender that used all its credit gets none");
            limit = granted;
        }
    }
}
