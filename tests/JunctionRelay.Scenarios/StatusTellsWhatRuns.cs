using System.Text.Json;
using JunctionRelay.Scenarios.Harness;

namespace JunctionRelay.Scenarios;

/// <summary><c>junction status</c> asks the junction of a configuration, over a port or a socket file, and says so with its exit code when none answers.</summary>
public sealed class StatusTellsWhatRuns
{
    /// <summary>Who holds which vendor's licenses, from where, since when, through which junction: at both ends of a link, in the table, in JSON, and in metrics without names.</summary>
    [Fact]
    public async Task Seats_are_told_with_who_holds_them()
    {
        // On the same machine as the junctions, the server needs an address of its own: its vendor port is opened beside it.
        const string Server = "127.0.0.2";
        using var folder = new TemporaryFolder();
        using var authority = new TestCertificates(folder);
        int link = FreePort.Next(), lmgrd = FreePort.Next(), hqAdmin = FreePort.Next(), cloudAdmin = FreePort.Next();
        await using var licenses = await SimulatedLicenses.Start(Server, lmgrd, FreePort.Next(), 3);
        var far = folder.Write("hq.json", $$"""
            {
              "identity": {{authority.Identity("hq")}}, "linkListen": ["127.0.0.1:{{link}}"], "admin": { "listen": "127.0.0.1:{{hqAdmin}}" },
              "services": { "lmgrd": { "target": ["{{Server}}:{{lmgrd}}"], "protocol": "flexlm" } }, "peers": { "cloud": { "services": ["lmgrd"] } }
            }
            """);
        var near = folder.Write("cloud.json", $$"""
            {
              "identity": {{authority.Identity("cloud")}}, "links": { "hq": { "dial": ["127.0.0.1:{{link}}"] } }, "admin": { "listen": "127.0.0.1:{{cloudAdmin}}" },
              "relays": { "lmgrd": { "listen": ["127.0.0.1:{{lmgrd}}"], "target": ["link://hq/lmgrd"], "protocol": "flexlm" } }
            }
            """);
        await using var hq = await JunctionProcess.Start(File.ReadAllText(far));
        await using var cloud = await JunctionProcess.Start(File.ReadAllText(near));
        await cloud.Line("link with hq is up", Deadline.Start);
        var before = TimeProvider.System.GetUtcNow();
        await using var client = RealProgram.Start(
            JunctionProcess.Binary(), ["simulate-client", "--server", $"127.0.0.1:{lmgrd}", "--user", "alice", "--host", "node07", "--count", "2", "--hold"], new ProgramOptions { StopSignal = Signal.Kill });
        await client.Line(l => l == "held", "that its seats are held", Deadline.Start);
        var after = TimeProvider.System.GetUtcNow();

        foreach (var (config, admin, relay, peer) in new[] { (near, cloudAdmin, "lmgrd", null), (far, hqAdmin, "service/lmgrd", "cloud") })
        {
            var seats = Assert.Single((await Json(config)).GetProperty("seats").EnumerateArray());
            Assert.Equal((relay, "demod", 2), (seats.GetProperty("relay").GetString(), seats.GetProperty("vendor").GetString(), seats.GetProperty("held").GetInt32()));
            var holder = Assert.Single(seats.GetProperty("holders").EnumerateArray());
            Assert.Equal(("alice", "node07", 2), (holder.GetProperty("user").GetString(), holder.GetProperty("host").GetString(), holder.GetProperty("held").GetInt32()));
            Assert.Equal(peer, holder.TryGetProperty("peer", out var through) ? through.GetString() : null);
            Assert.InRange(holder.GetProperty("since").GetDateTimeOffset(), before, after);
            var table = await RealProgram.Succeed(JunctionProcess.Binary(), ["status", "-c", config]);
            Assert.Matches($@"(?m)^{relay} +demod +2 *$", table);
            Assert.Matches($@"(?m)^ +2 +alice@node07 +127\.0\.0\.1 +{peer ?? "-"} +[0-9]", table);
            using var http = new HttpClient();
            var metrics = await http.GetStringAsync($"http://127.0.0.1:{admin}/metrics");
            Assert.Contains($"junction_seats{{relay=\"{relay}\",vendor=\"demod\"}} 2\n", metrics, StringComparison.Ordinal);
            Assert.DoesNotContain("alice", metrics, StringComparison.Ordinal);
        }

        client.Input.Close();
        Assert.Contains("returned", (await client.Exit(Deadline.Start)).Output, StringComparison.Ordinal);
        await Deadline.Until(async () => !(await Json(far)).GetProperty("seats").EnumerateArray().Any() && !(await Json(near)).GetProperty("seats").EnumerateArray().Any(), Deadline.Start, "no seat is told");
    }

