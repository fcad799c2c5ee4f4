using System.Net;
using System.Net.Sockets;
using JunctionRelay.Connections;
using JunctionRelay.Targets;
using JunctionRelay.Tests.Harness;

namespace JunctionRelay.Tests.Targets;

public sealed class TargetListTests
{
    [Fact]
    public async Task The_first_target_that_answers_is_taken_and_the_others_are_told_in_the_detail()
    {
        var (a, b) = (new ScriptedTarget("a", CloseReason.DialRefused), new ScriptedTarget("b"));
        var dial = await List([a, b]).DialAsync(default, CancellationToken.None);
        Assert.Equal("b", dial.Target!.Target.Name);

        b.Fails = CloseReason.DialTimeout;
        dial = await List([a, b]).DialAsync(default, CancellationToken.None);
        Assert.Equal(CloseReason.DialTimeout, dial.Outcome.Reason);
        Assert.Equal("a: dial-refused; b: dial-timeout", dial.Outcome.Detail);
    }

    [Fact]
    public async Task A_target_that_is_down_is_not_dialled_until_a_probe_brings_it_back()
    {
        var (a, b) = (new ScriptedTarget("a", CloseReason.DialRefused), new ScriptedTarget("b"));
        var list = List([a, b], probed: true);
        await list.DialAsync(default, CancellationToken.None);
        await list.DialAsync(default, CancellationToken.None);
        Assert.Equal((1, 2), (a.Dials, b.Dials));

        a.Fails = null;
        var time = new ManualTime();
        using var stop = new CancellationTokenSource();
        var probing = new HealthProber(list.Targets[0], TimeSpan.FromSeconds(10), time).RunAsync(stop.Token);
        await Eventually.TrueAsync(() => list.Targets[0].IsUp, () => "the probe did not bring it back");
        await stop.CancelAsync();
        await probing;
        Assert.Equal("a", (await list.DialAsync(default, CancellationToken.None)).Target!.Target.Name);
    }

    [Fact]
    public async Task A_target_that_has_news_is_asked_at_once()
    {
        var a = new ScriptedTarget("a", CloseReason.LinkDown) { Announces = new TaskCompletionSource() };
        var health = new TargetHealth(a, probed: true);
        health.Report(DialOutcome.Failed(CloseReason.LinkDown, ""));
        using var stop = new CancellationTokenSource();
        // Its clock stands still: no interval passes.
        var probing = new HealthProber(health, TimeSpan.FromSeconds(10), new ManualTime()).RunAsync(stop.Token);
        a.Fails = null;
        Assert.False(health.IsUp);
        a.Announces.SetResult();
        await Eventually.TrueAsync(() => health.IsUp, () => "the news was not asked about");
        await stop.CancelAsync();
        await probing;
    }

    [Fact]
    public async Task A_link_that_is_not_up_yet_is_called_down_after_a_second_and_up_as_soon_as_it_is()
    {
        var a = new ScriptedTarget("a", CloseReason.LinkDown) { ProbeInterval = TimeSpan.FromMilliseconds(200) };
        var health = new TargetHealth(a, probed: true);
        var time = new ManualTime();
        using var stop = new CancellationTokenSource();
        var probing = new HealthProber(health, TimeSpan.FromSeconds(10), time).RunAsync(stop.Token);
        await AdvanceAsync(0.9);
        Assert.True(health.IsUp);
        await AdvanceAsync(0.3);
        Assert.False(health.IsUp);

        // The same when an early client found it down.
        a.Fails = null;
        await AdvanceAsync(0.2);
        Assert.True(health.IsUp);
        await stop.CancelAsync();
        await probing;

        var early = new TargetHealth(a, probed: true);
        early.Report(DialOutcome.Failed(CloseReason.LinkDown, ""));
        using var stopEarly = new CancellationTokenSource();
        probing = new HealthProber(early, TimeSpan.FromSeconds(10), time).RunAsync(stopEarly.Token);
        await AdvanceAsync(0.2);
        Assert.True(early.IsUp);
        await stopEarly.CancelAsync();
        await probing;

        async Task AdvanceAsync(double seconds)
        {
            for (var passed = 0.0; passed < seconds - 0.01; passed += 0.1)
            {
                await ProberWaitsAsync();
                time.Advance(TimeSpan.FromSeconds(0.1));
            }

            await ProberWaitsAsync();
        }

        Task ProberWaitsAsync() => Eventually.TrueAsync(() => time.Waiting == 1, () => "the prober does not wait for its next turn");
    }

