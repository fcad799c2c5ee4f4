using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using JunctionRelay.Connections;
using JunctionRelay.Links;
using JunctionRelay.Tests.Harness;

namespace JunctionRelay.Tests.Relay;

/// <summary>Who may use what over links, chains and loops.</summary>
public sealed class LinkPolicyTests
{
    [Theory]
    [InlineData("hq/secret", "not-permitted", "\"cloud\" may not use the service \"secret\"")]
    [InlineData("hq/nothing", "not-permitted", "\"cloud\" may not use the service \"nothing\"")]
    [InlineData("hq/gone", "no-such-service", "there is no service \"gone\" here")]
    [InlineData("hq/closed", "dial-refused", "refused")]
    [InlineData("hq/silent", "dial-timeout", "0.3 s")]
    public async Task A_refusal_comes_back_with_its_reason_and_nothing_is_dialled(string target, string reason, string words)
    {
        using var upstream = Peer.Listen();
        // tcpmux: nobody listens there, and nobody is given that port while the test runs.
        var closedAddress = new IPEndPoint(IPAddress.Loopback, 1);
        // A backlog that is full drops further handshakes, as a firewall does.
        using var silent = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        silent.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        silent.Listen(0);
        using var filler = await Peer.ConnectAsync(silent.LocalEndPoint!);
        await using var hq = await TestJunction.StartAsync(new TestJunctionPlan("hq")
        {
            Services =
            {
                ["lmgrd"] = TestRelay.Tcp(upstream.LocalEndPoint!),
                ["secret"] = TestRelay.Tcp(upstream.LocalEndPoint!),
                ["closed"] = TestRelay.Tcp(closedAddress),
                ["silent"] = TestRelay.Tcp(silent.LocalEndPoint!, TimeSpan.FromMilliseconds(300)),
            },
            Peers = { ["cloud"] = ["lmgrd", "gone", "closed", "silent"], ["other"] = ["secret"] },
            Dialled = true,
        });
        await using var cloud = await TestJunction.StartAsync(new TestJunctionPlan("cloud") { Relays = { ["test"] = target }, Dial = [("hq", [hq.LinkAddress])] });
        await cloud.LinkedAsync("hq");

        Assert.Equal(SeenEnd.Reset, await Peer.ConnectAndReadEndAsync(cloud.AddressOf("test")));
        Assert.Equal(reason, (await cloud.Log.WaitAsync("connection-ended")).Fields["reason"]);
        var atHq = await hq.Log.WaitAsync("connection-ended");
        Assert.Equal(reason, atHq.Fields["reason"]);
        Assert.Contains(words, atHq.Message, StringComparison.OrdinalIgnoreCase);
        Assert.False(upstream.Poll(0, SelectMode.SelectRead));
    }

    [Theory]
    [InlineData("hq/secret", "not-permitted", false)]
    [InlineData("hq/secret", "not-permitted", true)]
    [InlineData("hq/closed", "dial-refused", false)]
    [InlineData("hq/closed", "dial-refused", true)]
    public async Task A_refusal_resets_the_client_after_one_round_trip(string target, string reason, bool reverse)
    {
        var way = TimeSpan.FromMilliseconds(100);
        var services = TestRelay.Tcp(new IPEndPoint(IPAddress.Loopback, 1));
        var cloudPlan = new TestJunctionPlan("cloud") { Relays = { ["test"] = target }, Peers = { ["hq"] = [] }, Dialled = reverse };
        var hqPlan = new TestJunctionPlan("hq") { Services = { ["secret"] = services, ["closed"] = services }, Peers = { ["cloud"] = ["closed"] }, Dialled = !reverse };
        await using var dialled = await TestJunction.StartAsync(reverse ? cloudPlan : hqPlan);
        await using var far = new BlackHole(dialled.LinkAddress, delay: way);
        await using var dialler = await TestJunction.StartAsync((reverse ? hqPlan : cloudPlan) with { Dial = [(dialled.Name, [far.Address])] });
        var (cloud, hq) = reverse ? (dialled, dialler) : (dialler, dialled);
        await cloud.LinkedAsync("hq");

        var took = new List<double>();
        // A busy machine may be late once or twice.
        while (took.Count < 3 && took.DefaultIfEmpty(double.MaxValue).Min() >= 1.9)
        {
            var watch = Stopwatch.StartNew();
            Assert.Equal(SeenEnd.Reset, await Peer.ConnectAndReadEndAsync(cloud.AddressOf("test")));
            took.Add(watch.Elapsed / (2 * way));
            Assert.Equal(reason, (await hq.Log.WaitAsync("connection-ended")).Fields["reason"]);
            Assert.Equal(reason, (await cloud.Log.WaitAsync("connection-ended")).Fields["reason"]);
        }

        // A timer may be a millisecond early.
        Assert.InRange(took.Min(), 0.98, 1.9);
    }

