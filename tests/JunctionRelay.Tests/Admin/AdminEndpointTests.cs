using System.Net;
using JunctionRelay.Tests.Harness;

namespace JunctionRelay.Tests.Admin;

/// <summary>What the paths of the admin endpoint say about a junction at work.</summary>
public sealed class AdminEndpointTests
{
    private static readonly EndPoint Nobody = new IPEndPoint(IPAddress.Loopback, 1);

    [Fact]
    public async Task Status_tells_relays_targets_and_who_is_connected_since_when_and_with_how_many_bytes()
    {
        using var upstream = Peer.Listen();
        await using var junction = await AdminJunction.StartAsync(upstream.LocalEndPoint!, "\"name\": \"cloud\",");
        using var client = await Peer.ConnectAsync(junction.AddressOf("lmgrd"));
        using var server = await Peer.AcceptAsync(upstream);
        await client.SendAsync(new byte[100]);
        await server.ReadAsync(100);

        var status = await junction.StatusAsync(s => s.Connections is [{ BytesToTarget: 100 }]);
        Assert.Equal(("cloud", "running", true, 1), (status.Name, status.State, status.Ready, status.ConnectionCount));
        var relay = Assert.Single(status.Relays);
        Assert.Equal(("lmgrd", "relay", true, 1), (relay.Name, relay.Kind, relay.HasPath, relay.Connections));
        Assert.Equal(100, relay.BytesToTarget);
        var target = Assert.Single(relay.Targets);
        Assert.Equal((upstream.LocalEndPoint!.ToString(), true, false, 1), (target.Name, target.Up, target.Probed, target.Connections));
        var connection = Assert.Single(status.Connections!);
        Assert.Equal(("lmgrd", client.LocalEndPoint.ToString(), "relaying"), (connection.Relay, connection.Client, connection.Stage));
        Assert.InRange(status.Now - connection.Since, TimeSpan.Zero, Eventually.Deadline);
    }

    [Fact]
    public async Task Status_tells_who_ended_and_why_the_newest_first()
    {
        using var upstream = Peer.Listen();
        await using var junction = await AdminJunction.StartAsync(upstream.LocalEndPoint!);
        foreach (var reset in new[] { false, true })
        {
            using var client = await Peer.ConnectAsync(junction.AddressOf("lmgrd"));
            using var server = await Peer.AcceptAsync(upstream);
            await client.SendAsync(new byte[7]);
            await server.ReadAsync(7);
            if (reset) client.Reset();
            else await client.EndAsync();
            if (!reset) await server.EndAsync();
            await junction.StatusAsync(s => s.Ends.Recent.Count == (reset ? 2 : 1));
        }

        var ends = (await junction.StatusAsync()).Ends;
        Assert.Equal(["client-reset", "client-closed"], ends.Recent.Select(e => e.Reason));
        Assert.All(ends.Recent, e => Assert.Equal(7, e.BytesToTarget));
        Assert.Equal(1, ends.ByReason["client-reset"]);
    }

    [Fact]
    public async Task Ready_is_who_has_a_path_and_does_not_drain()
    {
        using var upstream = Peer.Listen();
        await using var junction = await AdminJunction.StartAsync(
            """{ "listen": "127.0.0.1:0" }""",
            $$"""
            "relays": {
              "up": { "listen": "127.0.0.1:0", "target": "{{upstream.LocalEndPoint}}", "healthInterval": "0" },
              "down": { "listen": "127.0.0.1:0", "target": "{{Nobody}}", "healthInterval": "10ms" }
            }
            """);
        await junction.StatusAsync(s => s.Relays.Any(r => !r.HasPath));
        Assert.Equal(HttpStatusCode.OK, (await junction.GetAsync("/livez")).Status);
        Assert.Equal((HttpStatusCode.OK, "ok\n"), await junction.GetAsync("/readyz"));
        Assert.Equal((HttpStatusCode.OK, "ok\n"), await junction.GetAsync("/readyz/up"));
        Assert.Equal((HttpStatusCode.ServiceUnavailable, "no path: down\n"), await junction.GetAsync("/readyz/down"));
        Assert.Equal(HttpStatusCode.NotFound, (await junction.GetAsync("/readyz/other")).Status);

        // While it drains, and a client is left, somebody may watch.
        using var client = await Peer.ConnectAsync(junction.AddressOf("up"));
        using var server = await Peer.AcceptAsync(upstream);
        var stopping = junction.Relays.StopAsync(CancellationToken.None);
        Assert.Equal((HttpStatusCode.ServiceUnavailable, "draining\n"), await junction.GetAsync("/readyz"));
        Assert.Equal((HttpStatusCode.ServiceUnavailable, "draining\n"), await junction.GetAsync("/readyz/up"));
        Assert.Equal(HttpStatusCode.OK, (await junction.GetAsync("/livez")).Status);
        await junction.StatusAsync(s => s.State == "draining");
        await client.EndAsync();
        await server.EndAsync();
        await stopping.WaitAsync(Eventually.Deadline);
    }

