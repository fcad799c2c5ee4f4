using System.Text.Json;
using JunctionRelay.Scenarios.Harness;

namespace JunctionRelay.Scenarios;

/// <summary>
/// <c>junction check</c> takes no way of its own: a link that goes through another one is tried through it, a target behind a proxy through the proxy; and a service
/// that somebody has paused is named, with what lets it go on.
/// </summary>
public sealed class CheckGoesTheRelaysWay
{
    // On the same machine as the junctions, the server needs an address of its own: its vendor port is opened beside it.
    private const string Server = "127.0.0.2";

    private static readonly TimeSpan OnABusyMachine = TimeSpan.FromSeconds(60);

    [Fact]
    public async Task A_link_through_another_is_tried_through_it()
    {
        using var folder = new TemporaryFolder();
        using var authority = new TestCertificates(folder);
        int hqPort = FreePort.Next(), dmzPort = FreePort.Next(), lmgrd = FreePort.Next(), nobody = FreePort.Next(), closed = FreePort.Next();
        await using var licenses = await SimulatedLicenses.Start(Server, lmgrd, FreePort.Next(), 1);
        var far = folder.Write("hq.json", $$"""
            {
              "identity": {{authority.Identity("hq")}}, "linkListen": ["127.0.0.1:{{hqPort}}"], "admin": { "listen": "unix:{{folder["admin.sock"]}}" },
              "services": { "lmgrd": { "target": ["{{Server}}:{{lmgrd}}"], "protocol": "flexlm" }, "off": { "target": ["{{Server}}:{{lmgrd}}"], "paused": true } },
              "peers": { "cloud": { "services": ["*"] } }
            }
            """);
        await using var hq = await JunctionProcess.Start(File.ReadAllText(far));
        // The cloud's junction never dials hq itself: dmz does, as far as its open list permits.
        await using var dmz = await JunctionProcess.Start($$"""
            {
              "identity": {{authority.Identity("dmz")}}, "linkListen": ["127.0.0.1:{{dmzPort}}"],
              "services": { "onward": { "open": ["127.0.0.1:{{hqPort}}", "127.0.0.1:{{nobody}}"] } }, "peers": { "cloud": { "services": ["onward"] } }
            }
            """);
        int[] listens = [lmgrd, FreePort.Next(), FreePort.Next(), FreePort.Next()];
        var config = folder.Write("cloud.json", $$"""
            {
              "identity": {{authority.Identity("cloud")}},
              "links": {
                "dmz":    { "dial": ["127.0.0.1:{{dmzPort}}"] },
                "hq":     { "dial": ["127.0.0.1:{{hqPort}}"], "via": "link://dmz/onward" },
                "gone":   { "dial": ["127.0.0.1:{{nobody}}"], "peer": "hq", "via": "link://dmz/onward" },
                "closed": { "dial": ["127.0.0.1:{{closed}}"], "peer": "hq", "via": "link://dmz/onward" }
              },
              "relays": {
                "lmgrd":  { "listen": ["127.0.0.1:{{listens[0]}}"], "target": ["link://hq/lmgrd"], "protocol": "flexlm" },
                "gone":   { "listen": ["127.0.0.1:{{listens[1]}}"], "target": ["link://gone/lmgrd"] },
                "closed": { "listen": ["127.0.0.1:{{listens[2]}}"], "target": ["link://closed/lmgrd"] },
                "off":    { "listen": ["127.0.0.1:{{listens[3]}}"], "target": ["link://hq/off"] }
              }
            }
            """);
        await using var cloud = await JunctionProcess.Start(File.ReadAllText(config));
        await cloud.Line("link with hq is up", Deadline.Start);

        var whole = await CheckAsync("lmgrd", "-c", config);
        Assert.True(whole.Exit == 0, $"{whole}");
        Assert.Contains(whole.Steps, s => s.Hop == "tcp" && s.Text == $"127.0.0.1:{hqPort} accepts, dialled by dmz");

        var gone = await CheckAsync("gone", "-c", config);
        Assert.Equal((11, "tcp"), (gone.Exit, gone.Steps[^1].Hop));
        Assert.Contains("dmz dials it", gone.Steps[^1].Remedy, StringComparison.Ordinal);

        var closedThere = await CheckAsync("closed", "-c", config);
        Assert.Equal((14, "policy"), (closedThere.Exit, closedThere.Steps[^1].Hop));
        Assert.Contains($"\"open\": [\"127.0.0.1:{closed}\"]", closedThere.Steps[^1].Remedy, StringComparison.Ordinal);

        var paused = await CheckAsync("off", "-c", config);
        Assert.Equal((14, "policy"), (paused.Exit, paused.Steps[^1].Hop));
        Assert.Contains("the service \"off\" is paused", paused.Steps[^1].Text, StringComparison.Ordinal);
        Assert.Contains("on hq, whose people did that on purpose: junction resume off", paused.Steps[^1].Remedy, StringComparison.Ordinal);

        // What somebody switches off while it runs stands in no file, and is seen on both sides all the same.
        await RealProgram.Succeed(JunctionProcess.Binary(), ["pause", "lmgrd", "-c", far]);
        foreach (var (who, found) in new[] { ("this junction", await CheckAsync("lmgrd", "-c", far)), ("hq", await CheckAsync("lmgrd", "-c", config)) })
        {
            Assert.True((found.Exit, found.Steps[^1].Hop) == (14, "policy"), $"{who}: {found}");
            Assert.Contains("the service \"lmgrd\" is paused", found.Steps[^1].Text, StringComparison.Ordinal);
            Assert.Contains($"on {who}, whose people did that on purpose: junction resume lmgrd", found.Steps[^1].Remedy, StringComparison.Ordinal);
        }

        await RealProgram.Succeed(JunctionProcess.Binary(), ["resume", "lmgrd", "-c", far]);
        var resumed = await CheckAsync("lmgrd", "-c", far);
        Assert.True(resumed.Exit == 0, $"{resumed}");
        Assert.Equal(0, await licenses.HeldWithin(0, Deadline.Soon));
    }

