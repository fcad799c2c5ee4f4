using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using JunctionRelay.App.Hosting;
using JunctionRelay.Configuration;
using JunctionRelay.Relay;
using JunctionRelay.Tests.Configuration;
using JunctionRelay.Tests.Harness;

namespace JunctionRelay.Tests.Hosting;

/// <summary>A junction with a configuration file of its own, which a test rewrites while it runs; the clock by which it looks at the file is the test's.</summary>
internal sealed class ReloadingJunction : IAsyncDisposable
{
    private readonly Reloader _reloader;

    private ReloadingJunction(ConfigFolder folder)
    {
        Folder = folder;
        var reading = folder.Read();
        Assert.Empty(reading.Problems);
        InForce = new PlanInForce(Build(reading, null));
        Links = new LinkService(InForce.Plan.Links, LinkLog);
        Relays = new RelayService(InForce.Plan.Relays, TimeSpan.Zero, Log, TimeProvider.System, (InForce.Plan.Peers, Links.Streams));
        Outcome = new ReloadOutcome(Time);
        Listeners = new PeerListeners(
            () => InForce.Plan is { Links: { } links, Peers: { } peers } ? (links, peers) : null, Links.Streams, Relays.Connections, Relays.Metrics, new TestLog<PeerListeners>(), TimeProvider.System);
        _reloader = new Reloader(reading, InForce, Build, Relays, Links, Outcome, _ => Listeners.Review(), Told.Enqueue, ReloadLog, Time);
    }

    public ConfigFolder Folder { get; }
    public PlanInForce InForce { get; }
    public LinkService Links { get; }
    public RelayService Relays { get; }
    public PeerListeners Listeners { get; }
    public ReloadOutcome Outcome { get; }
    public ManualTime Time { get; } = new();
    public TestLog<RelayService> Log { get; } = new();
    public TestLog<LinkService> LinkLog { get; } = new();
    public TestLog<Reloader> ReloadLog { get; } = new();

    /// <summary>What the service manager was told.</summary>
    public ConcurrentQueue<string> Told { get; } = new();

    public static async Task<ReloadingJunction> StartAsync(string json)
    {
        var junction = new ReloadingJunction(new ConfigFolder().Write("junction.json", json));
        await junction.Links.StartAsync(CancellationToken.None);
        await junction.Relays.StartAsync(CancellationToken.None);
        await junction.Listeners.StartAsync(CancellationToken.None);
        await junction._reloader.StartAsync(CancellationToken.None);
        return junction;
    }

    /// <summary>One relay with a target that accepts for the test, and so is not probed.</summary>
    public static string Said(string name, EndPoint listen, EndPoint target, string more = "") =>
        $$"""  "{{name}}": { "listen": "{{listen}}", "target": "{{target}}", "healthInterval": "0"{{(more.Length == 0 ? "" : $", {more}")}} }""";

    public static IPEndPoint AnyPort { get; } = new(IPAddress.Loopback, 0);

    /// <summary>A port that was free a moment ago.</summary>
    public static int FreePort()
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(AnyPort);
        return ((IPEndPoint)socket.LocalEndPoint!).Port;
    }

    public EndPoint AddressOf(string relay) => Relays.Addresses.Single(a => a.Relay == relay).Address;

    /// <summary>SIGHUP, after the file was written; returns when that was told of, with what was wrong.</summary>
    public async Task<IReadOnlyList<string>> ReloadAsync(string? json = null)
    {
        if (json is not null) Folder.Write("junction.json", json);
        var before = Readings;
        _reloader.Request();
        await Eventually.TrueAsync(() => Readings > before, () => "the reload does not come to an end");
        return Outcome.Last.Problems;
    }

    /// <summary>How often the configuration was read again.</summary>
    public int Readings => Told.Count(t => t.StartsWith("READY=1", StringComparison.Ordinal));

    public async ValueTask DisposeAsync()
    {
        await _reloader.StopAsync(CancellationToken.None);
        _reloader.Dispose();
        await Listeners.StopAsync(CancellationToken.None);
        Listeners.Dispose();
        Relays.StopNow();
        await Links.StoppingAsync(CancellationToken.None);
        await Relays.StopAsync(CancellationToken.None);
        await Links.StopAsync(CancellationToken.None);
        await Relays.DisposeAsync();
        await Links.DisposeAsync();
        Folder.Dispose();
    }

    private JunctionPlan Build(ConfigReading reading, JunctionPlan? before) =>
        RelayPlanBuilder.Build(reading.Config!, reading.Home, TimeProvider.System, reading.Instance, LinkLog, before);
}
