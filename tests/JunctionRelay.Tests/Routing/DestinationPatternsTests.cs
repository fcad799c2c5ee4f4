using System.Net;
using JunctionRelay.Configuration;
using JunctionRelay.Connections;
using JunctionRelay.Routing;
using JunctionRelay.Targets;
using JunctionRelay.Tests.Harness;

namespace JunctionRelay.Tests.Routing;

/// <summary>What an <c>open</c> list lets clients reach: by name, and by the address that the name has where it is dialled.</summary>
public sealed class DestinationPatternsTests
{
    private static readonly IPAddress OwnPublic = IPAddress.Parse("8.8.4.4");

    [Theory]
    // One name, one port.
    [InlineData("lic1.corp:27000", "lic1.corp:27000", "10.0.0.5", true)]
    [InlineData("lic1.corp:27000", "LIC1.Corp.:27000", "10.0.0.5", true)]
    [InlineData("lic1.corp.:27000", "lic1.corp:27000", "127.0.1.1", true)]
    [InlineData("lic1.corp:27000", "lic1.corp:27001", "10.0.0.5", false)]
    [InlineData("lic1.corp:27000", "lic2.corp:27000", "10.0.0.5", false)]
    [InlineData("lic1.corp:27000", "lic1.corp.evil.com:27000", "10.0.0.5", false)]
    [InlineData("localhost:5432", "localhost:5432", "127.0.0.1", true)]
    // Ranges of ports.
    [InlineData("machine*.corp:3141-3199", "machine7.corp:3141", "10.0.0.7", true)]
    [InlineData("machine*.corp:3141-3199", "machine7.corp:3199", "10.0.0.7", true)]
    [InlineData("machine*.corp:3141-3199", "machine7.corp:3200", "10.0.0.7", false)]
    [InlineData("machine*.corp:*", "machine7.corp:1", "10.0.0.7", true)]
    // A domain of one's own: private addresses, never this machine.
    [InlineData("*.example.com:443", "a.b.example.com:443", "172.16.3.4", true)]
    [InlineData("*.example.com:443", "www.example.com:443", "93.184.215.14", true)]
    [InlineData("*.example.com:443", "example.com:443", "93.184.215.14", false)]
    [InlineData("*.example.com:443", "www.example.com:443", "127.0.0.1", false)]
    [InlineData("*.example.com:443", "www.example.com:443", "169.254.169.254", false)]
    [InlineData("machine*.corp:*", "machine7.corp:22", "::1", false)]
    [InlineData("logserver?:9316", "logserver3:9316", "10.0.0.3", true)]
    [InlineData("logserver*:9316", "logserver.evil.com:9316", "10.0.0.3", false)]
    // Names that anybody can have: the internet alone.
    [InlineData("*:443", "www.example.com:443", "93.184.215.14", true)]
    [InlineData("*:443", "www.example.com:443", "2606:2800:21f:cb07:6820:80da:af6b:8b2c", true)]
    [InlineData("*:443", "93.184.215.14:443", "93.184.215.14", true)]
    [InlineData("*:443", "intranet.corp:443", "10.1.2.3", false)]
    [InlineData("*:443", "10.1.2.3:443", "10.1.2.3", false)]
    [InlineData("*:443", "localhost:443", "127.0.0.1", false)]
    [InlineData("*:443", "zero.example.com:443", "0.0.0.0", false)]
    [InlineData("*:443", "meta.example.com:443", "169.254.169.254", false)]
    [InlineData("*:443", "cgn.example.com:443", "100.64.1.1", false)]
    [InlineData("*:443", "six.example.com:443", "fd00::1", false)]
    [InlineData("*:443", "six.example.com:443", "fe80::1", false)]
    [InlineData("*:443", "six.example.com:443", "::", false)]
    [InlineData("*:443", "six.example.com:443", "::ffff:127.0.0.1", false)]
    [InlineData("*:443", "six.example.com:443", "::ffff:10.0.0.1", false)]
    [InlineData("*:443", "six.example.com:443", "64:ff9b::a00:1", false)]
    [InlineData("*:443", "six.example.com:443", "64:ff9b::808:808", true)]
    [InlineData("*:443", "six.example.com:443", "64:ff9b:1::1", false)]
    [InlineData("*:443", "six.example.com:443", "2002:7f00:1::1", false)]
    [InlineData("*:443", "six.example.com:443", "4000::1", false)]
    [InlineData("*:443", "multi.example.com:443", "224.0.0.1", false)]
    [InlineData("*:443", "us.example.com:443", "8.8.4.4", false)]
    [InlineData("*.com:443", "evil.com:443", "10.0.0.5", false)]
    [InlineData("*.com:443", "good.com:443", "93.184.215.14", true)]
    [InlineData("*corp:443", "evilcorp:443", "10.0.0.5", true)]
    [InlineData("*orp.evil:443", "x.corp.evil:443", "10.0.0.5", false)]
    // Ranges of addresses, named as such or led to by a name.
    [InlineData("10.1.0.0/16:*", "10.1.2.3:3141", "10.1.2.3", true)]
    [InlineData("10.1.0.0/16:*", "10.2.2.3:3141", "10.2.2.3", false)]
    [InlineData("10.1.0.0/16:3141", "anything.example.com:3141", "10.1.2.3", true)]
    [InlineData("10.1.0.0/16:3141", "anything.example.com:3141", "10.2.2.3", false)]
    [InlineData("127.0.0.1:5432", "127.0.0.1:5432", "127.0.0.1", true)]
    [InlineData("127.0.0.0/8:5432", "127.0.0.2:5432", "127.0.0.2", true)]
    [InlineData("[fd00::/8]:22", "[fd00::7]:22", "fd00::7", true)]
    [InlineData("[::1]:22", "[::1]:22", "::1", true)]
    [InlineData("[fe80::/10]:22", "[fe80::1]:22", "fe80::1", true)]
    [InlineData("10.0.0.0/8:22", "[::ffff:10.0.0.1]:22", "10.0.0.1", true)]
    // A range that holds the whole internet does not mean what is special in it.
    [InlineData("0.0.0.0/0:443", "10.1.2.3:443", "10.1.2.3", false)]
    [InlineData("0.0.0.0/0:443", "127.0.0.1:443", "127.0.0.1", false)]
    [InlineData("0.0.0.0/0:443", "93.184.215.14:443", "93.184.215.14", true)]
    [InlineData("0.0.0.0/0:443", "8.8.4.4:443", "8.8.4.4", false)]
    [InlineData("[::/0]:443", "[::1]:443", "::1", false)]
    [InlineData("[::/0]:443", "[fd00::1]:443", "fd00::1", false)]
    public void A_list_permits_what_it_means(string entry, string destination, string address, bool expected)
    {
        var list = List(entry);
        var to = Destination.Read(destination)!;
        Assert.Equal(expected, list.MayPermit(to) && list.Permits(to, IPAddress.Parse(address)));
    }

