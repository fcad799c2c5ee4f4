using System.Net;
using JunctionRelay.Connections;
using JunctionRelay.Greetings;
using JunctionRelay.Links;
using JunctionRelay.Policies;
using JunctionRelay.Relay;
using JunctionRelay.Routing;
using JunctionRelay.Targets;

namespace JunctionRelay.Tests.Harness;

/// <summary>
/// A whole junction in this process: relays, links, peers and services, composed as the program composes them. Links are made of real TLS over
/// loopback, with certificates of <see cref="TestPki.Default"/>.
/// </summary>
internal sealed class TestJunction : IAsyncDisposable
{
    private readonly LinkService _links;
    private readonly RelayService _relays;
    private readonly LinkDirectory _directory;

    private TestJunction(string name, LinkService links, RelayService relays, LinkDirectory directory, TestLog<RelayService> log, TestLog<LinkService> linkLog) =>
        (Name, _links, _relays, _directory, Log, LinkLog) = (name, links, relays, directory, log, linkLog);

    public string Name { get; }
    public TestLog<RelayService> Log { get; }
    public TestLog<LinkService> LinkLog { get; }
    public RelayService Relays => _relays;
    public IReadOnlyList<(string Name, LinkSession Session)> Sessions => _directory.All();

    /// <summary>Where other junctions may dial.</summary>
    public IPEndPoint LinkAddress => (IPEndPoint)_links.Addresses.Single();

    /// <summary>Where clients connect to a relay.</summary>
    public EndPoint AddressOf(string relay) => _relays.Addresses.Single(a => a.Relay == relay).Address;

    public static async Task<TestJunction> StartAsync(TestJunctionPlan plan)
    {
        var (log, linkLog, directory) = (new TestLog<RelayService>(), new TestLog<LinkService>(), new LinkDirectory());
        var tls = new TlsSettings(plan.Credentials ?? new TlsCredentials(TestPki.Default.Identity(plan.Name), TestPki.Default.Trust));
        var party = new LinkParty(plan.Name, plan.Instance ?? Guid.NewGuid(), plan.Generation);
        var options = new LinkOptions { Self = party, Log = linkLog, PingInterval = plan.PingInterval ?? TimeSpan.FromSeconds(5), Resume = plan.Resume ?? TimeSpan.FromSeconds(60) };
        if (plan.RotationGrace is { } grace) options = options with { RotationGrace = grace };
        var links = new LinkService(
            new LinksPlan
            {
                Options = options,
                Directory = directory,
                Credentials = tls.Credentials,
                Dial = [.. plan.Dial.Select(d => new DialledLink(
                    d.Peer, d.Peer, () => new LinkConnector(d.Addresses, d.Peer, tls, new SocketDialer(SocketSettings.Default), _ => null), options.Resume, options.PingInterval))],
                Listen = plan.Dialled ? [new IPEndPoint(IPAddress.Loopback, 0)] : [],
                Handshake = TlsHandshake.Serving(LinkConnector.ForLinks(tls)),
                Peers = new PeerRules([.. plan.Peers.Select(p => new PeerRule(p.Key, new NamePatterns(p.Value), null, null, null, null))]),
                Services = new ServiceTable(plan.Services.ToDictionary(s => s.Key, s => List(plan, directory, s.Value))),
            },
            linkLog);
        var relays = new RelayService(
            [.. plan.Relays.Select(r => Relay(plan, directory, r.Key, r.Value))],
            TimeSpan.Zero, log, plan.Time, (PeersPlan(plan, directory), links.Streams));
        await links.StartAsync(CancellationToken.None);
        await relays.StartAsync(CancellationToken.None);
        return new TestJunction(plan.Name, links, relays, directory, log, linkLog);
    }

    /// <summary>Waits until streams can be opened to <paramref name="peer"/>.</summary>
    public Task LinkedAsync(string peer) =>
        Eventually.TrueAsync(() => _directory.Find(peer).Any(s => s.IsUp), () => $"{Name} has no link with {peer}:\n{string.Join('\n', LinkLog.Entries.Select(e => e.Message))}");

    public async ValueTask DisposeAsync()
    {
        await _links.StoppingAsync(CancellationToken.None);
        await _relays.StopAsync(CancellationToken.None);
        await _links.StopAsync(CancellationToken.None);
        await _relays.DisposeAsync();
        await _links.DisposeAsync();
    }