    [Theory]
    [InlineData("\"listen\": \"127.0.0.1:{0}\"")]
    [InlineData("\"listen\": \"unix:admin.sock\"")]
    [InlineData("\"listen\": \"0.0.0.0:{0}\", \"tokenFile\": \"token\"")]
    [InlineData("\"listen\": \"tls://127.0.0.1:{0}\"")]
    public async Task A_table_for_people_json_for_programs_and_69_for_nobody(string listen)
    {
        using var folder = new TemporaryFolder();
        using var authority = new TestCertificates(folder);
        var files = authority.Issue("cloud");
        folder.Write("token", "0123456789abcdef0123456789abcdef\n");
        await using var echo = LoopbackServer.Echo();
        var port = FreePort.Next();
        var config = folder.Write("cloud.json", $$"""
            {
              "identity": { "certificate": "{{files.Certificate}}", "key": "{{files.Key}}", "trust": "{{authority.Trust}}" },
              "admin": { {{listen.Replace("{0}", $"{FreePort.Next()}", StringComparison.Ordinal)}} },
              "relays": {
                "lic": { "listen": ["127.0.0.1:{{port}}"], "target": ["127.0.0.1:{{echo.Port}}"] },
                "dead": { "listen": ["127.0.0.1:{{FreePort.Next()}}"], "target": ["127.0.0.1:1"] }
              }
            }
            """);
        var nobody = await JunctionProcess.Run("status", "-c", config);
        Assert.Equal((69, ""), (nobody.ExitCode, nobody.Output));
        Assert.StartsWith("junction status: no junction answers at ", nobody.Error, StringComparison.Ordinal);

        await using (var junction = RealProgram.Start(JunctionProcess.Binary(), ["run", config]))
        {
            await junction.Line(l => l.Contains("admin endpoint listens", StringComparison.Ordinal), "that its admin endpoint listens");
            using var client = await Loopback.Connect(port);
            // The first answer of a process takes longest: on a busy machine perhaps longer than somebody who asks waits.
            await Deadline.Until(
                async () => await JunctionProcess.Run("status", "-c", config, "--json") is { ExitCode: 0 } told
                    && JsonDocument.Parse(told.Output).RootElement.GetProperty("connectionCount").GetInt32() == 1,
                Deadline.Start, "the connection is counted");
            var json = await Json(config);
            Assert.Equal("cloud", json.GetProperty("name").GetString());
            Assert.Equal($"{client.LocalEndPoint}", json.GetProperty("connections")[0].GetProperty("client").GetString());

            var table = await RealProgram.Succeed(JunctionProcess.Binary(), ["status", "-c", config]);
            Assert.Matches(@"(?m)^cloud  running ", table);
            Assert.Matches($@"(?m)^● lic +127\.0\.0\.1:{port} +1 ", table);
            Assert.Matches(@"(?m)^○ dead .* 127\.0\.0\.1:1 Connection refused", table);
            Assert.DoesNotContain('\e', table);

            // One relay with a path is enough.
            Assert.Equal(new ProgramResult(0, "", ""), await JunctionProcess.Run("status", "-c", config, "--ready"));
        }

        Assert.Equal(69, (await JunctionProcess.Run("status", "-c", config, "--ready")).ExitCode);

        Assert.Equal(69, (await JunctionProcess.Run("status", "-c", config, "--json")).ExitCode);
    }