    [Fact]
    public void One_lost_packet_takes_no_target_out_but_two_timeouts_do()
    {
        var health = new TargetHealth(new ScriptedTarget("a"), probed: true);
        health.Report(DialOutcome.Failed(CloseReason.DialTimeout, ""));
        Assert.True(health.IsUp);
        health.Report(DialOutcome.Failed(CloseReason.DialTimeout, ""));
        Assert.False(health.IsUp);
    }

    [Fact]
    public void A_certificate_that_we_refuse_takes_no_target_out()
    {
        var health = new TargetHealth(new ScriptedTarget("a"), probed: true);
        for (var i = 0; i < 5; i++) health.Report(DialOutcome.Failed(CloseReason.DialCertificateRejected, ""));
        Assert.True(health.IsUp);
    }

    [Fact]
    public async Task Round_robin_takes_each_in_turn_and_least_connections_the_idlest()
    {
        ScriptedTarget[] targets = [new("a"), new("b"), new("c")];
        var turns = List(targets, Balance.RoundRobin);
        var taken = new List<string>();
        for (var i = 0; i < 6; i++) taken.Add((await turns.DialAsync(default, CancellationToken.None)).Target!.Target.Name);
        Assert.Equal(["a", "b", "c", "a", "b", "c"], taken);

        var least = List(targets, Balance.LeastConnections);
        least.Targets[0].ConnectionStarted();
        least.Targets[1].ConnectionStarted();
        Assert.Equal("c", (await least.DialAsync(default, CancellationToken.None)).Target!.Target.Name);
    }

    [Fact]
    public async Task Nobody_is_dialled_when_all_are_down_and_the_reason_says_so()
    {
        var a = new ScriptedTarget("a", CloseReason.DialRefused);
        var list = List([a], probed: true);
        await list.DialAsync(default, CancellationToken.None);
        Assert.False(list.TakesConnections);
        var dial = await list.DialAsync(default, CancellationToken.None);
        Assert.Equal((CloseReason.NoTargetUp, 1), (dial.Outcome.Reason, a.Dials));
    }

    [Fact]
    public async Task Hold_waits_for_a_target_to_come_up()
    {
        var a = new ScriptedTarget("a", CloseReason.DialRefused);
        var list = List([a], hold: Eventually.Deadline);
        var dialling = list.DialAsync(default, CancellationToken.None).AsTask();
        await Eventually.TrueAsync(() => a.Dials >= 3, () => "it did not try again");
        a.Fails = null;
        Assert.NotNull((await dialling.WaitAsync(Eventually.Deadline)).Outcome.Connection);
    }

