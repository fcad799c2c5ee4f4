using System.Diagnostics;
using System.Text.Json;
using System.Text.RegularExpressions;
using JunctionRelay.Scenarios.Harness;

namespace JunctionRelay.Scenarios;

/// <summary>
/// Fourteen ways in which the path to a license breaks, each set up between machines of their own: <c>junction check</c> names the hop, its exit code says the
/// class, its remedy names what is to be changed, and the words of a FlexNet client name the error that a client there meets at that moment, each within 15 s. Without a fault it
/// finds none, with rights and without.
/// </summary>
public sealed partial class CheckNamesTheHopThatFails
{
    private const int Lmgrd = 27000;
    private const int VendorPort = 41200;
    private const int LinkPort = 8443;
    private const string Junction = "10.94.1.1";
    private const string Enterprise = "10.94.10.2";
    private const string Server = "10.94.9.2";

    // The junction takes a client's connection, and ends it when it hears that it leads nowhere.
    private const string CutOff = "-16: Cannot read data from license server system (or -15: Cannot connect to license server system)";

    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(15);
    private static readonly TimeSpan FarBelowAllInTurn = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan OnABusyMachine = TimeSpan.FromSeconds(60);

    [Theory]
    [InlineData("nothing", "", 0, "", "", "")]
    [InlineData("name missing", "name", 10, "hq.test does not resolve", "/etc/hosts", "-15: Cannot connect to license server system")]
    [InlineData("lmgrd port closed", "dial", 15, "refused", "start the server", CutOff)]
    [InlineData("lmgrd port dropped", "dial", 15, "did not answer", "firewall", CutOff, Traits = [Size.Name, Size.Release])]
    [InlineData("vendor port closed", "vendor-port", 15, "refused", "start the vendor daemon", "-97: The desired vendor daemon is down (or -96, or -16: Cannot read data from license server system)", Traits = [Size.Name, Size.Release])]
    [InlineData("vendor port dropped", "vendor-port", 15, "timed out", "firewall", "-96: License server machine is down or not responding (or -16: Cannot read data from license server system)")]
    [InlineData("redirect to nowhere", "redirect-name", 10, "gone.test does not resolve", "/etc/hosts of this machine: 10.94.1.1 gone.test", "-96: License server machine is down or not responding")]
    [InlineData("link down", "tcp", 11, "10.94.10.2:8443", "look whether the junction runs", "-15: Cannot connect to license server system")]
    [InlineData("certificate expired", "tls", 13, "CN=enterprise", "renew the certificate", "-15: Cannot connect to license server system")]
    [InlineData("wrong authority", "tls", 13, "was issued by \"CN=stranger\"", "trust one authority", "-15: Cannot connect to license server system", Traits = [Size.Name, Size.Release])]
    [InlineData("clock off", "tls", 13, "the clock of this machine", "set the clock", "-15: Cannot connect to license server system")]
    [InlineData("service not allowed", "policy", 14, "\"cloud\" may not use the service \"lmgrd\"", "\"peers\": { \"cloud\": { \"services\": [\"lmgrd\"] } }", CutOff)]
    [InlineData("target down", "dial", 15, "10.94.9.2:27000", "enterprise", CutOff, Traits = [Size.Name, Size.Release])]
    [InlineData("web server instead of lmgrd", "lmgrd", 16, "a web server answers there", "correct the host or the port", "-16: Cannot read data from license server system (or -12: Invalid returned data from license server system)")]
    [InlineData("junction not running", "junction", 69, "10.94.1.1:27000", "start it", "-15: Cannot connect to license server system")]
    public async Task The_hop_its_class_and_what_to_do(string fault, string hop, int exit, string seen, string remedy, string client)
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
            // The simulated daemon holds a seat for whoever says hello, and so for a moment for a check.
            : await SimulatedLicenses.Start(Server, Lmgrd, VendorPort, 3, server, fault == "redirect to nowhere" ? "gone.test" : "lic.test");
        await using var web = fault != "web server instead of lmgrd" ? null
            : RealProgram.Start("python3", ["-m", "http.server", $"{Lmgrd}", "--bind", Server], new ProgramOptions { Host = server, Folder = folder.Path, StopSignal = Signal.Kill });
        if (web is not null) await web.Listening(Lmgrd);
        await BreakAsync(fault, enterprise, server);
        await using var far = fault == "link down" ? null : await JunctionProcess.Start(enterpriseConfig, new ProgramOptions { Host = enterprise });
        await using var near = fault == "junction not running" ? null : await JunctionProcess.Start(File.ReadAllText(config), new ProgramOptions { Host = cloud });