    [Fact]
    public void A_name_that_no_entry_could_mean_is_not_even_looked_up()
    {
        Assert.False(List("lic1.corp:27000", "10.0.0.0/8:22").MayPermit(Destination.Read("other.corp:27000")!));
        Assert.True(List("lic1.corp:27000", "10.0.0.0/8:22").MayPermit(Destination.Read("other.corp:22")!));
    }

    [Fact]
    public void A_unix_socket_is_permitted_by_its_very_path()
    {
        Assert.True(List("unix:/run/x.sock").MayPermit(Destination.Read("unix:/run/x.sock")!));
        Assert.False(List("unix:/run/x.sock", "*:*").MayPermit(Destination.Read("unix:/run/y.sock")!));
        Assert.False(List("unix:/run/x.sock").MayPermit(Destination.Read("unix:/run/../run/x.sock")!));
    }

    [Fact]
    public async Task A_name_that_is_led_to_a_private_address_is_refused_and_not_dialled()
    {
        using var server = Peer.Listen();
        var outcome = await Dial(["*:*"], "evil.example.com", server.LocalEndPoint!, "127.0.0.1");
        Assert.Equal((CloseReason.NotPermitted, true), (outcome.Reason, outcome.IsBeyond));
        Assert.Contains("127.0.0.1", outcome.Detail, StringComparison.Ordinal);
        Assert.False(server.Poll(0, System.Net.Sockets.SelectMode.SelectRead));
    }

    [Fact]
    public async Task Of_a_names_addresses_only_those_permitted_are_dialled()
    {
        // Both addresses have a server on the port; a range permits one of them.
        using var meant = Peer.Listen(IPAddress.Parse("127.0.0.3"));
        var port = ((IPEndPoint)meant.LocalEndPoint!).Port;
        using var other = new System.Net.Sockets.Socket(System.Net.Sockets.AddressFamily.InterNetwork, System.Net.Sockets.SocketType.Stream, System.Net.Sockets.ProtocolType.Tcp);
        other.Bind(new IPEndPoint(IPAddress.Parse("127.0.0.2"), port));
        other.Listen();
        var outcome = await Dial(["127.0.0.3:*"], "both.example.com", meant.LocalEndPoint!, "127.0.0.2", "127.0.0.3");
        Assert.Equal(IPAddress.Parse("127.0.0.3"), ((IPEndPoint)outcome.Connection!.RemoteEndPoint!).Address);
        Assert.False(other.Poll(0, System.Net.Sockets.SelectMode.SelectRead));
        await outcome.Connection.DisposeAsync();
    }

