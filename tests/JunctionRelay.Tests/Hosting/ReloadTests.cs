using System.Net;
using System.Net.Sockets;
using JunctionRelay.Configuration;
using JunctionRelay.Tests.Configuration;
using JunctionRelay.Tests.Harness;
using static JunctionRelay.Tests.Hosting.ReloadingJunction;

namespace JunctionRelay.Tests.Hosting;

/// <summary>A configuration that is replaced under connections: what did not change is not touched, and what is wrong changes nothing.</summary>
public sealed class ReloadTests
{
    [Fact]
    public async Task A_relay_that_did_not_change_keeps_its_port_and_its_connections_when_others_come_and_go()
    {
        using var upstream = Peer.Listen();
        var stays = Said("stays", AnyPort, upstream.LocalEndPoint!);
        await using var junction = await StartAsync($$"""{ "relays": { {{stays}}, {{Said("goes", AnyPort, upstream.LocalEndPoint!)}} } }""");
        var (address, gone) = (junction.AddressOf("stays"), junction.AddressOf("goes"));
        using var client = await Peer.ConnectAsync(address);
        using var server = await Peer.AcceptAsync(upstream);
        using var leaving = await Peer.ConnectAsync(gone);
        using var leavingServer = await Peer.AcceptAsync(upstream);

        Assert.Empty(await junction.ReloadAsync($$"""{ "relays": { {{stays}}, {{Said("comes", AnyPort, upstream.LocalEndPoint!)}} } }"""));

        Assert.Equal(address, junction.AddressOf("stays"));
        using (var late = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp))
            Assert.Equal(SocketError.ConnectionRefused, (await Assert.ThrowsAsync<SocketException>(() => late.ConnectAsync(gone))).SocketErrorCode);
        await Exchange(client, server);
        // The relay is gone, its connections are not.
        await Exchange(leaving, leavingServer);
        using var newcomer = await Peer.ConnectAsync(junction.AddressOf("comes"));
        using var newcomersServer = await Peer.AcceptAsync(upstream);
        await Exchange(newcomer, newcomersServer);
        Assert.Contains("relays +comes -goes", (await junction.ReloadLog.WaitAsync("config-reloaded")).Message, StringComparison.Ordinal);
        await junction.Log.WaitAsync("relay-left", e => (string)e.Fields["relay"]! == "goes");
    }

    [Fact]
    public async Task Connections_keep_the_target_that_they_have_and_new_ones_get_the_new_one()
    {
        using var first = Peer.Listen();
        using var second = Peer.Listen();
        await using var junction = await StartAsync($$"""{ "relays": { {{Said("r", AnyPort, first.LocalEndPoint!)}} } }""");
        var address = junction.AddressOf("r");
        using var client = await Peer.ConnectAsync(address);
        using var server = await Peer.AcceptAsync(first);

        Assert.Empty(await junction.ReloadAsync($$"""{ "relays": { {{Said("r", AnyPort, second.LocalEndPoint!)}} } }"""));

        using var newClient = await Peer.ConnectAsync(address);
        using var newServer = await Peer.AcceptAsync(second);
        await Exchange(newClient, newServer);
        await Exchange(client, server);
    }

    [Fact]
    public async Task A_port_in_use_changes_nothing_at_all_and_is_tried_again()
    {
        using var upstream = Peer.Listen();
        using var other = Peer.Listen();
        var taken = Peer.Listen();
        var port = taken.LocalEndPoint!;
        await using var junction = await StartAsync($$"""{ "relays": { {{Said("r", AnyPort, upstream.LocalEndPoint!)}} } }""");
        var plan = junction.InForce.Plan;
        var next = $$"""{ "relays": { {{Said("a", AnyPort, upstream.LocalEndPoint!)}}, {{Said("blocked", port, upstream.LocalEndPoint!)}}, {{Said("r", AnyPort, other.LocalEndPoint!)}} } }""";

        var problems = await junction.ReloadAsync(next);

        Assert.Contains("relays.blocked.listen: cannot listen on", Assert.Single(problems), StringComparison.Ordinal);
        Assert.Same(plan, junction.InForce.Plan);
        Assert.Equal(["r"], junction.Relays.Addresses.Select(a => a.Relay));
        using var client = await Peer.ConnectAsync(junction.AddressOf("r"));
        using var server = await Peer.AcceptAsync(upstream);
        await Exchange(client, server);

        taken.Dispose();
        await PassingAsync(junction, () => junction.Outcome.Last.Succeeded, "it is not tried again");
        Assert.Equal(["a", "blocked", "r"], junction.Relays.Addresses.Select(a => a.Relay).Order());
        Assert.Single(junction.ReloadLog.Entries, e => e.Name == "config-refused");
    }

    [Theory]
    [InlineData("{ not json", "junction.json")]
    [InlineData("""{ "relays": { "r": { "listen": "127.0.0.1:0", "target": "lic:1", "maxConection": 1 } } }""", "maxConection")]
    [InlineData("""{ "relays": { "r": { "listen": "tls://127.0.0.1:0", "target": "lic:1", "tls": { "certificate": "missing.pem" } } } }""", "missing.pem")]
    public async Task A_bad_file_changes_nothing_and_says_why(string bad, string why)
    {
        using var upstream = Peer.Listen();
        await using var junction = await StartAsync($$"""{ "relays": { {{Said("r", AnyPort, upstream.LocalEndPoint!)}} } }""");
        var (plan, address) = (junction.InForce.Plan, junction.AddressOf("r"));

        Assert.Contains(await junction.ReloadAsync(bad), p => p.Contains(why, StringComparison.Ordinal));

        Assert.Same(plan, junction.InForce.Plan);
        Assert.False(junction.Outcome.Last.Succeeded);
        Assert.Contains(why, (await junction.ReloadLog.WaitAsync("config-refused")).Message, StringComparison.Ordinal);
        Assert.Contains(junction.Told, t => t.StartsWith("READY=1\nSTATUS=running the configuration of before: ", StringComparison.Ordinal));
        using var client = await Peer.ConnectAsync(address);
        using var server = await Peer.AcceptAsync(upstream);
        await Exchange(client, server);
    }

    [Fact]
    public async Task A_changed_file_is_read_by_itself_and_so_is_a_drop_in()
    {
        using var upstream = Peer.Listen();
        var relay = Said("r", AnyPort, upstream.LocalEndPoint!);
        await using var junction = await StartAsync($$"""{ "relays": { {{relay}} } }""");
        junction.Folder.Write("junction.json", $$"""{ "relays": { {{relay}}, {{Said("second", AnyPort, upstream.LocalEndPoint!)}} } }""");
        await PassingAsync(junction, () => junction.Readings == 1, "the file is not read");
        junction.Folder.Write("conf.d/third.json", $$"""{ "relays": { {{Said("third", AnyPort, upstream.LocalEndPoint!)}} } }""");
        await PassingAsync(junction, () => junction.Readings == 2, "the drop-in is not read");
        Assert.Equal(["r", "second", "third"], junction.Relays.Addresses.Select(a => a.Relay).Order());
    }

    [Fact]
    public void A_file_is_news_when_it_has_not_changed_for_a_look_and_only_once()
    {
        using var folder = new ConfigFolder();
        var file = folder.Write("junction.json", "first").Path("junction.json");
        var watch = new ConfigWatch(file);
        bool[] Looks(int times) => [.. Enumerable.Range(0, times).Select(_ => watch.Look())];
        Assert.Equal([false, false], Looks(2));
        folder.Write("junction.json", "half");
        Assert.Equal([false], Looks(1));
        folder.Write("junction.json", "whole");
        Assert.Equal([false, true], Looks(2));
        watch.Read();
        Assert.Equal([false, false], Looks(2));
        folder.Write("conf.d/a.json", "{}");
        Assert.Equal([false, true], Looks(2));
        watch.Read();
        File.Delete(file);
        Assert.Equal([false, true], Looks(2));
        folder.Write("junction.json", "whole");
        Assert.Equal([false, false], Looks(2));
    }

    [Fact]
    public async Task The_service_manager_hears_of_a_reload_before_and_after_it()
    {
        await using var junction = await StartAsync($$"""{ "relays": { {{Said("r", AnyPort, new IPEndPoint(IPAddress.Loopback, 1))}} } }""");
        await junction.ReloadAsync();
        var told = junction.Told.ToArray();
        Assert.Matches("^RELOADING=1\nMONOTONIC_USEC=[1-9][0-9]*$", told[0]);
        Assert.StartsWith("READY=1\n", told[1], StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_new_limit_counts_the_connections_that_are_there()
    {
        using var upstream = Peer.Listen();
        await using var junction = await StartAsync($$"""{ "relays": { {{Said("r", AnyPort, upstream.LocalEndPoint!)}} } }""");
        using var client = await Peer.ConnectAsync(junction.AddressOf("r"));
        using var server = await Peer.AcceptAsync(upstream);

        Assert.Empty(await junction.ReloadAsync($$"""{ "relays": { {{Said("r", AnyPort, upstream.LocalEndPoint!, "\"maxConnections\": 1")}} } }"""));
        Assert.Equal(SeenEnd.Reset, await Peer.ConnectAndReadEndAsync(junction.AddressOf("r")));
        await Exchange(client, server);

        client.Reset();
        await junction.Log.WaitAsync("connection-ended", e => (string)e.Fields["reason"]! == "client-reset");
        using var next = await Peer.ConnectAsync(junction.AddressOf("r"));
        using var nextServer = await Peer.AcceptAsync(upstream);
        await Exchange(next, nextServer);
    }

    [Fact]
    public async Task A_target_that_is_down_stays_down_and_its_relay_refuses_on_until_it_has_another_one()
    {
        var dead = new IPEndPoint(IPAddress.Loopback, FreePort());
        using var alive = Peer.Listen();
        string Config(EndPoint target, int most) =>
            $$"""{ "relays": { "r": { "listen": "127.0.0.1:0", "target": "{{target}}", "healthInterval": "1h", "maxConnections": {{most}} } } }""";
        await using var junction = await StartAsync(Config(dead, 5));
        await junction.Log.WaitAsync("relay-down");
        var health = junction.InForce.Plan.Relays[0].Services.All.Single().Targets.Single();

        Assert.Empty(await junction.ReloadAsync(Config(dead, 6)));
        Assert.Same(health, junction.InForce.Plan.Relays[0].Services.All.Single().Targets.Single());
        Assert.False(health.IsUp);
        using (var refused = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp))
            await Assert.ThrowsAsync<SocketException>(() => refused.ConnectAsync(junction.AddressOf("r")));

        Assert.Empty(await junction.ReloadAsync(Config(alive.LocalEndPoint!, 6)));
        using var client = await Peer.ConnectAsync(junction.AddressOf("r"));
    }

    [Fact]
    public async Task An_address_may_grow_to_all_addresses_of_the_machine_and_go_to_another_relay()
    {
        using var upstream = Peer.Listen();
        var port = FreePort();
        string Config(string relay, string listen) => $$"""{ "relays": { "{{relay}}": { "listen": "{{listen}}:{{port}}", "target": "{{upstream.LocalEndPoint}}", "healthInterval": "0" } } }""";
        await using var junction = await StartAsync(Config("narrow", "127.0.0.1"));
        foreach (var (relay, listen) in new[] { ("narrow", "*"), ("wide", "*"), ("wide", "127.0.0.1"), ("wide", "0.0.0.0") })
        {
            Assert.Empty(await junction.ReloadAsync(Config(relay, listen)));
            using var client = await Peer.ConnectAsync(new IPEndPoint(IPAddress.Loopback, port));
            using var server = await Peer.AcceptAsync(upstream);
            await Exchange(client, server);
            Assert.Equal(relay, junction.Relays.Connections.Connections.Single(c => ((IPEndPoint)c.Client!).Port == ((IPEndPoint)client.LocalEndPoint).Port).Relay);
        }

        // Nobody else gets the port beside us by accident.
        using var thief = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        Assert.Throws<SocketException>(() => thief.Bind(new IPEndPoint(IPAddress.Loopback, port)));
    }

    // The clock moves on until something has happened.
    private static Task PassingAsync(ReloadingJunction junction, Func<bool> condition, string otherwise) => Eventually.TrueAsync(
        () =>
        {
            junction.Time.Advance(TimeSpan.FromSeconds(1));
            return condition();
        },
        () => otherwise);

    private static async Task Exchange(Peer client, Peer server)
    {
        await client.SendAsync("there"u8.ToArray());
        Assert.Equal("there"u8.ToArray(), await server.ReadAsync(5));
        await server.SendAsync("back"u8.ToArray());
        Assert.Equal("back"u8.ToArray(), await client.ReadAsync(4));
    }
}
