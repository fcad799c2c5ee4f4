using System.Net;
using System.Net.Sockets;
using System.Text;
using JunctionRelay.Connections;
using JunctionRelay.Greetings;
using JunctionRelay.Policies;
using JunctionRelay.Targets;
using JunctionRelay.Tests.Harness;

namespace JunctionRelay.Tests.Relay;

/// <summary>Load balancers in front of a relay that say on whose behalf they connect, and targets that are told.</summary>
public sealed class ProxyProtocolTests
{
    private static readonly CidrSet Balancers = new([IPNetwork.Parse("127.0.0.0/8")]);
    private static readonly IPEndPoint Client = IPEndPoint.Parse("192.0.2.7:4711");
    private static readonly IPEndPoint Entrance = IPEndPoint.Parse("203.0.113.1:443");

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public async Task The_client_that_a_balancer_names_is_admitted_logged_and_told_on(int version)
    {
        using var upstream = Peer.Listen();
        await using var relay = await StartAsync(upstream, toTarget: 1, allow: "192.0.2.0/24");
        using var balancer = await Peer.ConnectAsync(relay.Address);
        await balancer.SendAsync((byte[])[.. ProxyProtocolHeader.Write(version, Client, Entrance, default), .. "hello"u8]);
        using var server = await Peer.AcceptAsync(upstream);
        const string expected = "PROXY TCP4 192.0.2.7 203.0.113.1 4711 443\r\nhello";
        Assert.Equal(expected, Encoding.ASCII.GetString(await server.ReadAsync(expected.Length)));
        balancer.Reset();
        Assert.Equal("192.0.2.7:4711", (await relay.EndAsync()).Fields["client"]);
    }

    [Theory]
    [InlineData("198.51.100.1:1", "address-not-allowed")]
    [InlineData("192.0.2.8:1", "too-many-from-client")]
    public async Task A_client_behind_a_balancer_meets_the_same_limits(string client, string reason)
    {
        using var upstream = Peer.Listen();
        await using var relay = await StartAsync(upstream, allow: "192.0.2.0/24", limits: new ConnectionLimits(10, 1));
        // Another client of the same balancer, and the one whose second connection is one too many.
        using var first = await ThroughAsync(relay, IPEndPoint.Parse("192.0.2.8:9"));
        using var server = await Peer.AcceptAsync(upstream);
        using var other = await ThroughAsync(relay, IPEndPoint.Parse("192.0.2.9:9"));
        using var server2 = await Peer.AcceptAsync(upstream);

        using var refused = await ThroughAsync(relay, IPEndPoint.Parse(client));
        Assert.Equal(SeenEnd.Reset, (await refused.ReadToEndAsync()).End);
        var line = await relay.EndAsync();
        Assert.Equal((reason, client), (line.Fields["reason"], line.Fields["client"]));
        Assert.False(upstream.Poll(0, SelectMode.SelectRead));

        // When it is gone there is room for it again.
        first.Reset();
        await relay.Log.WaitAsync("connection-ended", e => (string)e.Fields["client"]! == "192.0.2.8:9");
        using var again = await ThroughAsync(relay, IPEndPoint.Parse("192.0.2.8:10"));
        using var server3 = await Peer.AcceptAsync(upstream);
    }

    [Fact]
    public async Task Slots_are_given_back_whatever_becomes_of_the_header()
    {
        using var upstream = Peer.Listen();
        var limits = new ConnectionLimits(1, 1);
        await using var relay = await StartAsync(upstream, allow: "192.0.2.0/24", limits: limits);
        byte[][] beginnings =
        [
            ProxyProtocolHeader.Write(2, IPEndPoint.Parse("198.51.100.1:1"), Entrance, default), "GET / HTTP/1.1\r\n\r\n"u8.ToArray(), [], ProxyProtocolHeader.Write(1, Client, Entrance, default),
        ];
        foreach (var beginning in beginnings)
        {
            using var balancer = await Peer.ConnectAsync(relay.Address);
            if (beginning.Length > 0) await balancer.SendAsync(beginning);
            balancer.Reset();
            await Eventually.TrueAsync(() => limits.InUse == 0 && relay.Service.Connections.Count == 0, () => $"{limits.InUse} slots are left after {Encoding.Latin1.GetString(beginning)}");
        }
    }