    private static RelayPlan Relay(TestJunctionPlan plan, LinkDirectory directory, string name, object target)
    {
        var relay = TestRelay.Plan([Target(plan, directory, target)], plan.ListenTls) with { Name = name, HealthInterval = TimeSpan.Zero, Auths = plan.RelayAuths };
        relay = relay with { Listen = [.. relay.Listen.Select(l => l with { EndPoint = new IPEndPoint(plan.Address, 0) })], Services = new ServiceTable(List(plan, directory, target), plan.Ports(name)) };
        relay = relay with { Rewrite = plan.Rewrites.GetValueOrDefault(name) };
        if (plan.Limits is not null) relay = relay with { Admission = new Admission(null, plan.Limits) };
        if (plan.Balancers is not null) relay = relay with { Admission = new Admission(null, new ConnectionLimits(null, null), plan.Balancers) };
        return plan.Greeters.TryGetValue(name, out var greeter) ? relay with { Listen = [.. relay.Listen.Select(l => l with { Greeter = greeter })] } : relay;
    }

    private static RelayPlan PeersPlan(TestJunctionPlan plan, LinkDirectory directory) => TestRelay.Plan([]) with
    {
        Name = "peers",
        Listen = [],
        Auths = plan.ServiceAuths,
        Authorization = new PeerRules([.. plan.Peers.Select(p => new PeerRule(p.Key, new NamePatterns(p.Value), null, null, null, null))]),
        Services = new ServiceTable(
            plan.Services.ToDictionary(s => s.Key, s => List(plan, directory, s.Value)),
            plan.Services.Keys.Where(s => plan.Ports(s) is not null).ToDictionary(s => s, s => plan.Ports(s)!)),
        HealthInterval = TimeSpan.Zero,
    };

    private static TargetList List(TestJunctionPlan plan, LinkDirectory directory, object target) =>
        new([new TargetHealth(Target(plan, directory, target), probed: false)], default, TimeSpan.Zero, TimeProvider.System);

    // A target of its own, or "PEER/SERVICE", or "PEER/SERVICE/HOST:PORT".
    private static ITarget Target(TestJunctionPlan plan, LinkDirectory directory, object target)
    {
        if (target is ITarget own) return own;
        var parts = ((string)target).Split('/', 3);
        return new LinkTarget(
            parts[0], parts[0], parts[1], plan.Name, directory, TimeProvider.System, TimeSpan.FromSeconds(10), parts.Length > 2 ? Destination.Read(parts[2]) : null);
    }
}

/// <summary>What a <see cref="TestJunction"/> does. A relay or service goes to an <see cref="ITarget"/> or to <c>"PEER/SERVICE"</c>.</summary>
internal sealed record TestJunctionPlan(string Name)
{
    public Dictionary<string, object> Relays { get; init; } = [];

    /// <summary>The relays and services that follow a license server, and the vendor ports that they allow.</summary>
    public Dictionary<string, (int First, int Last)> Follows { get; init; } = [];

    /// <summary>Where relays listen.</summary>
    public IPAddress Address { get; init; } = IPAddress.Loopback;
    public Dictionary<string, IGreeter> Greeters { get; init; } = [];
    public Dictionary<string, object> Services { get; init; } = [];
    public Dictionary<string, string[]> Peers { get; init; } = [];
    public List<(string Peer, EndPoint[] Addresses)> Dial { get; init; } = [];
    public bool Dialled { get; init; }
    public Dictionary<string, RedirectRewrite> Rewrites { get; init; } = [];
    public ConnectionLimits? Limits { get; init; }
    public CidrSet? Balancers { get; init; }
    public IReadOnlyDictionary<string, ClientAuth> RelayAuths { get; init; } = new Dictionary<string, ClientAuth>();
    public IReadOnlyDictionary<string, ClientAuth> ServiceAuths { get; init; } = new Dictionary<string, ClientAuth>();
    public TlsSettings? ListenTls { get; init; }

    /// <summary>For links; of <see cref="TestPki.Default"/> unless given.</summary>
    public TlsCredentials? Credentials { get; init; }
    public Guid? Instance { get; init; }
    public ulong Generation { get; init; } = 1;
    public TimeSpan? PingInterval { get; init; }
    public TimeSpan? Resume { get; init; }
    public TimeSpan? RotationGrace { get; init; }

    /// <summary>The clock of its relays and services; that of its links is always the system's.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;

    public VendorPorts? Ports(string name) => Follows.TryGetValue(name, out var allowed) ? new VendorPorts([allowed], TimeProvider.System) : null;
}
