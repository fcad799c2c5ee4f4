using JunctionRelay.Scenarios.Harness;

namespace JunctionRelay.Scenarios;

/// <summary>
/// Two junctions joined by a link, whose configurations and certificates are replaced again and again while clients hold connections and new ones come all the time, over the link, over
/// TLS and without either: none of them notices.
/// </summary>
[Collection(Alone.Name)]
public sealed class ReloadsAndRenewalsTouchNobody(ITestOutputHelper output)
{
    private static readonly int Reloads = Scale.Of(ci: 12, full: 300);
    private static readonly int Renewals = Scale.Of(ci: 2, full: 30);
    private static readonly int Staying = Scale.Of(ci: 150, full: 500);
    private static readonly int NewPerSecond = Scale.Of(ci: 25, full: 50);

    /// <summary>How many of those must really have come: a load that does not come shows nothing. Beside other scenarios a machine may have time for fewer.</summary>
    private static readonly double Share = Scale.Of(ci: 0.5, full: 0.8);

    /// <summary>The longest that anybody may wait for an answer.</summary>
    private static readonly TimeSpan MostWait = Scale.Of(ci: TimeSpan.FromSeconds(10), full: TimeSpan.FromSeconds(5));

    [Fact]
    public async Task No_connection_ends_and_none_is_refused()
    {
        using var folder = new TemporaryFolder();
        var authority = await SiteAuthority.Init(folder);
        await authority.Issue("hq");
        await authority.Issue("cloud");
        await using var echo = LoopbackServer.Echo();
        int plain = FreePort.Next(), linked = FreePort.Next(), secured = FreePort.Next(), between = FreePort.Next(), links = FreePort.Next();
        await using var hq = await JunctionProcess.Start(Hq(0));
        await using var cloud = await JunctionProcess.Start(Cloud(0));
        await cloud.Line("link with hq is up");
        await using var load = await SteadyLoad.Start([plain, linked, secured], Staying, NewPerSecond);

        var renewed = 0;
        for (var reload = 1; reload <= Reloads; reload++)
        {
            // A drop-in comes and goes beside the file.
            if (reload % 10 == 5)
                cloud.WriteDropIn("extra.json", $$"""{ "relays": { "extra": { "listen": ["127.0.0.1:0"], "target": ["127.0.0.1:{{echo.Port}}"] } } }""");
            if (reload % 10 == 8)
                cloud.DeleteDropIn("extra.json");
            await (reload % 3 == 0 ? hq.Reload(Hq(reload)) : cloud.Reload(Cloud(reload)));
            if (renewed < Renewals * reload / Reloads)
                await Renew(++renewed % 2 == 0 ? ("hq", hq) : ("cloud", cloud), (renewed + 1) / 2);
            Assert.Empty(load.Failures);
        }

        await load.End();
        output.WriteLine($"in {load.Elapsed.TotalSeconds:0} s {Reloads} reloads, {renewed} renewals: {load.Exchanges} exchanges of {Staying} clients, {load.Visits} new clients; nobody waited longer than {load.Slowest.TotalMilliseconds:0} ms");
        Assert.Empty(load.Failures);
        Assert.Equal(Renewals, renewed);
        Assert.True(load.Visits >= Share * NewPerSecond * load.Elapsed.TotalSeconds, $"only {load.Visits} new clients came in {load.Elapsed.TotalSeconds:0} s");
        Assert.InRange(load.Slowest, TimeSpan.Zero, MostWait);
        // What was relayed was relayed by these two, and ended by itself.
        await Deadline.Until(() => cloud.Connections.Count >= load.Visits + Staying, Deadline.Soon, "each client has its line");
        Assert.All(cloud.Connections.Concat(hq.Connections), c => Assert.True(c.IsClean, c.Text));
        Assert.Equal(["plain", "linked", "secured"], cloud.Connections.Select(c => c.Relay).Distinct().OrderBy(r => r switch { "plain" => 0, "linked" => 1, _ => 2 }));

        // Each renewal is a new certificate and key in place of the old ones, file by file.
        async Task Renew((string Name, JunctionProcess Junction) whose, int time)
        {
            var fresh = folder[$"{whose.Name}-{time}"];
            await authority.Run("pki", ["issue", whose.Name, "--out", fresh]);
            foreach (var file in Directory.GetFiles(fresh))
                File.Move(file, Path.Combine(folder[whose.Name], Path.GetFileName(file)), overwrite: true);
            await Deadline.Until(() => Replaced(whose.Junction) >= time, Deadline.Start, $"{whose.Name} takes certificate {time}", whose.Junction.Program.Said);
        }

        static int Replaced(JunctionProcess junction) => junction.Program.Lines.Count(l => l.Contains("new certificate from", StringComparison.Ordinal));

        // Of what each reload changes, the clients' own relays are a part: their limits, their targets' deadlines, their link.
        string Cloud(int reload) => $$"""
            {
              "identity": { "directory": "{{folder["cloud"]}}" },
              "links": { "hq": { "dial": ["127.0.0.1:{{links}}"], "resume": "{{60 - (reload / 20)}}s" } },
              "drainTimeout": "{{reload + 1}}h",
              "relays": {
                "plain": { "listen": ["127.0.0.1:{{plain}}"], "target": ["127.0.0.1:{{echo.Port}}"], "maxConnections": {{10_000 + (reload / 2)}} },
                "linked": { "listen": ["127.0.0.1:{{linked}}"], "target": ["link://hq/echo"], "connectTimeout": "{{5 + (reload % 2)}}s" },
                "secured": { "listen": ["127.0.0.1:{{secured}}"], "target": ["tls://127.0.0.1:{{between}}"], "tls": { "serverName": "hq" }, "halfClosedTimeout": "{{50 + (reload % 3)}}s" },
                "comes{{reload}}": { "listen": ["127.0.0.1:0"], "target": ["127.0.0.1:{{echo.Port}}"] }
              }
            }
            """;

        string Hq(int reload) => $$"""
            {
              "identity": { "directory": "{{folder["hq"]}}" },
              "linkListen": ["127.0.0.1:{{links}}"],
              "peers": { "cloud": { "services": ["echo"], "maxStreams": {{5000 + reload}} } },
              "services": { "echo": { "target": ["127.0.0.1:{{echo.Port}}"] }, "other{{reload}}": { "target": ["127.0.0.1:{{echo.Port}}"] } },
              "relays": { "secured": { "listen": ["tls://127.0.0.1:{{between}}"], "target": ["127.0.0.1:{{echo.Port}}"], "idleTimeout": "{{reload + 1}}h" } }
            }
            """;
    }
}