    [Fact]
    public async Task Hold_gives_up_after_its_time()
    {
        var list = List([new ScriptedTarget("a", CloseReason.DialRefused)], hold: TimeSpan.FromMilliseconds(200));
        var dial = await list.DialAsync(default, CancellationToken.None);
        Assert.Equal(CloseReason.NoTargetUp, dial.Outcome.Reason);
        Assert.Contains("0.2 s", dial.Outcome.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_relay_whose_only_target_died_refuses_before_it_accepts_and_takes_clients_again_when_it_is_back()
    {
        using var upstream = Peer.Listen();
        var address = (IPEndPoint)upstream.LocalEndPoint!;
        await using var relay = await TestRelay.StartAsync(TestRelay.Plan([TestRelay.Tcp(address)], health: TimeSpan.FromMilliseconds(100)));
        upstream.Dispose();
        await relay.Log.WaitAsync("relay-down");
        using (var refused = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp))
        {
            var e = await Assert.ThrowsAsync<SocketException>(() => refused.ConnectAsync(relay.Address));
            Assert.Equal(SocketError.ConnectionRefused, e.SocketErrorCode);
        }

        using var again = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        again.Bind(address);
        again.Listen(10);
        await relay.Log.WaitAsync("relay-up");
        using var client = await Peer.ConnectAsync(relay.Address);
        await client.SendAsync("hi"u8.ToArray());
    }

    [Fact]
    public void A_burst_is_spread_over_the_targets_before_the_first_of_them_answers()
    {
        PendingTarget[] targets = [new("a"), new("b")];
        var list = new TargetList([.. targets.Select(t => new TargetHealth(t, probed: false))], Balance.LeastConnections, TimeSpan.Zero, TimeProvider.System);
        for (var i = 0; i < 10; i++) _ = list.DialAsync(default, CancellationToken.None).AsTask();
        Assert.Equal((5, 5), (targets[0].Dials, targets[1].Dials));
    }

    [Fact]
    public async Task A_client_that_resets_while_it_is_held_is_let_go_at_once()
    {
        using var upstream = Peer.Listen();
        var address = upstream.LocalEndPoint!;
        upstream.Dispose();
        await using var relay = await TestRelay.StartAsync(TestRelay.Plan([TestRelay.Tcp(address)], hold: TimeSpan.FromHours(1)));
        var client = await Peer.ConnectAsync(relay.Address);
        await client.SendAsync("hi"u8.ToArray());
        await Eventually.TrueAsync(() => relay.Service.Connections.Count == 1, () => "it was not accepted");
        client.Reset();
        Assert.Equal("client-reset", (await relay.EndAsync()).Fields["reason"]);
    }

    [Fact]
    public async Task A_held_client_waits_no_longer_than_it_was_promised_and_one_round()
    {
        var time = new ManualTime();
        var a = new ScriptedTarget("a", CloseReason.DialTimeout) { Takes = () => time.Advance(TimeSpan.FromSeconds(10)) };
        var list = new TargetList([new TargetHealth(a, probed: false)], default, TimeSpan.FromSeconds(10), time);
        var dial = await list.DialAsync(default, CancellationToken.None).AsTask().WaitAsync(Eventually.Deadline);
        Assert.Equal((CloseReason.NoTargetUp, 1), (dial.Outcome.Reason, a.Dials));
    }

    [Fact]
    public async Task A_target_that_must_be_waited_for_is_tried_after_the_others()
    {
        var (a, b) = (new ScriptedTarget("a") { IsReady = false }, new ScriptedTarget("b"));
        Assert.Equal("b", (await List([a, b]).DialAsync(default, CancellationToken.None)).Target!.Target.Name);
        Assert.Equal(0, a.Dials);

        b.Fails = CloseReason.DialRefused;
        Assert.Equal("a", (await List([a, b]).DialAsync(default, CancellationToken.None)).Target!.Target.Name);

        a.Fails = CloseReason.LinkDown;
        var dial = await List([a, b]).DialAsync(default, CancellationToken.None);
        Assert.Equal((CloseReason.LinkDown, "b: dial-refused; a: link-down"), (dial.Outcome.Reason, dial.Outcome.Detail));
        Assert.Equal((2, 3), (a.Dials, b.Dials));
    }

    private static TargetList List(ScriptedTarget[] targets, Balance balance = default, bool probed = false, TimeSpan hold = default) =>
        new([.. targets.Select(t => new TargetHealth(t, probed))], balance, hold, TimeProvider.System);

    /// <summary>A target that does as it is told; its connections lead to a listener of its own.</summary>
    private sealed class ScriptedTarget(string name, CloseReason? fails = null) : ITarget
    {
        private static readonly Socket Listener = Peer.Listen();

        public string Name => name;
        public CloseReason? Fails { get; set; } = fails;
        public int Dials { get; private set; }
        public Action? Takes { get; init; }
        public bool IsReady { get; init; } = true;
        public TimeSpan? ProbeInterval { get; init; }
        public TaskCompletionSource? Announces { get; init; }
        public Task? News => Announces?.Task;

        public ValueTask<DialOutcome> DialAsync(DialRequest request, CancellationToken cancellationToken)
        {
            Dials++;
            Takes?.Invoke();
            return Fails is { } reason
                ? new(DialOutcome.Failed(reason, $"{name}: {reason.Name()}"))
                : TestRelay.Tcp(Listener.LocalEndPoint!).DialAsync(default, cancellationToken);
        }

        public ValueTask<DialOutcome?> ProbeAsync(CancellationToken cancellationToken) =>
            new(Fails is { } reason ? DialOutcome.Failed(reason, $"{name}: {reason.Name()}") : null);
    }

    /// <summary>A target that never answers.</summary>
    private sealed class PendingTarget(string name) : ITarget
    {
        public string Name => name;
        public int Dials { get; private set; }

        public ValueTask<DialOutcome> DialAsync(DialRequest request, CancellationToken cancellationToken)
        {
            Dials++;
            return new(new TaskCompletionSource<DialOutcome>().Task);
        }

        public ValueTask<DialOutcome?> ProbeAsync(CancellationToken cancellationToken) => new(new TaskCompletionSource<DialOutcome?>().Task);
    }
}
