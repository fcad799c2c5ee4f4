using System.ComponentModel;
using System.Net;
using System.Net.Sockets;
using System.Reflection;
using System.Text.RegularExpressions;
using JunctionRelay.Configuration;
using JunctionRelay.Connections;
using JunctionRelay.Relay;
using JunctionRelay.Targets;
using JunctionRelay.Tests.Harness;

namespace JunctionRelay.Tests.Configuration;

/// <summary>From what the user said to what runs.</summary>
public sealed partial class RelayPlanBuilderTests : IDisposable
{
    private const string Tls = """{ "identity": { "certificate": "certs/server.crt", "key": "certs/server.key", "trust": "certs/ca.crt" }, "relays": { "a": RELAY } }""";
    private readonly ConfigFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void What_is_not_said_has_its_default()
    {
        var plan = Plan("""{ "relays": { "a": { "listen": ["127.0.0.1:8990"], "target": ["lic:8990"] } } }""");
        Assert.Equal(TimeSpan.FromHours(12), plan.DrainTimeout);
        var relay = Assert.Single(plan.Relays);
        Assert.Equal("a", relay.Name);
        Assert.Equal([new ListenPlan(IPEndPoint.Parse("127.0.0.1:8990"))], relay.Listen);
        Assert.Equal(TimeSpan.FromSeconds(60), relay.Socket.KeepAlive);
        Assert.Equal(new RelayLimits(TimeSpan.FromSeconds(10), TimeSpan.FromSeconds(60), null, null), relay.Limits);
        Assert.Equal(TimeSpan.FromSeconds(10), relay.HealthInterval);
        Assert.Equal("lic:8990", Assert.Single(relay.Services.All.Single().Targets).Target.Name);
        Assert.Null(relay.Admission.Refuse(IPEndPoint.Parse("192.0.2.1:1")));
    }

    [Fact]
    public void What_is_said_holds()
    {
        var plan = Plan("""
            {
              "drainTimeout": "5m",
              "relays": {
                "a": {
                  "listen": ["[::]:8990", "unix:a.sock"], "target": ["[fd00::7]:1", "unix:b.sock"], "v6Only": true,
                  "allow": ["192.0.2.0/24"], "maxConnections": 2, "maxConnectionsPerClient": 1, "healthInterval": "0",
                  "handshakeTimeout": "4s", "halfClosedTimeout": "5m", "idleTimeout": "1h", "lifetime": "12h", "keepAlive": "30s"
                }
              }
            }
            """);
        Assert.Equal(TimeSpan.FromMinutes(5), plan.DrainTimeout);
        var relay = Assert.Single(plan.Relays);
        Assert.Equal((IPEndPoint.Parse("[::]:8990"), true), (relay.Listen[0].EndPoint, relay.Listen[0].V6Only));
        Assert.Equal(new UnixDomainSocketEndPoint(_folder.Path("a.sock")), relay.Listen[1].EndPoint);
        Assert.Equal(["[fd00::7]:1", $"unix:{_folder.Path("b.sock")}"], relay.Services.All.Single().Targets.Select(t => t.Target.Name));
        Assert.Equal(new RelayLimits(TimeSpan.FromSeconds(4), TimeSpan.FromMinutes(5), TimeSpan.FromHours(1), TimeSpan.FromHours(12)), relay.Limits);
        Assert.Equal(TimeSpan.FromSeconds(30), relay.Socket.KeepAlive);
        Assert.Equal(TimeSpan.Zero, relay.HealthInterval);
        Assert.Equal(CloseReason.AddressNotAllowed, relay.Admission.Refuse(IPEndPoint.Parse("198.51.100.1:1")));
        Assert.Null(relay.Admission.Refuse(IPEndPoint.Parse("192.0.2.1:1")));
        Assert.Equal(CloseReason.TooManyFromClient, relay.Admission.Refuse(IPEndPoint.Parse("192.0.2.1:2")));
        Assert.Null(relay.Admission.Refuse(IPEndPoint.Parse("192.0.2.2:1")));
        Assert.Equal(CloseReason.TooManyConnections, relay.Admission.Refuse(IPEndPoint.Parse("192.0.2.3:1")));
    }