    [Theory]
    [InlineData("hello")]
    [InlineData("\u0016\u0003\u0001")]
    [InlineData("PROXY TCP4 1 2 3 4\r\n")]
    public async Task A_balancer_without_a_header_is_refused(string bytes)
    {
        using var upstream = Peer.Listen();
        await using var relay = await StartAsync(upstream);
        using var balancer = await Peer.ConnectAsync(relay.Address);
        await balancer.SendAsync(Encoding.Latin1.GetBytes(bytes));
        Assert.Equal(SeenEnd.Reset, (await balancer.ReadToEndAsync()).End);
        Assert.Equal("greeting-invalid", (await relay.EndAsync()).Fields["reason"]);
        Assert.False(upstream.Poll(0, SelectMode.SelectRead));
    }

    [Fact]
    public async Task A_header_from_anywhere_else_is_nothing_but_bytes()
    {
        using var upstream = Peer.Listen();
        await using var relay = await StartAsync(upstream, balancers: new CidrSet([IPNetwork.Parse("192.0.2.0/24")]));
        using var client = await Peer.ConnectAsync(relay.Address);
        const string header = "PROXY TCP4 192.0.2.7 203.0.113.1 4711 443\r\n";
        await client.SendAsync(Encoding.ASCII.GetBytes(header));
        using var server = await Peer.AcceptAsync(upstream);
        Assert.Equal(header, Encoding.ASCII.GetString(await server.ReadAsync(header.Length)));
        var from = client.LocalEndPoint.ToString();
        client.Reset();
        Assert.Equal(from, (await relay.EndAsync()).Fields["client"]);
    }

    [Fact]
    public async Task A_health_check_of_the_balancer_itself_gets_through_as_what_it_is()
    {
        using var upstream = Peer.Listen();
        await using var relay = await StartAsync(upstream, allow: "192.0.2.0/24");
        using var balancer = await Peer.ConnectAsync(relay.Address);
        await balancer.SendAsync((byte[])[.. Convert.FromHexString("0D0A0D0A000D0A515549540A" + "20000000"), .. "ping"u8]);
        using var server = await Peer.AcceptAsync(upstream);
        Assert.Equal("ping"u8.ToArray(), await server.ReadAsync(4));
    }

    [Theory]
    [InlineData("")]
    [InlineData("PROXY TCP4 192.0")]
    public async Task Who_is_slow_with_it_is_left_after_the_timeout(string bytes)
    {
        var time = new ManualTime();
        using var upstream = Peer.Listen();
        await using var relay = await StartAsync(upstream, time: time);
        using var balancer = await Peer.ConnectAsync(relay.Address);
        await balancer.SendAsync(Encoding.ASCII.GetBytes(bytes));
        var reading = balancer.ReadToEndAsync();
        await Eventually.TrueAsync(
            () =>
            {
                time.Advance(TimeSpan.FromSeconds(1));
                return reading.IsCompleted;
            }, () => "the balancer is still there");
        Assert.Equal("greeting-timeout", (await relay.EndAsync()).Fields["reason"]);
    }

    [Theory]
    [InlineData("", "50524F585920544350")]                                         // PROXY TCP
    [InlineData("", "0D0A0D0A000D0A5155")]
    [InlineData("0D0A0D0A000D0A515549540A" + "211100FF", "7F00000100000000FF")]
    public async Task Who_sends_it_byte_by_byte_has_no_more_time(string opening, string rest)
    {
        var time = new ManualTime();
        using var upstream = Peer.Listen();
        await using var relay = await StartAsync(upstream, time: time);
        var (_, end) = await Trickle.UntilTheTimeoutAsync(relay.Address, time, Convert.FromHexString(opening), Convert.FromHexString(rest));
        Assert.Equal(SeenEnd.Reset, end);
        Assert.Equal("greeting-timeout", (await relay.EndAsync()).Fields["reason"]);
        Assert.False(upstream.Poll(0, SelectMode.SelectRead));
    }

