using System.Net;
using System.Net.Sockets;
using JunctionRelay.Configuration;
using JunctionRelay.Connections;
using JunctionRelay.Routing;
using JunctionRelay.Tests.Harness;

namespace JunctionRelay.Tests.Relay;

/// <summary>Destinations that travel over links: judged where they are dialled, by the service's own list and the peer's rule.</summary>
public sealed class OpenDestinationTests
{
    [Theory]
    [InlineData("hq/any")]
    [InlineData("hq/*")]
    public async Task A_destination_behind_a_link_is_reached_if_the_list_there_permits_it(string service)
    {
        using var upstream = Peer.Listen();
        var port = ((IPEndPoint)upstream.LocalEndPoint!).Port;
        await using var hq = await TestJunction.StartAsync(Hq($"127.0.0.1:{port}"));
        await using var cloud = await TestJunction.StartAsync(Cloud(hq, $"{service}/127.0.0.1:{port}"));
        await cloud.LinkedAsync("hq");

        using var client = await Peer.ConnectAsync(cloud.AddressOf("test"));
        using var server = await Peer.AcceptAsync(upstream);
        await client.SendAsync("hello"u8.ToArray());
        Assert.Equal("hello"u8.ToArray(), await server.ReadAsync(5));
        await server.EndAsync();
        await client.EndAsync();
        var atHq = await hq.Log.WaitAsync("connection-ended");
        Assert.Equal($"127.0.0.1:{port}", atHq.Fields["target"]);
        Assert.Equal($"link://{service}/127.0.0.1:{port}", (await cloud.Log.WaitAsync("connection-ended")).Fields["target"]);
    }

    [Theory]
    [InlineData("hq/any", "not-permitted", "is in no entry of open")]
    [InlineData("hq/*", "not-permitted", "is in no entry of open")]
    [InlineData("hq/fixed", "not-permitted", "one of its own")]
    [InlineData("hq/secret", "not-permitted", "may not use the service")]
    public async Task What_the_list_does_not_permit_is_refused_there_and_not_dialled(string service, string reason, string words)
    {
        using var upstream = Peer.Listen();
        var port = ((IPEndPoint)upstream.LocalEndPoint!).Port;
        var plan = Hq("127.0.0.1:1", secret: $"127.0.0.1:{port}");
        // Through * it would be reached as what it is.
        if (service != "hq/*") plan.Services["fixed"] = TestRelay.Tcp(upstream.LocalEndPoint!);
        await using var hq = await TestJunction.StartAsync(plan);
        await using var cloud = await TestJunction.StartAsync(Cloud(hq, $"{service}/127.0.0.1:{port}"));
        await cloud.LinkedAsync("hq");
        Assert.Equal(SeenEnd.Reset, await Peer.ConnectAndReadEndAsync(cloud.AddressOf("test")));
        Assert.Equal(reason, (await cloud.Log.WaitAsync("connection-ended")).Fields["reason"]);
        Assert.Contains(words, (await hq.Log.WaitAsync("connection-ended")).Message, StringComparison.Ordinal);
        Assert.False(upstream.Poll(0, SelectMode.SelectRead));
    }

    [Fact]
    public async Task A_destination_passes_a_junction_in_the_middle_and_is_judged_by_the_last()
    {
        using var upstream = Peer.Listen();
        var port = ((IPEndPoint)upstream.LocalEndPoint!).Port;
        await using var hq = await TestJunction.StartAsync(Hq($"127.0.0.1:{port}") with { Peers = new() { ["dmz"] = ["any"] } });
        await using var dmz = await TestJunction.StartAsync(new TestJunctionPlan("dmz")
        {
            Services = { ["any"] = "hq/any" },
            Peers = { ["cloud"] = ["any"] },
            Dial = [("hq", [hq.LinkAddress])],
            Dialled = true,
        });
        await using var cloud = await TestJunction.StartAsync(new TestJunctionPlan("cloud")
        {
            Relays = { ["test"] = $"dmz/any/127.0.0.1:{port}" },
            Dial = [("dmz", [dmz.LinkAddress])],
        });
        await cloud.LinkedAsync("dmz");
        await dmz.LinkedAsync("hq");
        using var client = await Peer.ConnectAsync(cloud.AddressOf("test"));
        using var server = await Peer.AcceptAsync(upstream);
        await client.SendAsync("hello"u8.ToArray());
        Assert.Equal("hello"u8.ToArray(), await server.ReadAsync(5));
    }

    [Fact]
    public async Task A_service_with_a_list_and_no_destination_named_is_refused()
    {
        await using var hq = await TestJunction.StartAsync(Hq("127.0.0.1:*"));
        await using var cloud = await TestJunction.StartAsync(Cloud(hq, "hq/any"));
        await cloud.LinkedAsync("hq");
        Assert.Equal(SeenEnd.Reset, await Peer.ConnectAndReadEndAsync(cloud.AddressOf("test")));
        Assert.Equal("not-permitted", (await cloud.Log.WaitAsync("connection-ended")).Fields["reason"]);
    }

    private static TestJunctionPlan Hq(string open, string? secret = null) => new("hq")
    {
        Services = { ["any"] = Open(open), ["secret"] = Open(secret ?? open) },
        Peers = { ["cloud"] = ["any", "fixed"], ["other"] = ["secret"] },
        Dialled = true,
    };

    private static TestJunctionPlan Cloud(TestJunction hq, string target) => new("cloud") { Relays = { ["test"] = target }, Dial = [("hq", [hq.LinkAddress])] };

    private static OpenTarget Open(string entry) =>
        new(new DestinationPatterns([OpenEntry.Read(entry, out _)!]), new SocketDialer(SocketSettings.Default), TimeSpan.FromSeconds(5));
}
