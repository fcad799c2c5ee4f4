using System.Net;
using System.Security.Cryptography.X509Certificates;
using JunctionRelay.Configuration;
using JunctionRelay.Connections;
using JunctionRelay.Relay;
using JunctionRelay.Tests.Harness;

namespace JunctionRelay.Tests.Refusals;

/// <summary>A junction in this process, from a configuration as a user writes it, with its own certificate of <see cref="TestPki.Default"/>. Its log and its counts are what operators see.</summary>
internal sealed class ConfiguredJunction : IAsyncDisposable
{
    private readonly TestFolder _folder;
    private readonly JunctionPlan _plan;

    private ConfiguredJunction(TestFolder folder, JunctionPlan plan, LinkService links, RelayService relays, TestLog log, TestLog<LinkService> linkLog) =>
        (_folder, _plan, Links, Relays, Log, LinkLog) = (folder, plan, links, relays, log, linkLog);

    // Who listens for peers.
    private PeerListeners? _listeners;

    public LinkService Links { get; }
    public RelayService Relays { get; }
    public TestLog Log { get; }
    public TestLog<LinkService> LinkLog { get; }
    public IPEndPoint LinkAddress => (IPEndPoint)Links.Addresses.Single();

    /// <summary>Who is of this name is on the deny list from now on.</summary>
    public void Deny(string name)
    {
        var list = TestPki.Default.SignDenyList(1, name);
        Assert.NotNull(_plan.Revocation.Lists.Offer(list, out _));
    }

    /// <param name="name">Of its certificate.</param>
    /// <param name="sections">The configuration but for <c>identity</c>, without braces.</param>
    /// <param name="files">More files beside it: programs if they begin so.</param>
    public static Task<ConfiguredJunction> StartAsync(string name, string sections, params (string Name, string Text)[] files) => StartAsync(name, sections, denied: null, files);

    /// <param name="denied">Who is on the deny list from the start.</param>
    public static async Task<ConfiguredJunction> StartAsync(string name, string sections, string? denied, params (string Name, string Text)[] files)
    {
        var folder = new TestFolder();
        using var issued = TestPki.Default.Issue(name);
        using var key = issued.GetECDsaPrivateKey()!;
        folder.Write("junction.crt", issued.ExportCertificatePem());
        folder.Write("junction.key", key.ExportPkcs8PrivateKeyPem());
        folder.Write("ca.crt", $"{TestPki.Default.Authority.ExportCertificatePem()}\n{RefusalSite.CalledCloud.Authority.ExportCertificatePem()}\n");
        foreach (var (file, text) in files)
            folder.Write(file, text, UnixFileMode.UserRead | UnixFileMode.UserWrite | (text.StartsWith("#!", StringComparison.Ordinal) ? UnixFileMode.UserExecute : 0));
        var reading = ConfigReader.Read(
            folder.Write("junction.json", $$"""{ "identity": { "directory": "." }, {{sections}} }"""), new Dictionary<string, string>(), new Dictionary<string, string>());
        Assert.Empty(reading.Problems);

        var (log, linkLog) = (new TestLog<RelayService>(), new TestLog<LinkService>());
        var plan = RelayPlanBuilder.Build(reading.Config!, folder.Root, TimeProvider.System, linkLog: linkLog);
        var links = new LinkService(plan.Links, linkLog);
        var relays = new RelayService(plan.Relays, TimeSpan.Zero, log, TimeProvider.System, (plan.Peers, links.Streams));
        var junction = new ConfiguredJunction(folder, plan, links, relays, log, linkLog);
        if (denied is not null) junction.Deny(denied);
        await links.StartAsync(CancellationToken.None);
        await relays.StartAsync(CancellationToken.None);
        if (plan is { Links: { } of, Peers: { } peers })
        {
            junction._listeners = new PeerListeners(() => (of, peers), links.Streams, relays.Connections, relays.Metrics, new TestLog<PeerListeners>(), TimeProvider.System);
            await junction._listeners.StartAsync(CancellationToken.None);
        }

        return junction;
    }

    public EndPoint AddressOf(string relay) => Relays.Addresses.Single(a => a.Relay == relay).Address;

    /// <summary>Waits until streams can pass between it and <paramref name="peer"/>.</summary>
    public Task LinkedAsync(string peer) => Eventually.TrueAsync(
        () => _plan.Links!.Directory.Find(peer).Any(s => s.IsUp), () => $"no link with {peer}:\n{string.Join('\n', LinkLog.Entries.Select(e => e.Message))}");

    /// <summary>How many sessions there are with a peer.</summary>
    public int PeerSessions(string peer) => _plan.Links!.Directory.All().Count(s => s.Name == peer);

    /// <summary>How many streams that a peer opened are counted, over all sessions with it.</summary>
    public int StreamsOf(string peer) => _plan.Links!.Directory.All().Where(s => s.Name == peer).Select(s => s.Session.HeldByPeer.Relayed.Held).FirstOrDefault();

    /// <summary>How many it has refused, by what the metrics call it: <c>RELAY RULE</c> of <c>junction_denied_total</c>, <c>RELAY END</c> of <c>junction_connections_total</c>
    /// and <c>link://NAME REASON</c> of <c>junction_dial_failures_total</c>.</summary>
    public long Counted(string series) =>
        Relays.Metrics.Relays.SelectMany(r => r.Value.Denied.Select(d => (Name: $"{r.Key} {d.Key}", d.Value)).Concat(r.Value.Ended.Select(e => (Name: $"{r.Key} {e.Key.Name()}", e.Value))))
            .Concat(Links.Failures.Denied.Select(d => (Name: $"linkListen {d.Key}", d.Value)))
            .Concat(Links.Failures.Dials.Select(d => (Name: $"link://{d.Key.Link} {d.Key.Reason.Name()}", d.Value)))
            .Where(s => s.Name == series).Sum(s => s.Value);

    public async ValueTask DisposeAsync()
    {
        Relays.StopNow();
        await Links.StoppingAsync(CancellationToken.None);
        if (_listeners is not null)
        {
            await _listeners.StopAsync(CancellationToken.None);
            _listeners.Dispose();
        }

        await Relays.StopAsync(CancellationToken.None);
        await Links.StopAsync(CancellationToken.None);
        await Relays.DisposeAsync();
        await Links.DisposeAsync();
        _folder.Dispose();
    }
}