    /// <summary>On a terminal of 80 columns (script(1)): it draws, draws again when something has changed, and ends with Ctrl-C, leaving the cursor where people expect it.</summary>
    [Fact]
    public async Task Watch_draws_on_80_columns_updates_and_ends_with_an_interrupt()
    {
        await using var echo = LoopbackServer.Echo();
        using var folder = new TemporaryFolder();
        int port = FreePort.Next(), admin = FreePort.Next();
        var config = folder.Write("junction.json", $$"""
            {
              "name": "cloud", "admin": { "listen": "127.0.0.1:{{admin}}" },
              "relays": {
                "license-servers": { "listen": ["127.0.0.1:{{port}}"], "target": ["127.0.0.1:{{echo.Port}}"], "maxConnections": 1000 },
                "nobody": { "listen": ["127.0.0.1:{{FreePort.Next()}}"], "target": ["127.0.0.1:1"] }
              }
            }
            """);
        await using var junction = RealProgram.Start(JunctionProcess.Binary(), ["run", config]);
        await junction.Line(l => l.Contains("admin endpoint listens", StringComparison.Ordinal), "that its admin endpoint listens");
        await using var watch = RealProgram.Start(
            "script", ["--quiet", "--return", "--command", $"stty cols 80 rows 40; exec '{JunctionProcess.Binary()}' status --watch -c '{config}'", "/dev/null"],
            new ProgramOptions { Environment = new Dictionary<string, string> { ["TERM"] = "xterm", ["COLUMNS"] = "80" } });
        await Shows($@"^0 connections");
        await Shows($@"^● license-servers  127\.0\.0\.1:{port}  0 / 1000  .*127\.0\.0\.1:{echo.Port}$");

        using var client = await Loopback.Connect(port);
        await Shows($@"^1 connections");
        await Shows($@"^● license-servers  127\.0\.0\.1:{port}  1 / 1000  .*127\.0\.0\.1:{echo.Port}$");
        var lines = Screen();
        Assert.All(lines, l => Assert.True(l.Length <= 80, l));
        Assert.Contains(lines, l => l.StartsWith("RELAY", StringComparison.Ordinal) && l.EndsWith("TARGETS", StringComparison.Ordinal));
        Assert.DoesNotContain(lines, l => l.Contains("REFUSED", StringComparison.Ordinal));

        // As the terminal sends it for Ctrl-C.
        await watch.Input.WriteAsync('\x03');
        await watch.Input.FlushAsync();
        var end = await watch.Exit(Deadline.Soon);
        Assert.True(end.ExitCode == 0, end.ToString());
        Assert.EndsWith("\e[?25h", end.Output.TrimEnd(), StringComparison.Ordinal);

        Task Shows(string wanted) => Deadline.Until(() => Screen().Any(l => System.Text.RegularExpressions.Regex.IsMatch(l, wanted)), Deadline.Start, wanted, watch.Said);

        // What it has drawn so far, without what only moves and colors.
        List<string> Screen() => [.. watch.Lines.SelectMany(l => l.Split('\r')).Select(l => System.Text.RegularExpressions.Regex.Replace(l, @"\e\[[0-9;?]*[A-Za-z]", "").TrimEnd())];
    }

    [Fact]
    public async Task Ready_is_69_while_no_relay_has_a_path()
    {
        var port = FreePort.Next();
        using var folder = new TemporaryFolder();
        var config = folder.Write("junction.json", $$"""
            { "admin": { "listen": "127.0.0.1:{{port}}" }, "relays": { "dead": { "listen": ["127.0.0.1:{{FreePort.Next()}}"], "target": ["127.0.0.1:1"] } } }
            """);
        await using var junction = RealProgram.Start(JunctionProcess.Binary(), ["run", config]);
        await junction.Line(l => l.Contains("admin endpoint listens", StringComparison.Ordinal), "that its admin endpoint listens");
        ProgramResult? result = null;
        await Deadline.Until(
            async () => (result = await JunctionProcess.Run("status", "-c", config, "--ready")).Error.Contains("no path", StringComparison.Ordinal), Deadline.Start, "the dead target is found out");
        Assert.Equal(new ProgramResult(69, "", $"junction status: the junction at 127.0.0.1:{port} is not ready: no path: dead\n"), result);
    }

    [Fact]
    public async Task A_configuration_without_an_admin_section_is_told_what_to_add()
    {
        using var folder = new TemporaryFolder();
        var config = folder.Write("junction.json", """{ "relays": { "r": { "listen": ["127.0.0.1:0"], "target": ["127.0.0.1:1"] } } }""");
        var result = await JunctionProcess.Run("status", "-c", config);
        Assert.Equal(69, result.ExitCode);
        Assert.Contains("\"admin\": { \"listen\": \"127.0.0.1:9180\" }", result.Error, StringComparison.Ordinal);
    }

    private static async Task<JsonElement> Json(string config) =>
        JsonDocument.Parse(await RealProgram.Succeed(JunctionProcess.Binary(), ["status", "-c", config, "--json"])).RootElement;
}