    [Fact]
    public void What_is_said_about_links_holds_and_the_rest_has_its_default()
    {
        const string Identity = """ "identity": { "certificate": "certs/server.crt", "key": "certs/server.key", "trust": "certs/ca.crt" }, "services": { "s": { "target": ["lic:1"] } } """;
        var said = Plan($$"""
            {
              {{Identity}}, "linkListen": ["127.0.0.1:8443"],
              "links": { "hq": { "dial": ["hq.test:8443"], "peer": "enterprise", "resume": "5s", "ping": "500ms" } },
              "peers": { "cloud": { "resume": "7s", "ping": "2s" } }
            }
            """).Links!;
        var link = Assert.Single(said.Dial);
        Assert.Equal(("hq", "enterprise", TimeSpan.FromSeconds(5), TimeSpan.FromMilliseconds(500)), (link.Name, link.Peer, link.Resume, link.Ping));
        var peer = Assert.Single(said.Peers.For(new PeerIdentity("cloud", [], "01", default), null));
        Assert.Equal((TimeSpan.FromSeconds(7), TimeSpan.FromSeconds(2)), (peer.Resume, peer.Ping));

        var unsaid = Plan($$"""{ {{Identity}}, "links": { "hq": { "dial": ["hq.test:8443"] } } }""").Links!;
        link = Assert.Single(unsaid.Dial);
        Assert.Equal(("hq", "hq", TimeSpan.FromSeconds(60), TimeSpan.FromSeconds(5)), (link.Name, link.Peer, link.Resume, link.Ping));
        Assert.Equal((link.Resume, link.Ping), (unsaid.Options.Resume, unsaid.Options.PingInterval));
    }

    [Fact]
    public void What_a_relay_says_of_compression_comes_before_what_its_link_says()
    {
        var plan = Plan("""
            {
              "identity": { "certificate": "certs/server.crt", "key": "certs/server.key", "trust": "certs/ca.crt" }, "linkListen": ["127.0.0.1:8443"],
              "links": { "thin": { "dial": ["a:1"], "compress": true }, "thick": { "dial": ["b:1"] } }, "peers": { "far-*": { "compress": true }, "near-*": {} },
              "relays": {
                "1": { "listen": "*:1", "target": "link://thin/s" }, "2": { "listen": "*:2", "target": "link://thin/s", "compress": false },
                "3": { "listen": "*:3", "target": "link://thick/s" }, "4": { "listen": "*:4", "target": "link://thick/s", "compress": true },
                "5": { "listen": "*:5", "target": "link://far-1/s" }, "6": { "listen": "*:6", "target": "link://near-1/s" } } }
            """);
        Assert.Equal(
            [true, false, false, true, true, false],
            plan.Relays.Select(r => ((LinkTarget)r.Services.All.Single().Targets[0].Target).Compresses));
    }

    [Fact]
    public void A_range_is_a_listener_per_port_and_each_knows_how_far_in_it_is()
    {
        var relay = Assert.Single(Plan("""{ "relays": { "a": { "listen": ["127.0.0.1:6000-6049"], "target": ["server:9095-9144"] } } }""").Relays);
        Assert.Equal(Enumerable.Range(0, 50), relay.Listen.Select(l => l.PortOffset));
        Assert.Equal(Enumerable.Range(6000, 50), relay.Listen.Select(l => ((IPEndPoint)l.EndPoint).Port));
        Assert.Equal(TimeSpan.Zero, relay.HealthInterval);
    }

    [Fact]
    public void Relays_come_in_the_order_of_their_names() =>
        Assert.Equal(["a", "b", "c"], Plan("""
            { "relays": { "c": { "listen": "*:3", "target": "lic:1" }, "a": { "listen": "*:1", "target": "lic:1" }, "b": { "listen": "*:2", "target": "lic:1" } } }
            """).Relays.Select(r => r.Name));