        // In the first moments a junction waits for its links, and its clients with it.
        if (near is not null) await near.Line(fault is "name missing" or "link down" or "certificate expired" or "wrong authority" ? "relay lmgrd refuses connections" : "link with enterprise is up", Deadline.Start);
        var met = fault == "clock off" ? null : ErrorOfClientAsync(node);   // the clock is wrong for the check alone
        var expected = new Expected(hop, exit, seen, remedy, client);
        // From the node, by a user with no rights and no configuration.
        var onNode = new ProgramOptions { Host = node, Folder = "/", Wrapper = Unprivileged };
        if (fault is "nothing" or "redirect to nowhere") await CheckAsync(["check", $"{Lmgrd}@junction.test", "--vendor", "demod", "--json"], onNode, expected);
        if (fault == "name missing") await CheckAsync(["check", $"{Lmgrd}@nowhere.test", "--json"], onNode, new("name", 10, "nowhere.test does not resolve", "/etc/hosts", "-14: Cannot find SERVER hostname in network database"));
        if (fault == "junction not running") await CheckAsync(["check", $"{Lmgrd}@junction.test", "--json"], onNode, new("tcp", 11, Junction, "look whether the junction runs", "-15: Cannot connect to license server system"));
        if (fault != "redirect to nowhere")
        {
            var options = new ProgramOptions { Host = cloud, Wrapper = fault == "clock off" ? ["faketime", "-f", "+900d"] : [] };
            await CheckAsync(["check", "lmgrd", "-c", config, "--json"], options, expected);
        }

