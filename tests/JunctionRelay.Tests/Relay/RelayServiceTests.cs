using System.Net;
using System.Net.Sockets;
using JunctionRelay.Connections;
using JunctionRelay.Policies;
using JunctionRelay.Relay;
using JunctionRelay.Tests.Harness;

namespace JunctionRelay.Tests.Relay;

public sealed class RelayServiceTests
{
    [Fact]
    public async Task A_flood_past_the_limit_is_refused_at_once_and_those_inside_go_on()
    {
        using var upstream = Peer.Listen();
        await using var relay = await TestRelay.StartAsync(TestRelay.Plan([TestRelay.Tcp(upstream.LocalEndPoint!)], connections: new ConnectionLimits(2, null)));
        using var first = await Peer.ConnectAsync(relay.Address);
        using var server = await Peer.AcceptAsync(upstream);
        using var second = await Peer.ConnectAsync(relay.Address);
        using var otherServer = await Peer.AcceptAsync(upstream);

        for (var i = 0; i < 100; i++) Assert.Equal(SeenEnd.Reset, await Peer.ConnectAndReadEndAsync(relay.Address));

        await first.SendAsync("still here"u8.ToArray());
        Assert.Equal("still here"u8.ToArray(), await server.ReadAsync(10));
        // A hundred refusals are few lines, and the lines say how many.
        Assert.InRange(relay.Log.Entries.Count(e => e.Name == "connection-refused"), 1, 20);

        second.Reset();
        await relay.EndAsync();
        using var third = await Peer.ConnectAsync(relay.Address);
        using var thirdServer = await Peer.AcceptAsync(upstream);
        await third.SendAsync("in"u8.ToArray());
        Assert.Equal("in"u8.ToArray(), await thirdServer.ReadAsync(2));
    }

    [Fact]
    public async Task An_address_outside_allow_is_reset_and_nothing_is_dialled()
    {
        using var upstream = Peer.Listen();
        await using var relay = await TestRelay.StartAsync(TestRelay.Plan(
            [TestRelay.Tcp(upstream.LocalEndPoint!)], allow: new CidrSet([IPNetwork.Parse("10.0.0.0/8")])));
        Assert.Equal(SeenEnd.Reset, await Peer.ConnectAndReadEndAsync(relay.Address));
        Assert.Equal("address-not-allowed", (await relay.Log.WaitAsync("connection-refused")).Fields["reason"]);
        Assert.False(upstream.Poll(0, SelectMode.SelectRead));
    }

