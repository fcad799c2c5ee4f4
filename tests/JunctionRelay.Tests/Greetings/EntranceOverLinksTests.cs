using System.Net;
using System.Net.Sockets;
using System.Text;
using JunctionRelay.Configuration;
using JunctionRelay.Connections;
using JunctionRelay.Greetings;
using JunctionRelay.Routing;
using JunctionRelay.Tests.Harness;

namespace JunctionRelay.Tests.Greetings;

/// <summary>Clients of SOCKS and CONNECT whose destinations lie behind one link, or two: the answer is the truth about the far dial.</summary>
public sealed class EntranceOverLinksTests : IAsyncLifetime
{
    private readonly Socket _upstream = Peer.Listen();
    private TestJunction _hq = null!;
    private TestJunction _dmz = null!;
    private TestJunction _cloud = null!;

    public async ValueTask InitializeAsync()
    {
        _hq = await TestJunction.StartAsync(new TestJunctionPlan("hq")
        {
            Services = { ["any"] = Open($"127.0.0.1:{Port}", "127.0.0.1:1", "nowhere.invalid:80") },
            Peers = { ["cloud"] = ["any"], ["dmz"] = ["any"] },
            Dialled = true,
        });
        _dmz = await TestJunction.StartAsync(new TestJunctionPlan("dmz")
        {
            Services = { ["any"] = "hq/any" },
            Peers = { ["cloud"] = ["any"] },
            Dial = [("hq", [_hq.LinkAddress])],
            Dialled = true,
        });
        _cloud = await TestJunction.StartAsync(new TestJunctionPlan("cloud")
        {
            Relays = { ["socks1"] = "hq/any", ["socks2"] = "dmz/any", ["http1"] = "hq/*", ["http2"] = "dmz/any", ["down"] = "nobody/any", ["none"] = "hq/other" },
            Greeters =
            {
                ["socks1"] = new Socks5Greeter(null, TimeProvider.System), ["socks2"] = new Socks5Greeter(null, TimeProvider.System), ["down"] = new Socks5Greeter(null, TimeProvider.System),
                ["http1"] = new HttpConnectGreeter(null, TimeProvider.System), ["http2"] = new HttpConnectGreeter(null, TimeProvider.System), ["none"] = new HttpConnectGreeter(null, TimeProvider.System),
            },
            Dial = [("hq", [_hq.LinkAddress]), ("dmz", [_dmz.LinkAddress])],
        });
        await Task.WhenAll(_cloud.LinkedAsync("hq"), _cloud.LinkedAsync("dmz"), _dmz.LinkedAsync("hq"));
    }

    public async ValueTask DisposeAsync()
    {
        await _cloud.DisposeAsync();
        await _dmz.DisposeAsync();
        await _hq.DisposeAsync();
        _upstream.Dispose();
    }

    private int Port => ((IPEndPoint)_upstream.LocalEndPoint!).Port;

    [Theory]
    [InlineData("socks1")]
    [InlineData("socks2")]
    public async Task Socks_tells_the_truth_about_the_far_dial(string relay)
    {
        using var client = await Peer.ConnectAsync(_cloud.AddressOf(relay));
        await client.SendAsync((byte[])[5, 1, 0, 5, 1, 0, 1, 127, 0, 0, 1, (byte)(Port >> 8), (byte)Port, .. "early"u8]);
        using var server = await Peer.AcceptAsync(_upstream);
        Assert.Equal([5, 0, 5, 0, 0, 1, 0, 0, 0, 0, 0, 0], await client.ReadAsync(12));
        Assert.Equal("early"u8.ToArray(), await server.ReadAsync(5));
        await server.SendAsync("answer"u8.ToArray());
        Assert.Equal("answer"u8.ToArray(), await client.ReadAsync(6));

        Assert.Equal(Socks5.ConnectionRefused, await ReplyAsync(relay, [1, 127, 0, 0, 1, 0, 1]));
        Assert.Equal(Socks5.HostUnreachable, await ReplyAsync(relay, [3, 15, .. "nowhere.invalid"u8, 0, 80]));
        Assert.Equal(Socks5.NotAllowed, await ReplyAsync(relay, [1, 127, 0, 0, 1, 0, 2]));
    }

    [Theory]
    [InlineData("http1")]
    [InlineData("http2")]
    public async Task Connect_tells_the_truth_about_the_far_dial(string relay)
    {
        using var client = await Peer.ConnectAsync(_cloud.AddressOf(relay));
        await client.SendAsync(Encoding.ASCII.GetBytes($"CONNECT 127.0.0.1:{Port} HTTP/1.1\r\nHost: a\r\n\r\nearly"));
        using var server = await Peer.AcceptAsync(_upstream);
        Assert.StartsWith("HTTP/1.1 200 ", Encoding.ASCII.GetString(await client.ReadAsync(39)), StringComparison.Ordinal);
        Assert.Equal("early"u8.ToArray(), await server.ReadAsync(5));

        Assert.Equal("502", await StatusAsync(relay, "127.0.0.1:1"));
        Assert.Equal("502", await StatusAsync(relay, "nowhere.invalid:80"));
        Assert.Equal("403", await StatusAsync(relay, "127.0.0.1:2"));
        Assert.Equal("403", await StatusAsync("none", "127.0.0.1:1"));
    }

    [Fact]
    public async Task Without_a_link_the_network_is_unreachable() => Assert.Equal(Socks5.NetworkUnreachable, await ReplyAsync("down", [1, 127, 0, 0, 1, 0, 1]));

    [Fact]
    public async Task Refused_destinations_do_not_take_the_relay_down()
    {
        for (var i = 0; i < 5; i++) Assert.Equal(Socks5.ConnectionRefused, await ReplyAsync("socks1", [1, 127, 0, 0, 1, 0, 1]));
        Assert.DoesNotContain(_cloud.Log.Entries, e => e.Name is "target-down" or "relay-down");
    }

    private async Task<byte> ReplyAsync(string relay, byte[] address)
    {
        using var client = await Peer.ConnectAsync(_cloud.AddressOf(relay));
        await client.SendAsync((byte[])[5, 1, 0, 5, 1, 0, .. address]);
        var (bytes, end) = await client.ReadToEndAsync();
        Assert.Equal((12, SeenEnd.Clean), (bytes.Length, end));
        return bytes[3];
    }

    private async Task<string> StatusAsync(string relay, string destination)
    {
        using var client = await Peer.ConnectAsync(_cloud.AddressOf(relay));
        await client.SendAsync(Encoding.ASCII.GetBytes($"CONNECT {destination} HTTP/1.1\r\nHost: a\r\n\r\n"));
        var (bytes, end) = await client.ReadToEndAsync();
        Assert.Equal(SeenEnd.Clean, end);
        return Encoding.ASCII.GetString(bytes).Split(' ')[1];
    }

    private static OpenTarget Open(params string[] entries) =>
        new(new DestinationPatterns([.. entries.Select(e => OpenEntry.Read(e, out _)!)]), new SocketDialer(SocketSettings.Default), TimeSpan.FromSeconds(5));
}
