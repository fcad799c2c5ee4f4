using System.Net;
using JunctionRelay.Connections;
using JunctionRelay.Policies;
using JunctionRelay.Relay;
using JunctionRelay.Routing;
using JunctionRelay.Targets;

namespace JunctionRelay.Tests.Harness;

/// <summary>One running relay on a free loopback port.</summary>
internal sealed class TestRelay : IAsyncDisposable
{
    private TestRelay(RelayService service, TestLog<RelayService> log) => (Service, Log) = (service, log);

    public RelayService Service { get; }
    public TestLog<RelayService> Log { get; }
    public EndPoint Address => Service.Addresses.First().Address;

    public static RelayLimits Limits { get; } = new(TimeSpan.FromSeconds(10), TimeSpan.FromSeconds(60), null, null);

    public static async Task<TestRelay> StartAsync(RelayPlan plan, TimeProvider? time = null)
    {
        var log = new TestLog<RelayService>();
        var service = new RelayService([plan], TimeSpan.Zero, log, time ?? TimeProvider.System);
        await service.StartAsync(CancellationToken.None);
        return new TestRelay(service, log);
    }

    public static Task<TestRelay> StartAsync(ITarget target, TlsSettings? listenTls = null, RelayLimits? limits = null, TimeProvider? time = null) =>
        StartAsync(Plan([target], listenTls, limits), time);

    public static RelayPlan Plan(
        IReadOnlyList<ITarget> targets, TlsSettings? listenTls = null, RelayLimits? limits = null, TimeSpan health = default, Balance balance = default,
        TimeSpan hold = default, ConnectionLimits? connections = null, CidrSet? allow = null, PeerNamePatterns? names = null) => new()
        {
            Name = "test",
            Listen = [new ListenPlan(new IPEndPoint(IPAddress.Loopback, 0), listenTls is null ? null : TlsHandshake.Serving(listenTls))],
            Socket = SocketSettings.Default,
            Admission = new Admission(allow, connections ?? new ConnectionLimits(null, null)),
            Authorization = new ClientAuthorization(names),
            Services = new ServiceTable(new TargetList([.. targets.Select(t => new TargetHealth(t, health > TimeSpan.Zero))], balance, hold, TimeProvider.System)),
            Limits = limits ?? Limits,
            HealthInterval = health,
        };

    public static TcpTarget Tcp(EndPoint address, TimeSpan? timeout = null) =>
        new(address, new SocketDialer(SocketSettings.Default), timeout ?? TimeSpan.FromSeconds(5));

    public static TlsTarget Tls(EndPoint address, TlsSettings? settings = null, string name = "upstream.test") =>
        new(Tcp(address), settings ?? new TlsSettings(null, TestPki.Default.Trust), name, TimeSpan.FromSeconds(5));

    /// <summary>The summary line of the only, or next, connection to end.</summary>
    public Task<LogEntry> EndAsync() => Log.WaitAsync("connection-ended");

    public async ValueTask DisposeAsync()
    {
        await Service.StopAsync(CancellationToken.None);
        await Service.DisposeAsync();
    }
}
