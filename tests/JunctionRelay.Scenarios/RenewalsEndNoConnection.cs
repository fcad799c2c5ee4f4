using System.Net.Sockets;
using JunctionRelay.Scenarios.Harness;

namespace JunctionRelay.Scenarios;

/// <summary>Certificates that live for seconds, on both sides of a link, are renewed every 10 s (at full scale) under 200 live connections: none ends, and every byte is there.</summary>
public sealed class RenewalsEndNoConnection
{
    private const int Connections = 200;

    /// <summary>
    /// With the quarter by which certificates begin early: two thirds of 21 s are over 10 s after they are made, and 7 s before they run out. A machine that runs much else
    /// beside this may stand still for that long, so that a run at ci scale renews every 14 s, and once.
    /// </summary>
    private static readonly string Lifetime = Scale.Of(ci: "24s", full: "17s");

    [Fact]
    public async Task Two_hundred_connections_live_on()
    {
        using var folder = new TemporaryFolder();
        var authority = await SiteAuthority.Init(folder);
        await using var server = LoopbackServer.Echo();
        var (linkPort, port) = (FreePort.Next(), FreePort.Next());
        await using var hq = await JunctionProcess.Start($$"""
            {
              "identity": { "directory": "{{await authority.Issue("hq", "--lifetime", Scale.Of(ci: Lifetime, full: "45s"))}}" },
              "pki": { "directory": "{{authority.Directory}}", "certificateLifetime": "{{Lifetime}}" }, "linkListen": ["127.0.0.1:{{linkPort}}"],
              "services": { "echo": { "target": ["127.0.0.1:{{server.Port}}"] } }, "peers": { "node-*": { "services": ["echo"] } }
            }
            """);
        await authority.Run("token", ["create", "--name", "node-*", "--out", folder["token"]]);
        await RealProgram.Succeed(JunctionProcess.Binary(), ["enroll", $"127.0.0.1:{linkPort}", "--token-file", folder["token"], "--identity", folder["node"], "--name", "node-1"]);
        await using var node = await JunctionProcess.Start($$"""
            {
              "identity": { "directory": "{{folder["node"]}}" }, "links": { "hq": { "dial": ["127.0.0.1:{{linkPort}}"] } },
              "relays": { "echo": { "listen": ["127.0.0.1:{{port}}"], "target": ["link://hq/echo"] } }
            }
            """);
        await node.Line("link with hq is up");
        var clients = new List<Socket>();
        try
        {
            for (var i = 0; i < Connections; i++)
                clients.Add(await Loopback.Connect(port));
            var rounds = Scale.Of(ci: 1, full: 30);
            for (var sent = 0L; Renewals(node) < rounds || Renewals(hq) < rounds; sent++)
            {
                await Task.WhenAll(clients.Select(c => Ask(c, sent, () => $"{node.Program.Said()}\n{hq.Program.Said()}")));
                Assert.True(sent < rounds * 100, $"{Renewals(node)} renewals at the node, {Renewals(hq)} at hq after {sent} rounds\n{node.Trouble()}\n{hq.Trouble()}");
            }

            Assert.Equal(Connections, server.Open);
            Assert.Empty(node.Connections);
            Assert.Empty(hq.Connections);
            Assert.DoesNotContain(hq.Program.Lines, l => l.Contains("came back", StringComparison.Ordinal) || l.Contains("could not be renewed", StringComparison.Ordinal));
        }
        finally
        {
            foreach (var client in clients)
                client.Dispose();
        }
    }

    private static int Renewals(JunctionProcess junction) => junction.Program.Lines.Count(l => l.Contains("our certificate (", StringComparison.Ordinal));

    // A pause between the rounds: connections that are busy all the time would hide what happens to idle ones.
    private static async Task Ask(Socket client, long number, Func<string> seen)
    {
        var (asked, answered) = (BitConverter.GetBytes(number), new byte[8]);
        await client.SendAsync(asked);
        for (var length = 0; length < answered.Length;)
        {
            var read = await client.ReceiveAsync(answered.AsMemory(length)).AsTask().Within(Deadline.Start, "the echo", seen);
            Assert.True(read > 0, $"a connection has ended\n{seen()}");
            length += read;
        }

        Assert.Equal(asked, answered);
        await Task.Delay(TimeSpan.FromMilliseconds(500));
    }
}
