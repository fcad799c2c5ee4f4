using JunctionRelay.Scenarios.Harness;

namespace JunctionRelay.Scenarios;

/// <summary>
/// Two application servers without a way to each other, and a junction that both dial (docs/examples/steering.json): each reaches the service of the other that the junction in the
/// middle permits, both ways at once, and no other.
/// </summary>
public sealed class SteeringJoinsTwoServersThatMayNotTalk
{
    private const int App = 44381;
    private const int Other = 44382;
    private const int Forbidden = 44383;

    [Fact]
    public async Task Both_ways_by_policy()
    {
        using var folder = new TemporaryFolder();
        using var authority = new TestCertificates(folder);
        await using var hosts = await NetworkNamespaces.Create();
        var (first, hub, second) = (await hosts.AddHost("first"), await hosts.AddHost("hub"), await hosts.AddHost("second"));
        await NetworkNamespaces.Connect(first, ["10.96.1.1/24"], hub, ["10.96.1.2/24"]);
        await NetworkNamespaces.Connect(second, ["10.96.2.1/24"], hub, ["10.96.2.2/24"]);
        await using var firstApp = await Serve(first, "first");
        await using var secondApp = await Serve(second, "second");
        await using var steering = await JunctionProcess.Start($$"""
            { "identity": {{authority.Identity("hub")}}, "linkListen": ["10.96.1.2:8443", "10.96.2.2:8443"],
              "services": { "app-first": { "target": ["link://first/app"] }, "app-second": { "target": ["link://second/app"] }, "secret": { "target": ["link://first/app"] } },
              "peers": { "first": { "services": ["app-second"] }, "second": { "services": ["app-first"] } } }
            """, new ProgramOptions { Host = hub });
        await using var firstJunction = await Server(first, "first", "10.96.1.2", "app-second");
        await using var secondJunction = await Server(second, "second", "10.96.2.2", "app-first");
        // Until the junctions have seen that the targets are there, they refuse.
        foreach (var host in new[] { first, second })
            await Deadline.Until(async () => (await Curl(host, $"http://127.0.0.1:{Other}/hello")).ExitCode == 0, Deadline.Start, $"{host.Name} reaches the other's application", steering.Trouble);

        var pages = await Task.WhenAll(ForwardSite.Get(first, $"http://127.0.0.1:{Other}/hello"), ForwardSite.Get(second, $"http://127.0.0.1:{Other}/hello"));
        Assert.Equal(["application of second\n", "application of first\n"], pages);
        // The middle has relayed both, each under the name of the service that it is there.
        await Deadline.Until(() => steering.Connections.Count(c => c.ToClient > 0) == 4, Deadline.Soon, "the middle has relayed all four pages", steering.Program.Said);
        Assert.Equal(["service/app-first", "service/app-second"], steering.Connections.Where(c => c.ToClient > 0).Select(c => c.Relay).Distinct().Order(StringComparer.Ordinal));
        Assert.NotEqual(0, (await Curl(second, $"http://127.0.0.1:{Forbidden}/hello")).ExitCode);
        await steering.Line("reason=not-permitted");
        Assert.NotEqual(0, (await Curl(first, $"http://10.96.2.1:{App}/hello")).ExitCode);

        static Task<ProgramResult> Curl(Host host, string address) => RealProgram.Run("curl", ["--silent", "--max-time", "5", address], new ProgramOptions { Host = host });

        async Task<JunctionProcess> Server(Host host, string name, string dial, string service)
        {
            var junction = await JunctionProcess.Start($$"""
                { "identity": {{authority.Identity(name)}}, "links": { "hub": { "dial": ["{{dial}}:8443"] } },
                  "services": { "app": { "target": ["127.0.0.1:{{App}}"] } }, "peers": { "hub": { "services": ["app"] } },
                  "relays": {
                    "other": { "listen": ["127.0.0.1:{{Other}}"], "target": ["link://hub/{{service}}"] },
                    "forbidden": { "listen": ["127.0.0.1:{{Forbidden}}"], "target": ["link://hub/secret"] } } }
                """, new ProgramOptions { Host = host });
            await junction.Line("link with hub is up");
            return junction;
        }

        async Task<RealProgram> Serve(Host host, string name)
        {
            var pages = folder.Folder($"app-{name}");
            await File.WriteAllTextAsync(Path.Combine(pages, "hello"), $"application of {name}\n");
            var server = RealProgram.Start("python3", ["-m", "http.server", $"{App}", "--bind", "127.0.0.1", "--directory", pages], new ProgramOptions { Host = host });
            await server.Listening(App);
            return server;
        }
    }
}