    [Theory]
    [InlineData("secret", "not-permitted", "peers.cloud: \"cloud\" may not use the service \"secret\"")]
    [InlineData("closed", "dial-refused", "127.0.0.1:1: ")]
    [InlineData("far", "dial-refused", "link://far/closed: 127.0.0.1:1: ")]
    public async Task Who_checks_is_told_in_words_and_others_the_reason_alone(string service, string reason, string words)
    {
        var closedAddress = new IPEndPoint(IPAddress.Loopback, 1);
        await using var far = await TestJunction.StartAsync(new TestJunctionPlan("far") { Services = { ["closed"] = TestRelay.Tcp(closedAddress) }, Peers = { ["hq"] = ["closed"] }, Dialled = true });
        await using var hq = await TestJunction.StartAsync(new TestJunctionPlan("hq")
        {
            Services = { ["secret"] = TestRelay.Tcp(closedAddress), ["closed"] = TestRelay.Tcp(closedAddress), ["far"] = "far/closed" },
            Peers = { ["cloud"] = ["closed", "far"] },
            Dial = [("far", [far.LinkAddress])],
            Dialled = true,
        });
        await using var cloud = await TestJunction.StartAsync(new TestJunctionPlan("cloud") { Dial = [("hq", [hq.LinkAddress])] });
        await Task.WhenAll(cloud.LinkedAsync("hq"), hq.LinkedAsync("far"));

        Assert.StartsWith(words, await RefusalAsync(isCheck: true), StringComparison.Ordinal);
        Assert.Equal("", await RefusalAsync(isCheck: false));

        async Task<string> RefusalAsync(bool isCheck)
        {
            var open = new LinkOpen(service, Guid.NewGuid(), null, ["cloud"]) { IsHeld = true, IsCheck = isCheck };
            Assert.True(cloud.Sessions.Single().Session.TryOpen(open, out var stream, out _));
            var refused = await Assert.ThrowsAsync<ConnectionBrokenException>(() => stream.WhenAnswered().WaitAsync(Eventually.Deadline));
            Assert.Equal(reason, refused.Told?.Name());
            return refused.Detail;
        }
    }

    [Fact]
    public async Task A_paused_service_is_refused_over_a_chain_until_it_goes_on_and_ends_what_it_has_only_when_told_to()
    {
        using var upstream = Peer.Listen();
        await using var hq = await TestJunction.StartAsync(new TestJunctionPlan("hq") { Services = { ["s"] = TestRelay.Tcp(upstream.LocalEndPoint!) }, Peers = { ["dmz"] = ["s"] }, Dialled = true });
        await using var dmz = await TestJunction.StartAsync(new TestJunctionPlan("dmz") { Services = { ["s"] = "hq/s" }, Peers = { ["cloud"] = ["s"] }, Dial = [("hq", [hq.LinkAddress])], Dialled = true });
        await using var cloud = await TestJunction.StartAsync(new TestJunctionPlan("cloud") { Relays = { ["s"] = "dmz/s" }, Dial = [("dmz", [dmz.LinkAddress])] });
        await Task.WhenAll(cloud.LinkedAsync("dmz"), dmz.LinkedAsync("hq"));
        using var client = await Peer.ConnectAsync(cloud.AddressOf("s"));
        using var server = await Peer.AcceptAsync(upstream);

        Assert.Equal(0, hq.Relays.Pause("s", end: false));
        Assert.Equal(SeenEnd.Reset, await Peer.ConnectAndReadEndAsync(cloud.AddressOf("s")));
        var refused = await hq.Log.WaitAsync("connection-ended");
        Assert.Equal("not-permitted", refused.Fields["reason"]);
        Assert.Contains("the service \"s\" is paused", refused.Message, StringComparison.Ordinal);
        Assert.Equal("not-permitted", (await cloud.Log.WaitAsync("connection-ended")).Fields["reason"]);
        Assert.False(upstream.Poll(0, SelectMode.SelectRead));
        await client.SendAsync("goes on"u8.ToArray());
        Assert.Equal("goes on"u8.ToArray(), await server.ReadAsync(7));

        Assert.Equal(1, hq.Relays.Pause("s", end: true));
        Assert.Equal(SeenEnd.Reset, (await client.ReadToEndAsync()).End);
        Assert.Equal(SeenEnd.Reset, (await server.ReadToEndAsync()).End);
        Assert.True(hq.Relays.Resume("s"));
        using var again = await Peer.ConnectAsync(cloud.AddressOf("s"));
        using var served = await Peer.AcceptAsync(upstream);
    }

    [Fact]
    public async Task A_peer_that_no_entry_is_about_gets_no_link_and_is_told_why()
    {
        await using var hq = await TestJunction.StartAsync(new TestJunctionPlan("hq") { Peers = { ["node-*"] = ["lmgrd"] }, Dialled = true });
        await using var stranger = await TestJunction.StartAsync(new TestJunctionPlan("stranger") { Dial = [("hq", [hq.LinkAddress])] });
        var refused = await stranger.LinkLog.WaitAsync("link-refused");
        Assert.Contains("no entry of peers is about \"stranger\"", refused.Message, StringComparison.Ordinal);
        Assert.Empty(hq.Sessions);
    }

