using System.Diagnostics;
using System.Text.Json;
using JunctionRelay.Scenarios.Harness;

namespace JunctionRelay.Scenarios;

/// <summary>
/// Fourteen ways in which the path to a license breaks, each set up between machines of their own: <c>junction check</c> names the hop, its exit code says the
/// class, and its remedy names what is to be changed, each within 15 s. Without a fault it finds none, with rights and without.
/// </summary>
public sealed class CheckNamesTheHopThatFails
{
    private const int Lmgrd = 27000;
    private const int VendorPort = 41200;
    private const int LinkPort = 8443;
    private const string Junction = "10.94.1.1";
    private const string Enterprise = "10.94.10.2";
    private const string Server = "10.94.9.2";

    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(15);

    [Theory]
    [InlineData("nothing", "", 0, "", "")]
    [InlineData("name missing", "name", 10, "hq.test does not resolve", "/etc/hosts")]
    [InlineData("lmgrd port closed", "dial", 15, "refused", "start the server")]
    [InlineData("lmgrd port dropped", "dial", 15, "did not answer", "firewall")]
    [InlineData("vendor port closed", "vendor-port", 15, "refused", "start the vendor daemon")]
    [InlineData("vendor port dropped", "vendor-port", 15, "timed out", "firewall")]
    [InlineData("redirect to nowhere", "redirect-name", 10, "gone.test does not resolve", "/etc/hosts of this machine: 10.94.1.1 gone.test")]
    [InlineData("link down", "tcp", 11, "10.94.10.2:8443", "look whether the junction runs")]
    [InlineData("certificate expired", "tls", 13, "CN=enterprise", "renew the certificate")]
    [InlineData("wrong authority", "tls", 13, "was issued by \"CN=stranger\"", "trust one authority")]
    [InlineData("clock off", "tls", 13, "the clock of this machine", "set the clock")]
    [InlineData("service not allowed", "policy", 14, "\"cloud\" may not use the service \"lmgrd\"", "\"peers\": { \"cloud\": { \"services\": [\"lmgrd\"] } }")]
    [InlineData("target down", "dial", 15, "10.94.9.2:27000", "enterprise")]
    [InlineData("web server instead of lmgrd", "lmgrd", 16, "a web server answers there", "correct the host or the port")]
    [InlineData("junction not running", "junction", 69, "10.94.1.1:27000", "start it")]
    public async Task The_hop_its_class_and_what_to_do(string fault, string hop, int exit, string seen, string remedy)
    {
        await using var hosts = await NetworkNamespaces.Create();
        using var folder = new TemporaryFolder();
        var cloud = await hosts.AddHost("cloud", fault == "name missing" ? "" : $"{Enterprise} hq.test");
        var enterprise = await hosts.AddHost("enterprise");
        var server = await hosts.AddHost("server");
        var node = await hosts.AddHost("node", $"{Junction} junction.test lic.test");
        await NetworkNamespaces.Connect(node, ["10.94.1.2/24"], cloud, [$"{Junction}/24"]);
        await NetworkNamespaces.Connect(cloud, ["10.94.10.1/24"], enterprise, [$"{Enterprise}/24"]);
        await NetworkNamespaces.Connect(enterprise, ["10.94.9.1/24"], server, [$"{Server}/24"]);

        var config = folder.Write("cloud.json", CloudConfig(folder, fault, out var enterpriseConfig));
        await using var licenses = fault is "lmgrd port closed" or "web server instead of lmgrd" ? null
            : await SimulatedLicenses.Start(Server, Lmgrd, VendorPort, 1, server, fault == "redirect to nowhere" ? "gone.test" : "lic.test");
        await using var web = fault != "web server instead of lmgrd" ? null
            : RealProgram.Start("python3", ["-m", "http.server", $"{Lmgrd}", "--bind", Server], new ProgramOptions { Host = server, Folder = folder.Path, StopSignal = Signal.Kill });
        if (web is not null) await web.Listening(Lmgrd);
        await BreakAsync(fault, enterprise, server);
        await using var far = fault == "link down" ? null : await JunctionProcess.Start(enterpriseConfig, new ProgramOptions { Host = enterprise });
        await using var near = fault == "junction not running" ? null : await JunctionProcess.Start(File.ReadAllText(config), new ProgramOptions { Host = cloud });

        if (fault is "nothing" or "redirect to nowhere")
        {
            // From the node, by a user with no rights and no configuration.
            await near!.Line("link with enterprise is up", Deadline.Start);
            await CheckAsync(["check", $"{Lmgrd}@junction.test", "--vendor", "demod", "--json"], new ProgramOptions { Host = node, Folder = "/", Wrapper = Unprivileged }, hop, exit, seen, remedy);
        }

        if (fault == "redirect to nowhere") return;
        var options = new ProgramOptions { Host = cloud, Wrapper = fault == "clock off" ? ["faketime", "-f", "+900d"] : [] };
        await CheckAsync(["check", "lmgrd", "-c", config, "--json"], options, hop, exit, seen, remedy);
        if (licenses is not null) Assert.Equal(0, await licenses.HeldWithin(0, Deadline.Soon));
    }

