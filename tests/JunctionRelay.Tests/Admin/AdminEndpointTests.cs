using System.Net;
using JunctionRelay.Tests.Harness;

namespace JunctionRelay.Tests.Admin;

/// <summary>What the paths of the admin endpoint say about a junction at work.</summary>
public sealed class AdminEndpointTests
{
    internal static readonly EndPoint Nobody = new IPEndPoint(IPAddress.Loopback, 1);

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
            // The server ends because the client did, and not at the same moment.
            if (!reset) await server.ReadToEndAsync();
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
}