    [Fact]
    public async Task A_chain_of_three_links_carries_bytes_under_one_id()
    {
        using var upstream = Peer.Listen();
        await using var d = await TestJunction.StartAsync(new TestJunctionPlan("d") { Services = { ["s"] = TestRelay.Tcp(upstream.LocalEndPoint!) }, Peers = { ["c"] = ["s"] }, Dialled = true });
        await using var c = await TestJunction.StartAsync(new TestJunctionPlan("c") { Services = { ["s"] = "d/s" }, Peers = { ["b"] = ["s"] }, Dial = [("d", [d.LinkAddress])], Dialled = true });
        await using var b = await TestJunction.StartAsync(new TestJunctionPlan("b") { Services = { ["s"] = "c/s" }, Peers = { ["a"] = ["s"] }, Dial = [("c", [c.LinkAddress])], Dialled = true });
        await using var a = await TestJunction.StartAsync(new TestJunctionPlan("a") { Relays = { ["s"] = "b/s" }, Dial = [("b", [b.LinkAddress])] });
        await Task.WhenAll(a.LinkedAsync("b"), b.LinkedAsync("c"), c.LinkedAsync("d"));

        using var client = await Peer.ConnectAsync(a.AddressOf("s"));
        using var server = await Peer.AcceptAsync(upstream);
        await client.SendAsync("through three links"u8.ToArray());
        Assert.Equal("through three links"u8.ToArray(), await server.ReadAsync(19));
        await server.SendAsync("and back"u8.ToArray());
        Assert.Equal("and back"u8.ToArray(), await client.ReadAsync(8));
        client.Reset();
        Assert.Equal(SeenEnd.Reset, (await server.ReadToEndAsync()).End);

        var ids = new List<string>();
        foreach (var junction in new[] { a, b, c, d })
        {
            var end = await junction.Log.WaitAsync("connection-ended");
            Assert.Equal("client-reset", end.Fields["reason"]);
            ids.Add(end.Fields["id"]!.ToString()!);
        }

        Assert.Single(ids.Distinct());
    }

    [Fact]
    public async Task A_loop_is_refused_with_its_path()
    {
        await using var a = await TestJunction.StartAsync(new TestJunctionPlan("a") { Relays = { ["s"] = "b/s" }, Services = { ["s"] = "b/s" }, Peers = { ["b"] = ["s"] }, Dialled = true });
        await using var b = await TestJunction.StartAsync(new TestJunctionPlan("b") { Services = { ["s"] = "a/s" }, Peers = { ["a"] = ["s"] }, Dial = [("a", [a.LinkAddress])] });
        await Task.WhenAll(a.LinkedAsync("b"), b.LinkedAsync("a"));
        Assert.Equal(SeenEnd.Reset, await Peer.ConnectAndReadEndAsync(a.AddressOf("s")));
        Assert.Equal("link-loop", (await a.Log.WaitAsync("connection-ended")).Fields["reason"]);
        var atB = await b.Log.WaitAsync("connection-ended");
        Assert.Equal("link-loop", atB.Fields["reason"]);
        Assert.Contains("a → b → a", atB.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Without_a_link_a_relay_resets_at_once()
    {
        await using var cloud = await TestJunction.StartAsync(new TestJunctionPlan("cloud") { Relays = { ["s"] = "hq/s" } });
        Assert.Equal(SeenEnd.Reset, await Peer.ConnectAndReadEndAsync(cloud.AddressOf("s")));
        Assert.Equal("link-down", (await cloud.Log.WaitAsync("connection-ended")).Fields["reason"]);
    }

    [Fact]
    public async Task A_junction_that_comes_back_as_a_new_process_ends_its_old_streams_at_once()
    {
        using var upstream = Peer.Listen();
        var instance = Guid.NewGuid();
        await using var hq = await TestJunction.StartAsync(new TestJunctionPlan("hq") { Services = { ["s"] = TestRelay.Tcp(upstream.LocalEndPoint!) }, Peers = { ["cloud"] = ["s"] }, Dialled = true });
        // The first life of cloud ends without a word: its connection to hq is left hanging, as by a machine that lost its power.
        await using var wall = new BlackHole(hq.LinkAddress);
        var plan = new TestJunctionPlan("cloud") { Relays = { ["s"] = "hq/s" }, Instance = instance };
        await using var first = await TestJunction.StartAsync(plan with { Dial = [("hq", [wall.Address])] });
        await first.LinkedAsync("hq");
        using var client = await Peer.ConnectAsync(first.AddressOf("s"));
        using var server = await Peer.AcceptAsync(upstream);
        await client.SendAsync("x"u8.ToArray());
        await server.ReadAsync(1);
        wall.Swallow();

        var ending = server.ReadToEndAsync();
        await using var second = await TestJunction.StartAsync(plan with { Dial = [("hq", [hq.LinkAddress])], Generation = 2 });
        Assert.Equal(SeenEnd.Reset, (await ending.WaitAsync(TimeSpan.FromSeconds(2))).End);
        Assert.Equal("link-peer-restarted", (await hq.Log.WaitAsync("connection-ended")).Fields["reason"]);
    }
}