    [Fact]
    public void The_defaults_in_the_reference_are_the_ones_that_hold()
    {
        var stated = new[] { typeof(JunctionConfig), typeof(RelayConfig) }.SelectMany(t => t.GetProperties())
            .Select(p => (p.Name, Match: StatedDuration().Match(p.GetCustomAttribute<DescriptionAttribute>()!.Description)))
            .Where(s => s.Match.Success && s.Match.Groups[1].Value != "0")
            .ToDictionary(s => s.Name, s => Duration.TryParse(s.Match.Groups[1].Value, out var duration) ? duration : default);
        var held = typeof(RelayPlanBuilder).GetFields(BindingFlags.Public | BindingFlags.Static).ToDictionary(f => f.Name, f => (TimeSpan)f.GetValue(null)!);
        held.Add("KeepAlive", SocketSettings.Default.KeepAlive);
        Assert.NotEmpty(stated);
        Assert.Equal(held.OrderBy(h => h.Key), stated.OrderBy(s => s.Key));
    }

    [Fact]
    public async Task With_a_trust_a_client_without_a_certificate_is_refused_and_one_with_gets_through()
    {
        using var server = Peer.Listen();
        await using var relay = await StartAsync(Tls, $$"""{ "listen": ["tls://127.0.0.1:0"], "target": ["{{server.LocalEndPoint}}"], "healthInterval": "0" }""");

        using var stranger = await Peer.ConnectAsync(relay.Address, tls: true);
        Assert.Equal("certificate-missing", (await relay.EndAsync()).Fields["reason"]);

        using var certificate = TestPki.Default.Issue("cloud");
        using var client = await Peer.ConnectAsync(relay.Address, tls: true, certificate);
        using var accepted = await Peer.AcceptAsync(server);
        await client.SendAsync("hello"u8.ToArray());
        Assert.Equal("hello"u8.ToArray(), await accepted.ReadAsync(5));
    }

    [Fact]
    public async Task With_none_a_client_needs_no_certificate_in_spite_of_the_trust()
    {
        using var server = Peer.Listen();
        await using var relay = await StartAsync(
            Tls, $$"""{ "listen": ["tls://127.0.0.1:0"], "target": ["{{server.LocalEndPoint}}"], "healthInterval": "0", "tls": { "clientCertificate": "none" } }""");
        using var client = await Peer.ConnectAsync(relay.Address, tls: true);
        using var accepted = await Peer.AcceptAsync(server);
        await accepted.SendAsync("hello"u8.ToArray());
        Assert.Equal("hello"u8.ToArray(), await client.ReadAsync(5));
    }

    [Theory]
    [InlineData("""{ "serverName": "upstream.test" }""", null)]
    [InlineData("""{ "serverName": "other.test" }""", "dial-certificate-rejected")]
    [InlineData("""{ "serverName": "upstream.test", "trust": "certs/rsa.crt" }""", "dial-certificate-rejected")]
    public async Task A_tls_target_must_have_the_name_and_the_authority(string tls, string? reason)
    {
        using var server = Peer.Listen();
        await using var relay = await StartAsync(
            Tls, $$"""{ "listen": ["127.0.0.1:0"], "target": ["tls://{{server.LocalEndPoint}}"], "healthInterval": "0", "tls": {{tls}} }""");
        using var client = await Peer.ConnectAsync(relay.Address);
        if (reason is not null)
        {
            var accepting = Peer.AcceptAsync(server, tls: true);
            Assert.Equal(reason, (await relay.EndAsync()).Fields["reason"]);
            await Record.ExceptionAsync(() => accepting);
            return;
        }

        using var accepted = await Peer.AcceptAsync(server, tls: true);
        await client.SendAsync("hello"u8.ToArray());
        Assert.Equal("hello"u8.ToArray(), await accepted.ReadAsync(5));
    }

    [GeneratedRegex("Default: \"?([0-9]+[a-z]*)")]
    private static partial Regex StatedDuration();

    private JunctionPlan Plan(string json)
    {
        var reading = _folder.Write("junction.json", json).Read();
        Assert.Empty(reading.Problems);
        return RelayPlanBuilder.Build(reading.Config!, reading.Home, TimeProvider.System);
    }

    private Task<TestRelay> StartAsync(string json, string relay) => TestRelay.StartAsync(Assert.Single(Plan(json.Replace("RELAY", relay, StringComparison.Ordinal)).Relays));
}