    [Fact]
    public async Task A_port_in_use_is_told_with_relay_address_and_remedy()
    {
        using var taken = Peer.Listen();
        var plan = TestRelay.Plan([TestRelay.Tcp(taken.LocalEndPoint!)]) with { Listen = [new ListenPlan(taken.LocalEndPoint!)] };
        var e = await Assert.ThrowsAsync<ListenException>(() => TestRelay.StartAsync(plan));
        Assert.Contains($"relays.test.listen: cannot listen on {taken.LocalEndPoint}", e.Message, StringComparison.Ordinal);
        Assert.Contains("ss -tanp", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_unix_path_whose_directory_is_missing_is_told_so()
    {
        var address = new UnixDomainSocketEndPoint(Path.Combine(Path.GetTempPath(), Guid.NewGuid().ToString("N"), "relay.sock"));
        var plan = TestRelay.Plan([TestRelay.Tcp(new IPEndPoint(IPAddress.Loopback, 1))]) with { Listen = [new ListenPlan(address)] };
        var e = await Assert.ThrowsAsync<ListenException>(() => TestRelay.StartAsync(plan));
        Assert.Contains("directory does not exist", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Stopping_drains_and_a_second_word_ends_at_once()
    {
        await using var two = await TwoServed.StartAsync(TimeSpan.FromHours(1), TimeProvider.System);
        var stopping = two.Service.StopAsync(CancellationToken.None);
        await two.Log.WaitAsync("draining");
        using (var late = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp))
            await Assert.ThrowsAsync<SocketException>(() => late.ConnectAsync(two.Address));
        await two.LeaveAsync();
        await two.Stays.SendAsync("on"u8.ToArray());
        Assert.Equal("on"u8.ToArray(), await two.StaysServer.ReadAsync(2));
        Assert.False(stopping.IsCompleted);

        two.Service.StopNow();
        await two.IsCutAsync(stopping);
        Assert.Equal("stopping", (await two.Log.WaitAsync("connection-ended", e => (string)e.Fields["reason"]! == "stopping")).Fields["reason"]);
    }

    [Fact]
    public async Task A_drain_of_hours_says_how_many_are_left_and_ends_at_its_limit()
    {
        var time = new ManualTime();
        await using var two = await TwoServed.StartAsync(TimeSpan.FromHours(3), time);
        var stopping = two.Service.StopAsync(CancellationToken.None);
        Assert.Equal(2, (await two.Log.WaitAsync("draining")).Fields["connections"]);
        await two.LeaveAsync();
        await two.Log.WaitAsync("connection-ended");
        await PassUntilToldAsync(2);
        // Nothing happens, and it says so every five minutes; a step or two may be passed before it is noticed.
        Assert.InRange(await PassUntilToldAsync(3), TimeSpan.FromMinutes(4), TimeSpan.FromMinutes(10));
        Assert.InRange(await PassUntilToldAsync(4), TimeSpan.FromMinutes(4), TimeSpan.FromMinutes(10));
        Assert.Equal([2, 1, 1, 1], Told());
        Assert.False(stopping.IsCompleted);

        time.Advance(TimeSpan.FromHours(3));
        await two.IsCutAsync(stopping);
        var stopped = (await two.Log.WaitAsync("stopped")).Fields;
        Assert.Equal((1, 1), (stopped["drained"], stopped["aborted"]));

        IEnumerable<object?> Told() => two.Log.Entries.Where(e => e.Name == "draining").Select(e => e.Fields["connections"]);

        // How long it took by the clock.
        async Task<TimeSpan> PassUntilToldAsync(int times)
        {
            var before = time.GetUtcNow();
            await Eventually.TrueAsync(
                () =>
                {
                    if (Told().Count() >= times) return true;
                    time.Advance(TimeSpan.FromSeconds(5));
                    return false;
                }, () => $"told {string.Join(", ", Told())}");
            return time.GetUtcNow() - before;
        }
    }

    [Theory]
    [InlineData(true, "idle-timeout")]
    [InlineData(false, "lifetime-reached")]
    public async Task Idle_and_lifetime_limits_end_a_connection_where_asked_for(bool idle, string reason)
    {
        using var upstream = Peer.Listen();
        var time = new ManualTime();
        var limits = TestRelay.Limits with { Idle = idle ? TimeSpan.FromMinutes(5) : null, Lifetime = idle ? null : TimeSpan.FromMinutes(5) };
        await using var relay = await TestRelay.StartAsync(TestRelay.Tcp(upstream.LocalEndPoint!), limits: limits, time: time);
        using var client = await Peer.ConnectAsync(relay.Address);
        using var server = await Peer.AcceptAsync(upstream);
        await client.SendAsync("x"u8.ToArray());
        await server.ReadAsync(1);
        time.Advance(TimeSpan.FromMinutes(4));
        await client.SendAsync("y"u8.ToArray());
        await server.ReadAsync(1);
        var ending = client.ReadToEndAsync();
        for (var i = 0; i < 10 && !ending.IsCompleted; i++)
        {
            time.Advance(TimeSpan.FromMinutes(1));
            await Task.WhenAny(ending, Task.Delay(50));
        }

        Assert.Equal(SeenEnd.Reset, (await ending).End);
        Assert.Equal(reason, (await relay.EndAsync()).Fields["reason"]);
    }

    [Fact]
    public async Task A_quiet_connection_lives_for_days_when_no_limit_was_asked_for()
    {
        using var upstream = Peer.Listen();
        var time = new ManualTime();
        await using var relay = await TestRelay.StartAsync(TestRelay.Tcp(upstream.LocalEndPoint!), time: time);
        using var client = await Peer.ConnectAsync(relay.Address);
        using var server = await Peer.AcceptAsync(upstream);
        for (var i = 0; i < 7 * 24; i++) time.Advance(TimeSpan.FromHours(1));
        await client.SendAsync("still"u8.ToArray());
        Assert.Equal("still"u8.ToArray(), await server.ReadAsync(5));
    }

    [Fact]
    public async Task A_port_range_is_relayed_one_to_one()
    {
        using var first = Peer.Listen();
        var basePort = ((IPEndPoint)first.LocalEndPoint!).Port;
        // The third port of the range, as it happens to be: the target's port is base + offset.
        using var third = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        third.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        third.Listen(1);
        var offset = ((IPEndPoint)third.LocalEndPoint!).Port - basePort;
        var plan = TestRelay.Plan([TestRelay.Tcp(first.LocalEndPoint!)]) with
        {
            Listen = [new ListenPlan(new IPEndPoint(IPAddress.Loopback, 0)), new ListenPlan(new IPEndPoint(IPAddress.Loopback, 0), PortOffset: offset)],
        };
        await using var relay = await TestRelay.StartAsync(plan);
        using var client = await Peer.ConnectAsync(relay.Service.Addresses.Last().Address);
        using var server = await Peer.AcceptAsync(third);
        await client.SendAsync("third"u8.ToArray());
        Assert.Equal("third"u8.ToArray(), await server.ReadAsync(5));
    }

    [Fact]
    public async Task Accepting_goes_on_after_descriptors_ran_out()
    {
        var listener = new FailingListener(failures: 4);
        var log = new TestLog();
        var plan = TestRelay.Plan([TestRelay.Tcp(new IPEndPoint(IPAddress.Loopback, 1))]);
        var table = new ConnectionTable(TimeProvider.System);
        using var metrics = new RelayMetrics();
        var loop = new AcceptLoop(listener, plan, plan.Listen[0], table, new RefusalLog(log, TimeProvider.System), metrics, log, TimeProvider.System);
        await loop.RunAsync().WaitAsync(Eventually.Deadline);
        Assert.Equal(5, listener.Accepts);
        Assert.Equal([5L, 10L, 20L, 40L], log.Entries.Select(e => (long)e.Fields["milliseconds"]!));
    }

    [Fact]
    public async Task A_flood_gives_the_thread_back_that_serves_the_others()
    {
        var listener = new FloodedListener(clients: 2_000);
        var log = new TestLog();
        var plan = TestRelay.Plan([TestRelay.Tcp(new IPEndPoint(IPAddress.Loopback, 1))], connections: new ConnectionLimits(0, null));
        using var metrics = new RelayMetrics();
        var loop = new AcceptLoop(
            listener, plan, plan.Listen[0], new ConnectionTable(TimeProvider.System), new RefusalLog(log, TimeProvider.System), metrics, log, TimeProvider.System);
        var noting = new NotingContext(() => listener.Accepts);
        var before = SynchronizationContext.Current;
        SynchronizationContext.SetSynchronizationContext(noting);
        var running = loop.RunAsync();
        SynchronizationContext.SetSynchronizationContext(before);
        await running.WaitAsync(Eventually.Deadline);
        Assert.InRange(noting.AtFirstPost, 1, 200);
    }

    /// <summary>Notes how far things were when the thread was given back for the first time.</summary>
    private sealed class NotingContext(Func<int> progress) : SynchronizationContext
    {
        public int AtFirstPost { get; private set; } = -1;

        public override void Post(SendOrPostCallback d, object? state)
        {
            if (AtFirstPost < 0) AtFirstPost = progress();
            ThreadPool.QueueUserWorkItem(_ => d(state));
        }
    }

    /// <summary>Has another client waiting whenever it is asked, until all were taken.</summary>
    private sealed class FloodedListener(int clients) : ConnectionListener
    {
        public int Accepts { get; private set; }
        public override EndPoint EndPoint { get; } = new IPEndPoint(IPAddress.Loopback, 27000);
        public override bool Listen(bool listening) => false;
        public override ValueTask DisposeAsync() => ValueTask.CompletedTask;

        public override ValueTask<Connection?> AcceptAsync()
        {
            if (++Accepts > clients) return new((Connection?)null);
            return new(new SocketConnection(new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp)));
        }
    }

    /// <summary>Fails a few times as a process without descriptors does, then is stopped.</summary>
    private sealed class FailingListener(int failures) : ConnectionListener
    {
        public int Accepts { get; private set; }
        public override EndPoint EndPoint { get; } = new IPEndPoint(IPAddress.Loopback, 27000);
        public override bool Listen(bool listening) => false;
        public override ValueTask DisposeAsync() => ValueTask.CompletedTask;

        public override ValueTask<Connection?> AcceptAsync() =>
            ++Accepts <= failures ? throw new SocketException((int)SocketError.TooManyOpenSockets) : new((Connection?)null);
    }

    // A service with two connections, of which one ends by itself.
    private sealed class TwoServed(TimeSpan drainTimeout, TimeProvider time) : IAsyncDisposable
    {
        private readonly Socket _upstream = Peer.Listen();
        private Peer _leaves = null!;
        private Peer _leavesServer = null!;

        public TestLog<RelayService> Log { get; } = new();
        public RelayService Service { get; private set; } = null!;
        public EndPoint Address => Service.Addresses.Single().Address;
        public Peer Stays { get; private set; } = null!;
        public Peer StaysServer { get; private set; } = null!;

        public static async Task<TwoServed> StartAsync(TimeSpan drainTimeout, TimeProvider time)
        {
            var two = new TwoServed(drainTimeout, time);
            await two.StartAsync();
            return two;
        }

        public async Task LeaveAsync()
        {
            await _leaves.EndAsync();
            await _leavesServer.EndAsync();
            await _leaves.ReadToEndAsync();
        }

        /// <summary>The drain ends, and what stayed is reset at both ends.</summary>
        public async Task IsCutAsync(Task stopping)
        {
            await stopping.WaitAsync(Eventually.Deadline, TestContext.Current.CancellationToken);
            Assert.Equal(SeenEnd.Reset, (await Stays.ReadToEndAsync()).End);
            Assert.Equal(SeenEnd.Reset, (await StaysServer.ReadToEndAsync()).End);
        }

        public async ValueTask DisposeAsync()
        {
            foreach (var peer in new[] { Stays, StaysServer, _leaves, _leavesServer }) peer.Dispose();
            await Service.DisposeAsync();
            _upstream.Dispose();
        }

        private async Task StartAsync()
        {
            Service = new RelayService([TestRelay.Plan([TestRelay.Tcp(_upstream.LocalEndPoint!)])], drainTimeout, Log, time);
            await Service.StartAsync(CancellationToken.None);
            (Stays, StaysServer) = (await Peer.ConnectAsync(Address), await Peer.AcceptAsync(_upstream));
            (_leaves, _leavesServer) = (await Peer.ConnectAsync(Address), await Peer.AcceptAsync(_upstream));
        }
    }
}
