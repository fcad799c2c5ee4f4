using System.Collections.Concurrent;
using System.Net;
using System.Text;
using JunctionRelay.Configuration;
using JunctionRelay.Connections;
using JunctionRelay.Greetings;
using JunctionRelay.Relay;
using JunctionRelay.Routing;
using JunctionRelay.Targets;
using JunctionRelay.Tests.Harness;

namespace JunctionRelay.Tests.Greetings;

/// <summary>A relay whose clients name their destination, and what its target was asked for.</summary>
internal sealed class Entrance : IAsyncDisposable
{
    private readonly TestRelay _relay;

    private Entrance(TestRelay relay) => _relay = relay;

    public EndPoint Address => _relay.Address;
    public TestLog<RelayService> Log => _relay.Log;

    public static KnownUsers Users { get; } = new([new("alice", "wonder:land"), new("bob", "x")]);

    /// <summary>An entrance to what <paramref name="open"/> permits.</summary>
    public static Task<Entrance> StartAsync(string scheme, KnownUsers? users, TimeProvider? time, params string[] open) => StartAsync(
        scheme, users, time, new OpenTarget(new DestinationPatterns([.. open.Select(e => OpenEntry.Read(e, out _)!)]), new SocketDialer(SocketSettings.Default), TimeSpan.FromMilliseconds(500)));

    public static async Task<Entrance> StartAsync(string scheme, KnownUsers? users, TimeProvider? time, ITarget target)
    {
        IGreeter greeter = scheme == "socks5" ? new Socks5Greeter(users, time ?? TimeProvider.System) : new HttpConnectGreeter(users, time ?? TimeProvider.System);
        return new Entrance(await TestRelay.StartAsync(
            TestRelay.Plan([target]) with { Listen = [new ListenPlan(new IPEndPoint(IPAddress.Loopback, 0)) { Greeter = greeter, Scheme = scheme }] }));
    }

    /// <summary>Says all of <paramref name="bytes"/> at once and returns what comes back until the end, and how that was.</summary>
    public async Task<(byte[] Bytes, SeenEnd End)> SayAsync(byte[] bytes)
    {
        using var client = await Peer.ConnectAsync(Address);
        await client.SendAsync(bytes);
        return await client.ReadToEndAsync();
    }

    /// <summary>The same of a text protocol.</summary>
    public async Task<string> SayAsync(string text)
    {
        var (bytes, end) = await SayAsync(Encoding.Latin1.GetBytes(text));
        Assert.Equal(SeenEnd.Clean, end);
        return Encoding.Latin1.GetString(bytes);
    }

    public Task<LogEntry> EndAsync() => _relay.EndAsync();

    public ValueTask DisposeAsync() => _relay.DisposeAsync();

    /// <summary>A target that fails as it is told, and remembers what it was asked for.</summary>
    internal sealed class Failing(CloseReason reason) : ITarget
    {
        public ConcurrentQueue<EndPoint?> Asked { get; } = new();
        public string Name => "failing";
        public bool TakesDestination => true;

        public ValueTask<DialOutcome> DialAsync(DialRequest request, CancellationToken cancellationToken)
        {
            Asked.Enqueue(request.Destination);
            return new(DialOutcome.Failed(reason, "as told"));
        }

        public ValueTask<DialOutcome?> ProbeAsync(CancellationToken cancellationToken) => new((DialOutcome?)null);
    }
}