    [Fact]
    public async Task A_name_is_asked_for_once_so_that_it_cannot_change_between_judging_and_dialling()
    {
        using var server = Peer.Listen();
        var asked = 0;
        var dialer = new SocketDialer(SocketSettings.Default, (_, _) => Task.FromResult<IPAddress[]>(
            [++asked == 1 ? IPAddress.Loopback : IPAddress.Parse("127.0.0.2")]));
        var target = new OpenTarget(List("127.0.0.1:*"), dialer, Eventually.Deadline);
        var outcome = await target.DialAsync(Request($"turning.example.com:{((IPEndPoint)server.LocalEndPoint!).Port}"), CancellationToken.None);
        Assert.NotNull(outcome.Connection);
        Assert.Equal(1, asked);
        await outcome.Connection.DisposeAsync();
    }

    [Fact]
    public async Task Without_a_destination_there_is_nothing_to_dial()
    {
        var outcome = await new OpenTarget(List("*:*"), new SocketDialer(SocketSettings.Default), Eventually.Deadline).DialAsync(default, CancellationToken.None);
        Assert.Equal(CloseReason.NotPermitted, outcome.Reason);
    }

    [Theory]
    [InlineData("lic1", "has no port")]
    [InlineData("lic1:0", "no port")]
    [InlineData("lic1:x", "no port")]
    [InlineData("::1:22", "without brackets")]
    [InlineData("10.0.0.7/8:22", "has bits set beyond its prefix")]
    [InlineData("10.0.0.1.2:22", "no IP address")]
    [InlineData("10.*:22", "no IPv4 address")]
    [InlineData("a b:22", "no host name")]
    [InlineData("tcp://a:22", "has a scheme")]
    [InlineData("unix:run/x", "no full path")]
    [InlineData("unix:@x", "abstract")]
    [InlineData("[lic1]:22", "")]
    public void A_bad_entry_is_named(string entry, string words)
    {
        var read = OpenEntry.Read(entry, out var flaw);
        if (words.Length == 0)
        {
            Assert.NotNull(read);
            return;
        }

        Assert.Null(read);
        Assert.Contains(words, flaw.What, StringComparison.Ordinal);
        Assert.NotEmpty(flaw.Remedy);
    }

    [Theory]
    [InlineData("host:80", "host:80")]
    [InlineData("host.:80", "host.:80")]
    [InlineData("[::1]:80", "[::1]:80")]
    [InlineData("[::ffff:10.0.0.1]:80", "10.0.0.1:80")]
    [InlineData("unix:/run/x", "unix:/run/x")]
    [InlineData("127.1:80", null)]
    [InlineData("2130706433:80", null)]
    [InlineData("host:0", null)]
    [InlineData("host:65536", null)]
    [InlineData("host:+80", null)]
    [InlineData("host", null)]
    [InlineData(":80", null)]
    [InlineData("::1:80", null)]
    [InlineData("[host]:80", null)]
    [InlineData("ho\0st:80", null)]
    [InlineData("a..b:80", null)]
    [InlineData("unix:x", null)]
    public void A_destination_is_read_strictly(string text, string? expected) =>
        Assert.Equal(expected, Destination.Read(text) is { } destination ? SocketDialer.Text(destination) : null);

    private static DestinationPatterns List(params string[] entries) =>
        new([.. entries.Select(e => OpenEntry.Read(e, out var flaw) ?? throw new ArgumentException(flaw.What))], OwnPublic.Equals);

    private static DialRequest Request(string destination) => new(ConnectionId.Next(), 0, null, [], Destination: Destination.Read(destination));

    private static async Task<DialOutcome> Dial(string[] open, string name, EndPoint server, params string[] addresses)
    {
        var dialer = new SocketDialer(SocketSettings.Default, (_, _) => Task.FromResult(addresses.Select(IPAddress.Parse).ToArray()));
        return await new OpenTarget(List(open), dialer, Eventually.Deadline).DialAsync(Request($"{name}:{((IPEndPoint)server).Port}"), CancellationToken.None);
    }
}