    [Fact]
    public async Task A_junction_whose_only_relay_has_no_path_is_not_ready_and_says_which()
    {
        await using var junction = await AdminJunction.StartAsync(Nobody, probed: true);
        await junction.StatusAsync(s => !s.Ready);
        Assert.Equal((HttpStatusCode.ServiceUnavailable, "no path: lmgrd\n"), await junction.GetAsync("/readyz"));
        Assert.Contains("Connection refused", (await junction.StatusAsync()).Relays[0].Targets[0].Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Metrics_are_there_at_zero_before_anybody_connects()
    {
        await using var junction = await AdminJunction.StartAsync(Nobody);
        var (status, text) = await junction.GetAsync("/metrics");
        Assert.Equal(HttpStatusCode.OK, status);
        Assert.Contains("junction_connections_active{relay=\"lmgrd\"} ", text, StringComparison.Ordinal);
        Assert.Contains("junction_config_reload_success 1\n", text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_configuration_that_was_not_taken_shows_in_status_and_metrics()
    {
        await using var junction = await AdminJunction.StartAsync(Nobody);
        junction.Reload.Read(["relays.x (junction.json:3): is no key"]);
        var status = await junction.StatusAsync(s => !s.Configuration.Succeeded);
        Assert.Equal(["relays.x (junction.json:3): is no key"], status.Configuration.Problems);
        await Eventually.TrueAsync(() => !junction.Reload.Last.Succeeded, () => "");
        Assert.Contains("junction_config_reload_success 0\n", (await junction.GetAsync("/metrics")).Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Links_certificates_and_services_are_told_with_what_is_wrong_with_them()
    {
        await using var junction = await AdminJunction.StartAsync(
            """{ "listen": "127.0.0.1:0" }""",
            $$"""
            "identity": { "certificate": "certs/cloud.crt", "key": "certs/cloud.key", "trust": "certs/ca.crt" },
            "links": { "hq": { "dial": "{{Nobody}}" } }, "linkListen": "127.0.0.1:0",
            "peers": { "enterprise": { "services": "lmgrd" }, "node-*": { "services": "lmgrd" } },
            "services": { "lmgrd": { "target": "{{Nobody}}" } }
            """);
        var status = await junction.StatusAsync(s => s.Links.Any(l => l.Detail?.Contains("refused", StringComparison.Ordinal) == true));
        Assert.Equal("cloud", status.Name);
        // A name in peers is somebody whose absence is news; a pattern is not.
        Assert.Equal([("hq", "out", false), ("enterprise", "in", false)], status.Links.Select(l => (l.Name, l.Direction, l.Up)));
        Assert.Equal(["service/lmgrd"], status.Relays.Select(r => r.Name));
        Assert.Equal(["identity.certificate", "identity.trust"], status.Certificates.Select(c => c.Kind));
        Assert.All(status.Certificates, c => Assert.InRange(c.DaysLeft, 0.5, 31));
        var metrics = (await junction.GetAsync("/metrics")).Text;
        Assert.Contains("junction_link_up{link=\"hq\"} 0\n", metrics, StringComparison.Ordinal);
        Assert.Contains("junction_link_up{link=\"node-*\"} 0\n", metrics, StringComparison.Ordinal);
        Assert.Contains("junction_certificate_expiry_timestamp_seconds{kind=\"identity.certificate\"} ", metrics, StringComparison.Ordinal);
    }
}
