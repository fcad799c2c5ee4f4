using JunctionRelay.Scenarios.Harness;

namespace JunctionRelay.Scenarios;

/// <summary>A license server moves: its name points to another machine, and the junction's next connection goes there without a restart.</summary>
public sealed class MovedDnsNameIsFollowed
{
    private const int Port = 27000;

    [Fact]
    public async Task The_next_connection_goes_where_the_name_points_now()
    {
        await using var hosts = await NetworkNamespaces.Create();
        var oldHost = await hosts.AddHost("old");
        var newHost = await hosts.AddHost("new");
        var middle = await hosts.AddHost("junction", "10.93.1.2 license.test");
        await NetworkNamespaces.Connect(middle, ["10.93.1.1/24"], oldHost, ["10.93.1.2/24"]);
        await NetworkNamespaces.Connect(middle, ["10.93.2.1/24"], newHost, ["10.93.2.2/24"]);
        await using var oldServer = await Server(oldHost);
        await using var newServer = await Server(newHost);
        await using var junction = await JunctionProcess.Start(
            $$"""
            { "relays": { "license": { "listen": ["127.0.0.1:{{Port}}"], "target": ["license.test:{{Port}}"], "healthInterval": "0" } } }
            """,
            new ProgramOptions { Host = middle });

        await using var longLived = RealProgram.Start("socat", ["-", $"TCP:127.0.0.1:{Port}"], new ProgramOptions { Host = middle });
        await longLived.Line(l => l == "old", "the name of its server");

        NetworkNamespaces.SetNames(middle, "10.93.2.2 license.test");
        Assert.Equal("new", await Ask());

        // Who was connected stays connected.
        await longLived.Input.WriteLineAsync("still here?");
        await longLived.Input.FlushAsync();
        await longLived.Line(l => l == "still here?", "the answer of its old server", Deadline.Soon);

        NetworkNamespaces.SetNames(middle, "10.93.1.2 license.test");
        Assert.Equal("old", await Ask());

        async Task<string> Ask()
        {
            await using var client = RealProgram.Start("socat", ["-", $"TCP:127.0.0.1:{Port}"], new ProgramOptions { Host = middle });
            return await client.Line(l => l is "old" or "new", "the name of its server", Deadline.Soon);
        }
    }

    // Says who it is, then echoes.
    private static async Task<RealProgram> Server(Host host)
    {
        var server = RealProgram.Start("socat", [$"TCP-LISTEN:{Port},fork,reuseaddr", $"SYSTEM:echo {host.Name}; cat"], new ProgramOptions { Host = host });
        await server.Listening(Port);
        return server;
    }
}