    [Fact]
    public async Task The_header_comes_before_tls_at_the_listener_and_at_the_target()
    {
        using var upstream = Peer.Listen();
        var target = new TlsTarget(
            new TcpTarget(upstream.LocalEndPoint!, new SocketDialer(SocketSettings.Default), Eventually.Deadline, proxyProtocol: 2),
            new TlsSettings(null, TestPki.Default.Trust), "upstream.test", Eventually.Deadline);
        var listen = new TlsSettings(TestPki.Default.Identity("relay.test"), TestPki.Default.Trust, RequirePeerCertificate: true);
        await using var relay = await TestRelay.StartAsync(TestRelay.Plan([target], listen) with { Admission = new Admission(null, new ConnectionLimits(null, null), Balancers) });

        using var certificate = TestPki.Default.Issue("node7");
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(relay.Address);
        await socket.SendAsync(ProxyProtocolHeader.Write(2, Client, Entrance, default));
        using var client = await Peer.SecureAsync(socket, certificate);
        using var raw = await upstream.AcceptAsync().WaitAsync(Eventually.Deadline);
        var header = await ReadHeaderAsync(raw);
        Assert.Equal((Client, Entrance), (header.Parsed.Source, header.Parsed.Destination));
        Assert.Contains("TLSv1.3", header.Text, StringComparison.Ordinal);
        Assert.Contains("node7", header.Text, StringComparison.Ordinal);
        using var server = await Peer.SecuredAsync(raw);
        await client.SendAsync("hello"u8.ToArray());
        Assert.Equal("hello"u8.ToArray(), await server.ReadAsync(5));
        Assert.Contains((await EndOfAsync(client, relay)).Fields["id"]!.ToString()!, header.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_clients_address_survives_links()
    {
        using var upstream = Peer.Listen();
        await using var hq = await TestJunction.StartAsync(new TestJunctionPlan("hq")
        {
            Services = { ["s"] = new TcpTarget(upstream.LocalEndPoint!, new SocketDialer(SocketSettings.Default), Eventually.Deadline, proxyProtocol: 2) },
            Peers = { ["dmz"] = ["s"] },
            Dialled = true,
        });
        await using var dmz = await TestJunction.StartAsync(new TestJunctionPlan("dmz") { Services = { ["s"] = "hq/s" }, Peers = { ["cloud"] = ["s"] }, Dial = [("hq", [hq.LinkAddress])], Dialled = true });
        await using var cloud = await TestJunction.StartAsync(new TestJunctionPlan("cloud") { Relays = { ["s"] = "dmz/s" }, Balancers = Balancers, Dial = [("dmz", [dmz.LinkAddress])] });
        await Task.WhenAll(cloud.LinkedAsync("dmz"), dmz.LinkedAsync("hq"));

        using var balancer = await Peer.ConnectAsync(cloud.AddressOf("s"));
        await balancer.SendAsync(ProxyProtocolHeader.Write(1, Client, Entrance, default));
        using var raw = await upstream.AcceptAsync().WaitAsync(Eventually.Deadline);
        var header = await ReadHeaderAsync(raw);
        Assert.Equal((Client, Entrance), (header.Parsed.Source, header.Parsed.Destination));
        // What TLS proved here: the junction before this one.
        Assert.Contains("dmz", header.Text, StringComparison.Ordinal);
        balancer.Reset();
        Assert.Equal("192.0.2.7:4711", (await hq.Log.WaitAsync("connection-ended")).Fields["client"]);
    }

    private static Task<TestRelay> StartAsync(
        Socket upstream, int? toTarget = null, string? allow = null, ConnectionLimits? limits = null, TimeProvider? time = null, CidrSet? balancers = null)
    {
        var target = new TcpTarget(upstream.LocalEndPoint!, new SocketDialer(SocketSettings.Default), Eventually.Deadline, proxyProtocol: toTarget);
        var admission = new Admission(allow is null ? null : new CidrSet([IPNetwork.Parse(allow)]), limits ?? new ConnectionLimits(null, null), balancers ?? Balancers);
        return TestRelay.StartAsync(TestRelay.Plan([target]) with { Admission = admission }, time);
    }

    private static async Task<Peer> ThroughAsync(TestRelay relay, IPEndPoint client)
    {
        var balancer = await Peer.ConnectAsync(relay.Address);
        await balancer.SendAsync(ProxyProtocolHeader.Write(2, client, Entrance, default));
        return balancer;
    }

    private static async Task<LogEntry> EndOfAsync(Peer client, TestRelay relay)
    {
        client.Reset();
        return await relay.EndAsync();
    }

    private static async Task<(ProxyProtocolHeader Parsed, string Text)> ReadHeaderAsync(Socket socket)
    {
        var bytes = new List<byte>();
        var one = new byte[1];
        while (true)
        {
            Assert.Equal(1, await socket.ReceiveAsync(one).WaitAsync(Eventually.Deadline));
            bytes.Add(one[0]);
            var parsed = ProxyProtocolHeader.Parse(bytes.ToArray());
            Assert.NotEqual(PreambleState.Invalid, parsed.State);
            if (parsed.Message is { } header) return (header, Encoding.Latin1.GetString([.. bytes]));
        }
    }
}