        if (met is not null && await met is var error)
            Assert.True(fault == "nothing" ? error is null : error is not null && Code().Matches(client).Any(c => c.Value == error), $"a client met {error ?? "nothing"}, and the check says {client}");
        if (licenses is not null) Assert.Equal(0, await licenses.HeldWithin(0, Deadline.Soon));
    }

    /// <summary>Addresses that drop packets cost together what one of them does: those of a link, the targets of a relay, the servers of a client's list.</summary>
    [Fact]
    public async Task However_many_addresses_are_silent_it_takes_no_longer()
    {
        await using var hosts = await NetworkNamespaces.Create();
        using var folder = new TemporaryFolder();
        var node = await hosts.AddHost("node");
        var cloud = await hosts.AddHost("cloud");
        await NetworkNamespaces.Connect(node, ["10.94.1.2/24"], cloud, [$"{Junction}/24"]);
        int[] silent = [Lmgrd + 1, Lmgrd + 2, Lmgrd + 3, Lmgrd + 4, Lmgrd + 5];
        foreach (var port in silent) await NetworkCuts.Drop(cloud, port);
        using var authority = new TestCertificates(folder);
        var addresses = string.Join(", ", silent.Select(p => $"\"{Junction}:{p}\""));
        var config = folder.Write("node.json", $$"""
            {
              "identity": {{authority.Identity("node")}}, "links": { "enterprise": { "dial": [{{addresses}}] } },
              "relays": {
                "link": { "listen": ["127.0.0.1:{{Lmgrd}}"], "target": ["link://enterprise/lmgrd"], "protocol": "flexlm" },
                "targets": { "listen": ["127.0.0.1:{{Lmgrd + 1}}"], "target": [{{addresses}}], "protocol": "flexlm" }
              }
            }
            """);
        await using var junction = await JunctionProcess.Start(File.ReadAllText(config), new ProgramOptions { Host = node });
        var options = new ProgramOptions { Host = node };
        // Three programs start at once here, beside other scenarios: what counts is that one address after the other would take 25 s.
        await Task.WhenAll(
            CheckAsync(["check", "link", "-c", config, "--json"], options, new("tcp", 12, $"{Junction}:{silent[0]}", "firewall", "-15: Cannot connect to license server system"), silent.Length, FarBelowAllInTurn),
            CheckAsync(["check", "targets", "-c", config, "--json"], options, new("dial", 15, $"{Junction}:{silent[0]}", "firewall", CutOff), silent.Length, FarBelowAllInTurn),
            CheckListAsync());

        async Task CheckListAsync()
        {
            var watch = Stopwatch.StartNew();
            var result = await RealProgram.Run(JunctionProcess.Binary(), ["check", string.Join(':', silent.Select(p => $"{p}@{Junction}"))], options, OnABusyMachine);
            Assert.True(result.ExitCode == 12 && watch.Elapsed < FarBelowAllInTurn, $"it took {watch.Elapsed.TotalSeconds:0.0} s: {result}");
            Assert.Equal(silent.Length, Regex.Count(result.Output, @"(?m)^  warning  tcp .* \([45][0-9]{3}\.[0-9] ms\)$"));
            Assert.Equal(silent.Length, Regex.Count(result.Output, @"(?m)^  FAILED   tcp .* \([45][0-9]{3}\.[0-9] ms\)$"));
        }
    }

    private sealed record Expected(string Hop, int Exit, string Seen, string Remedy, string Client);

    // What the simulated client prints, whose numbers are FlexNet's; null when it held a seat.
    private static async Task<string?> ErrorOfClientAsync(Host node)
    {
        var result = await RealProgram.Run(
            JunctionProcess.Binary(), ["simulate-client", "--server", $"lic.test:{Lmgrd}", "--limit", "12"], new ProgramOptions { Host = node }, OnABusyMachine);
        return result.ExitCode == 0 ? null : Code().Matches(result.Error)[^1].Value;
    }

    [GeneratedRegex(@"-[0-9]+\b")]
    private static partial Regex Code();

    private static string[] Unprivileged => ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "env", "HOME=/nonexistent", $"DOTNET_BUNDLE_EXTRACT_BASE_DIR={Path.GetTempPath()}"];

    private static async Task CheckAsync(string[] arguments, ProgramOptions options, Expected expected, int warnings = 0, TimeSpan? limit = null)
    {
        var watch = Stopwatch.StartNew();
        var result = await RealProgram.Run(JunctionProcess.Binary(), arguments, options, OnABusyMachine);
        watch.Stop();
        Assert.True(result.ExitCode == expected.Exit, $"exit code {expected.Exit} was expected: {result}");
        using var document = JsonDocument.Parse(result.Output);
        var check = document.RootElement.GetProperty("checks").EnumerateArray().Single();
        Assert.Equal(expected.Exit, document.RootElement.GetProperty("exit").GetInt32());
        Assert.True((check.GetProperty("failedAt").GetString() ?? "") == expected.Hop, result.Output);
        var steps = check.GetProperty("steps").EnumerateArray().ToList();
        Assert.All(steps, s => Assert.True(s.GetProperty("milliseconds").GetDouble() >= 0 && s.GetProperty("verdict").GetString() is "ok" or "warning" or "failed" or "skipped", $"{s}"));
        if (expected.Hop.Length > 0)
        {
            var failed = steps.Single(s => s.GetProperty("verdict").GetString() == "failed");
            Assert.Contains(expected.Seen, failed.GetProperty("text").GetString(), StringComparison.OrdinalIgnoreCase);
            Assert.Contains(expected.Remedy, failed.GetProperty("remedy").GetString(), StringComparison.Ordinal);
            Assert.Equal(expected.Client, failed.GetProperty("client").GetString());
        }

        if (warnings > 0) Assert.Equal(warnings, steps.Count(s => s.GetProperty("verdict").GetString() == "warning"));
        Assert.True(watch.Elapsed < (limit ?? Limit), $"it took {watch.Elapsed.TotalSeconds:0.0} s: {result.Output}");
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