    [Fact]
    public async Task A_target_behind_a_proxy_is_tried_through_the_proxy()
    {
        using var folder = new TemporaryFolder();
        await using var echo = LoopbackServer.Echo();
        int proxyPort = FreePort.Next(), open = FreePort.Next(), locked = FreePort.Next();
        await using var proxy = RealProgram.Start("tinyproxy", ["-d", "-c", folder.Write("tinyproxy.conf", $"Port {proxyPort}\nListen 127.0.0.1\nTimeout 600\nLogLevel Connect\nMaxClients 20\nConnectPort {echo.Port}\n")]);
        await proxy.Listening(proxyPort);
        // The name of the second target is known to nobody here, and need not be: the proxy looks it up.
        var config = folder.Write("junction.json", $$"""
            {
              "relays": {
                "open":   { "listen": ["127.0.0.1:{{open}}"], "target": ["127.0.0.1:{{echo.Port}}"], "via": "http://127.0.0.1:{{proxyPort}}", "healthInterval": "0" },
                "locked": { "listen": ["127.0.0.1:{{locked}}"], "target": ["lic1.invalid:{{locked}}"], "via": "http://127.0.0.1:{{proxyPort}}", "healthInterval": "0" }
              },
              "services": { "lmgrd": { "target": ["127.0.0.1:{{echo.Port}}"], "paused": true } }
            }
            """);
        await using var junction = await JunctionProcess.Start(File.ReadAllText(config));

        var through = await CheckAsync("open", "-c", config);
        Assert.True(through.Exit == 0, $"{through}");
        await proxy.Line(l => l.Contains($"CONNECT 127.0.0.1:{echo.Port} ", StringComparison.Ordinal), "that the target was asked of the proxy", Deadline.Soon);

        var refused = await CheckAsync("locked", "-c", config);
        Assert.Equal((15, "dial"), (refused.Exit, refused.Steps[^1].Hop));
        Assert.Contains("403", refused.Steps[^1].Text, StringComparison.Ordinal);
        Assert.Contains($"through the proxy http://127.0.0.1:{proxyPort}", refused.Steps[^1].Remedy, StringComparison.Ordinal);
        Assert.DoesNotContain(refused.Steps, s => s.Text.Contains("does not resolve", StringComparison.Ordinal));

        // The switch is seen where it was turned, too.
        var paused = await CheckAsync("lmgrd", "-c", config);
        Assert.Equal((14, "policy"), (paused.Exit, paused.Steps[^1].Hop));
        Assert.Contains("junction resume lmgrd", paused.Steps[^1].Remedy, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_balancer_s_header_is_said_and_a_service_of_a_relay_s_name_is_looked_at_too()
    {
        using var folder = new TemporaryFolder();
        var lmgrd = FreePort.Next();
        await using var licenses = await SimulatedLicenses.Start(Server, lmgrd, FreePort.Next(), 1, hostName: "localhost");
        var config = folder.Write("junction.json", $$"""
            {
              "relays": { "lmgrd": { "listen": ["127.0.0.1:{{lmgrd}}"], "target": ["{{Server}}:{{lmgrd}}"], "protocol": "flexlm", "proxyFrom": ["127.0.0.0/8"] } },
              "services": { "lmgrd": { "target": ["{{Server}}:{{lmgrd}}"], "protocol": "flexlm", "paused": true }, "other": { "target": ["{{Server}}:{{lmgrd}}"] } }
            }
            """);
        await using var junction = await JunctionProcess.Start(File.ReadAllText(config));
        foreach (var (arguments, names) in new[] { (new[] { "lmgrd" }, new[] { "lmgrd", "service lmgrd" }), ([], ["lmgrd", "service lmgrd", "service other"]) })
        {
            var result = await RealProgram.Run(JunctionProcess.Binary(), ["check", .. arguments, "-c", config, "--json"], within: OnABusyMachine);
            Assert.True(result.ExitCode == 14, $"{result}");
            using var document = JsonDocument.Parse(result.Output);
            var checks = document.RootElement.GetProperty("checks").EnumerateArray().ToList();
            Assert.Equal(names, checks.Select(c => c.GetProperty("name").GetString()));
            Assert.Equal([null, "policy", .. Enumerable.Repeat<string?>(null, names.Length - 2)], checks.Select(c => c.GetProperty("failedAt").GetString()));
            var entrance = checks[0].GetProperty("steps").EnumerateArray().Last();
            Assert.Equal(("relay", $"a client at 127.0.0.1:{lmgrd} gets as far"), (entrance.GetProperty("hop").GetString(), entrance.GetProperty("text").GetString()));
        }
    }

    private sealed record Found(int Exit, IReadOnlyList<(string Hop, string Text, string Remedy)> Steps)
    {
        public override string ToString() => $"exit {Exit}\n{string.Join('\n', Steps)}";
    }

    private static async Task<Found> CheckAsync(params string[] arguments)
    {
        var result = await RealProgram.Run(JunctionProcess.Binary(), ["check", .. arguments, "--json"], within: OnABusyMachine);
        Assert.Equal("", result.Error);
        using var document = JsonDocument.Parse(result.Output);
        return new Found(result.ExitCode, [.. document.RootElement.GetProperty("checks").EnumerateArray().Single().GetProperty("steps").EnumerateArray()
            .Select(s => (s.GetProperty("hop").GetString()!, s.GetProperty("text").GetString()!, s.TryGetProperty("remedy", out var remedy) ? remedy.GetString()! : ""))]);
    }
}
