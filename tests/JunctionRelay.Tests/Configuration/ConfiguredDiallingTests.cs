using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using JunctionRelay.Configuration;
using JunctionRelay.Relay;
using JunctionRelay.Tests.Harness;

namespace JunctionRelay.Tests.Configuration;

/// <summary>What a configuration says about the way to targets is what the relay does that is built from it.</summary>
public sealed class ConfiguredDiallingTests : IDisposable
{
    private readonly ConfigFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task A_relay_that_is_told_to_hold_serves_a_client_that_came_before_its_target()
    {
        var port = Ports.Free();
        var plan = Plan($$""" "target": ["127.0.0.1:{{port}}"], "whenDown": "hold", "holdFor": "10s" """);
        await using var relay = await TestRelay.StartAsync(plan);
        using var client = await Peer.ConnectAsync(relay.Address);
        await Eventually.TrueAsync(() => plan.Services.All.Single().Targets.Single().DialFailures.Sum(f => f.Value) > 1, () => "the closed port was not tried again");

        using var server = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        server.Bind(new IPEndPoint(IPAddress.Loopback, port));
        server.Listen();
        using var accepted = await Peer.AcceptAsync(server);
        await accepted.SendAsync("here"u8.ToArray());
        Assert.Equal("here"u8.ToArray(), await client.ReadAsync(4));
    }

    [Theory]
    [InlineData(""" "whenDown": "hold", "holdFor": "300ms" """, "no-target-up", "nothing came up within 0.3 s")]
    [InlineData(""" "whenDown": "refuse" """, "dial-refused", "")]
    public async Task A_relay_holds_no_longer_than_it_is_told(string said, string reason, string words)
    {
        await using var relay = await TestRelay.StartAsync(Plan($$""" "target": ["127.0.0.1:{{Ports.Free()}}"], {{said}} """));
        Assert.Equal(SeenEnd.Reset, await Peer.ConnectAndReadEndAsync(relay.Address));
        var end = await relay.EndAsync();
        Assert.Equal(reason, end.Fields["reason"]);
        Assert.Contains(words, end.Message, StringComparison.Ordinal);
    }

    // The first client stays, the others leave before the next one comes.
    [Theory]
    [InlineData(""" "balance": "failover" """, "aaaa")]
    [InlineData(""" "balance": "roundRobin" """, "abab")]
    [InlineData(""" "balance": "leastConnections" """, "abbb")]
    public async Task Clients_are_shared_among_targets_as_it_is_said(string said, string expected)
    {
        using var a = Peer.Listen();
        using var b = Peer.Listen();
        var plan = Plan($$""" "target": ["{{a.LocalEndPoint}}", "{{b.LocalEndPoint}}"], {{said}} """);
        await using var relay = await TestRelay.StartAsync(plan);
        _ = NameAsync(a, (byte)'a');
        _ = NameAsync(b, (byte)'b');

        using var first = await Peer.ConnectAsync(relay.Address);
        var served = $"{(char)(await first.ReadAsync(1))[0]}";
        while (served.Length < expected.Length)
        {
            using var next = await Peer.ConnectAsync(relay.Address);
            served += (char)(await next.ReadAsync(1))[0];
            await next.EndAsync();
            await Eventually.TrueAsync(() => plan.Services.All.Single().Targets.Sum(t => t.Load) == 1, () => "a client that left is still counted");
        }

        Assert.Equal(expected, served);
    }

    [Fact]
    public async Task A_target_that_does_not_answer_is_given_the_time_that_is_said()
    {
        // A backlog that is full drops further handshakes, as a firewall does.
        using var black = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        black.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        black.Listen(0);
        using var filler = await Peer.ConnectAsync(black.LocalEndPoint!);
        await using var relay = await TestRelay.StartAsync(Plan($$""" "target": ["{{black.LocalEndPoint}}"], "connectTimeout": "300ms" """));
        Assert.Equal(SeenEnd.Reset, await Peer.ConnectAndReadEndAsync(relay.Address));
        var end = await relay.EndAsync();
        Assert.Equal("dial-timeout", end.Fields["reason"]);
        Assert.Contains("0.3 s", end.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("127.0.0.1", """, "serverName": "upstream.test" """, "upstream.test")]
    [InlineData("localhost", "", "localhost")]
    public async Task A_tls_target_is_told_by_sni_whom_we_want(string host, string said, string expected)
    {
        using var server = Peer.Listen();
        await using var relay = await TestRelay.StartAsync(Plan(
            $$""" "target": ["tls://{{host}}:{{((IPEndPoint)server.LocalEndPoint!).Port}}"], "tls": { "trust": "certs/ca.crt"{{said}} } """));
        using var client = await Peer.ConnectAsync(relay.Address);
        using var accepted = await server.AcceptAsync().WaitAsync(Eventually.Deadline);
        using var certificate = TestPki.Default.Issue(expected);
        await using var tls = new SslStream(new NetworkStream(accepted));
        string? heard = null;
        await tls.AuthenticateAsServerAsync(
            (_, hello, _, _) =>
            {
                heard = hello.ServerName;
                return ValueTask.FromResult(new SslServerAuthenticationOptions { ServerCertificate = certificate });
            },
            null).WaitAsync(Eventually.Deadline);
        Assert.Equal(expected, heard);
        await tls.WriteAsync("here"u8.ToArray());
        Assert.Equal("here"u8.ToArray(), await client.ReadAsync(4));
    }

    // Says its name to whoever comes, and ends when the client does.
    private static async Task NameAsync(Socket listener, byte name)
    {
        try
        {
            while (true) _ = ServeAsync(await listener.AcceptAsync());
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // The test is over.
        }

        async Task ServeAsync(Socket client)
        {
            using (client)
            {
                await client.SendAsync(new[] { name });
                try
                {
                    while (await client.ReceiveAsync(new byte[16]) > 0)
                    {
                    }
                }
                catch (SocketException)
                {
                    // It was reset when the test ended.
                }
            }
        }
    }

    private RelayPlan Plan(string relay)
    {
        var config = _folder.Write("junction.json", $$"""{ "relays": { "a": { "listen": ["127.0.0.1:0"], "healthInterval": "0", {{relay}} } } }""").Config();
        return Assert.Single(RelayPlanBuilder.Build(config, _folder.Root, TimeProvider.System).Relays);
    }
}