    private static string[] Unprivileged => ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "env", "HOME=/nonexistent", $"DOTNET_BUNDLE_EXTRACT_BASE_DIR={Path.GetTempPath()}"];

    private static async Task CheckAsync(string[] arguments, ProgramOptions options, string hop, int exit, string seen, string remedy)
    {
        var watch = Stopwatch.StartNew();
        var result = await RealProgram.Run(JunctionProcess.Binary(), arguments, options, within: TimeSpan.FromSeconds(60));
        watch.Stop();
        Assert.True(result.ExitCode == exit, $"exit code {exit} was expected: {result}");
        using var document = JsonDocument.Parse(result.Output);
        var check = document.RootElement.GetProperty("checks").EnumerateArray().Single();
        Assert.Equal(exit, document.RootElement.GetProperty("exit").GetInt32());
        Assert.True((check.GetProperty("failedAt").GetString() ?? "") == hop, result.Output);
        if (hop.Length > 0)
        {
            var failed = check.GetProperty("steps").EnumerateArray().Single(s => s.GetProperty("verdict").GetString() == "failed");
            Assert.Contains(seen, failed.GetProperty("text").GetString(), StringComparison.OrdinalIgnoreCase);
            Assert.Contains(remedy, failed.GetProperty("remedy").GetString(), StringComparison.Ordinal);
        }

        Assert.True(watch.Elapsed < Limit, $"it took {watch.Elapsed.TotalSeconds:0.0} s: {result.Output}");
    }

    private static string CloudConfig(TemporaryFolder folder, string fault, out string enterprise)
    {
        using var authority = new TestCertificates(folder);
        using var stranger = new TestCertificates(folder, "stranger");
        var files = fault switch
        {
            "certificate expired" => authority.Issue("enterprise", expired: true),
            "wrong authority" => stranger.Issue("enterprise"),
            _ => authority.Issue("enterprise"),
        };
        enterprise = $$"""
            {
              "identity": { "certificate": "{{files.Certificate}}", "key": "{{files.Key}}", "trust": "{{authority.Trust}}" },
              "linkListen": ["{{Enterprise}}:{{LinkPort}}"],
              "services": { "lmgrd": { "target": ["{{Server}}:{{Lmgrd}}"], "protocol": "flexlm" }, "other": { "target": ["{{Server}}:1"] } },
              "peers": { "cloud": { "services": ["{{(fault == "service not allowed" ? "other" : "lmgrd")}}"] } }
            }
            """;
        return $$"""
            {
              "identity": {{authority.Identity("cloud")}},
              "links": { "enterprise": { "dial": ["hq.test:{{LinkPort}}"] } },
              "relays": { "lmgrd": { "listen": ["{{Junction}}:{{Lmgrd}}"], "target": ["link://enterprise/lmgrd"], "protocol": "flexlm" } }
            }
            """;
    }

    private static Task BreakAsync(string fault, Host enterprise, Host server) => fault switch
    {
        "lmgrd port dropped" => NetworkCuts.Drop(server, Lmgrd),
        "vendor port dropped" => NetworkCuts.Drop(server, VendorPort),
        "vendor port closed" => NetworkCuts.Reject(server, VendorPort),
        "target down" => NetworkCuts.Unplug(server, enterprise),
        _ => Task.CompletedTask,
    };
}
