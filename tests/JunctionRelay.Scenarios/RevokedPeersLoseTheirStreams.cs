using System.Diagnostics;
using System.Net.Sockets;
using JunctionRelay.Scenarios.Harness;

namespace JunctionRelay.Scenarios;

/// <summary>
/// Who is revoked loses what it has open within 5 s, also behind a junction that has no authority and only hears of it over its link; everybody else notices nothing.
/// </summary>
public sealed class RevokedPeersLoseTheirStreams
{
    private static readonly TimeSpan Promised = TimeSpan.FromSeconds(5);

    [Fact]
    public async Task Within_five_seconds_also_behind_another_junction()
    {
        using var folder = new TemporaryFolder();
        var authority = await SiteAuthority.Init(folder);
        await using var server = LoopbackServer.Echo();
        var (hqPort, cloudPort) = (FreePort.Next(), FreePort.Next());
        await using var hq = await JunctionProcess.Start($$"""
            {
              "identity": { "directory": "{{await authority.Issue("hq")}}" }, "pki": { "directory": "{{authority.Directory}}" }, "linkListen": ["127.0.0.1:{{hqPort}}"],
              "services": { "echo": { "target": ["127.0.0.1:{{server.Port}}"] } }, "peers": { "cloud": { "services": ["echo"] }, "node-*": { "services": ["echo"] } }
            }
            """);
        await using var cloud = await JunctionProcess.Start($$"""
            {
              "identity": { "directory": "{{await authority.Issue("cloud")}}" }, "linkListen": ["127.0.0.1:{{cloudPort}}"], "links": { "hq": { "dial": ["127.0.0.1:{{hqPort}}"] } },
              "services": { "echo": { "target": ["link://hq/echo"] } }, "peers": { "node-*": { "services": ["echo"] } }
            }
            """);
        await using var a = await Node.Start(authority, "node-a", "cloud", cloudPort);
        await using var b = await Node.Start(authority, "node-b", "cloud", cloudPort);
        await using var direct = await Node.Start(authority, "node-c", "hq", hqPort);
        foreach (var node in new[] { a, b, direct })
            await node.Answers();
        await Holds(3);

        await Revoke("node-a", a, left: 2);
        await cloud.Line("\"node-a\" is revoked");
        await b.Answers();
        await direct.Answers();
        await Holds(2);
        // It comes back, and is not let in.
        await a.Junction.Line("revoked", Deadline.Start);

        await Revoke("node-c", direct, left: 1);
        await b.Answers();

        await Revoke("cloud", b, left: 0);
        await Holds(0);

        // Now and then a junction tries the target with a connection that says nothing.
        Task Holds(int connections) => Deadline.Until(() => server.Open == connections, Deadline.Soon, $"the target has {connections} connections");

        async Task Revoke(string name, Node loses, int left)
        {
            var watch = Stopwatch.StartNew();
            await authority.Run("pki", ["revoke", name]);
            Assert.Equal("reset", await Loopback.HowItEnds(loses.Client, Promised));
            await Deadline.Until(() => server.Open == left, Promised - watch.Elapsed, $"the target hears of {name}");
            TestContext.Current.TestOutputHelper?.WriteLine($"{name}: {watch.Elapsed.TotalSeconds:0.0} s with the command");
        }
    }

    private sealed class Node(JunctionProcess junction, Socket client) : IAsyncDisposable
    {
        public JunctionProcess Junction => junction;

        public Socket Client => client;

        public static async Task<Node> Start(SiteAuthority authority, string name, string peer, int linkPort)
        {
            var port = FreePort.Next();
            var junction = await JunctionProcess.Start($$"""
                {
                  "identity": { "directory": "{{await authority.Issue(name)}}" }, "links": { "{{peer}}": { "dial": ["127.0.0.1:{{linkPort}}"] } },
                  "relays": { "echo": { "listen": ["127.0.0.1:{{port}}"], "target": ["link://{{peer}}/echo"] } }
                }
                """);
            await junction.Line($"link with {peer} is up");
            return new Node(junction, await Loopback.Connect(port));
        }

        public async Task Answers()
        {
            await client.SendAsync("?"u8.ToArray());
            Assert.Equal(1, await client.ReceiveAsync(new byte[1]).Within(Deadline.Soon, "the echo"));
        }

        public async ValueTask DisposeAsync()
        {
            client.Dispose();
            await junction.DisposeAsync();
        }
    }
}
