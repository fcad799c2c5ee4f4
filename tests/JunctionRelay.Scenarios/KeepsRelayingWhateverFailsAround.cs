using System.Globalization;
using System.Text.RegularExpressions;
using JunctionRelay.Scenarios.Harness;

namespace JunctionRelay.Scenarios;

/// <summary>What a junction leans on fails: its log, its admin port, its state directory, the clock, name resolution. It keeps relaying, and says so where there is somebody to hear it.</summary>
public sealed partial class KeepsRelayingWhateverFailsAround
{
    private const string FakeTime = "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1";
    private const int Clients = 50;

    [Theory]
    [InlineData("exec \"$@\" >/dev/full", "the disk of the log is full", "No space left on device")]
    [InlineData("\"$@\" | head -n 1", "nobody reads the log any more", "Broken pipe")]
    public async Task The_log_cannot_be_written(string how, string what, string why)
    {
        await using var echo = LoopbackServer.Echo();
        using var folder = new TemporaryFolder();
        int port = FreePort.Next(), admin = FreePort.Next();
        var config = folder.Write("junction.json", Config(port, echo.Port, $$""", "admin": { "listen": "127.0.0.1:{{admin}}" }"""));
        await using var junction = RealProgram.Start("sh", ["-c", how, "sh", JunctionProcess.Binary(), "run", config]);
        await Deadline.Until(() => Answers(port), Deadline.Start, $"it relays although {what}", junction.Said);
        for (var i = 0; i < Clients; i++)
            await Loopback.EchoThrough(port, 10_000);
        using var http = new HttpClient();
        Assert.Equal("ok\n", await http.GetStringAsync($"http://127.0.0.1:{admin}/readyz"));
        Assert.Contains($"junction_connections_total{{relay=\"r\",end=\"client-closed\"}}", await http.GetStringAsync($"http://127.0.0.1:{admin}/metrics"), StringComparison.Ordinal);
        // Somebody hears of it, if not by the log: the monitoring, and whoever looks.
        await Deadline.Until(
            async () =>
            {
                // One more, in case that the reader has only now gone.
                await Loopback.EchoThrough(port, 100);
                return DroppedLines().Match(await http.GetStringAsync($"http://127.0.0.1:{admin}/metrics")) is { Success: true } dropped && int.Parse(dropped.Groups[1].Value, CultureInfo.InvariantCulture) >= Clients;
            },
            Deadline.Soon, "each line that is missing is counted");
        Assert.Matches($"The log cannot be written: {why}; [0-9]+ lines are missing", (await JunctionProcess.Run("status", "-c", config)).Output);
    }

    [Fact]
    public async Task The_admin_port_is_taken()
    {
        await using var echo = LoopbackServer.Echo();
        var taken = LoopbackServer.Echo();
        int port = FreePort.Next(), admin = taken.Port;
        await using var junction = await JunctionProcess.Start(Config(port, echo.Port, $$""", "admin": { "listen": "127.0.0.1:{{admin}}" }"""));
        await junction.Line($"127.0.0.1:{admin}", Deadline.Start);
        Assert.Contains(junction.Program.Lines, l => l.Contains(" warn ", StringComparison.Ordinal) && l.Contains($"127.0.0.1:{admin}", StringComparison.Ordinal));
        await Loopback.EchoThrough(port, 10_000);
        await taken.DisposeAsync();
        await junction.Line($"admin endpoint listens on 127.0.0.1:{admin}", Deadline.Start);
        await Loopback.EchoThrough(port, 10_000);
    }

    [Fact]
    public async Task The_directory_of_the_configuration_cannot_be_written_to()
    {
        await using var echo = LoopbackServer.Echo();
        using var folder = new TemporaryFolder();
        var port = FreePort.Next();
        var config = folder.Write("junction.json", Config(port, echo.Port));
        File.SetUnixFileMode(folder.Path, UnixFileMode.UserRead | UnixFileMode.UserExecute | UnixFileMode.GroupRead | UnixFileMode.GroupExecute | UnixFileMode.OtherRead | UnixFileMode.OtherExecute);
        // Root may write everywhere: it runs as nobody.
        await using var junction = RealProgram.Start(
            JunctionProcess.Binary(), ["run", config, "--log-format", "text"],
            new ProgramOptions { Wrapper = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"], Folder = folder.Path });
        await junction.Line(l => l.Contains("ready:", StringComparison.Ordinal), "that it is ready");
        await Loopback.EchoThrough(port, 10_000);
        // Also what comes after it needs no file of its own.
        await using var next = RealProgram.Start(
            JunctionProcess.Binary(), ["run", config, "--log-format", "text", "--takeover"],
            new ProgramOptions { Wrapper = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"], Folder = folder.Path });
        await next.Line(l => l.Contains("took over 1 sockets", StringComparison.Ordinal), "that it took over");
        Assert.Equal(0, (await junction.Exit(Deadline.Start)).ExitCode);
        await Loopback.EchoThrough(port, 10_000);
    }

    [Fact]
    public async Task The_identity_directory_cannot_be_written_to()
    {
        await using var echo = LoopbackServer.Echo();
        using var folder = new TemporaryFolder();
        var authority = await SiteAuthority.Init(folder);
        int links = FreePort.Next(), port = FreePort.Next();
        await using var hq = await JunctionProcess.Start($$"""
            {
              "identity": { "directory": "{{await authority.Issue("hq")}}" }, "pki": { "directory": "{{authority.Directory}}", "certificateLifetime": "20s" }, "linkListen": ["127.0.0.1:{{links}}"],
              "services": { "echo": { "target": ["127.0.0.1:{{echo.Port}}"] } }, "peers": { "node-*": { "services": ["echo"] } }
            }
            """);
        await authority.Run("token", ["create", "--name", "node-*", "--out", folder["token"]]);
        await RealProgram.Succeed(JunctionProcess.Binary(), ["enroll", $"127.0.0.1:{links}", "--token-file", folder["token"], "--identity", folder["node"], "--name", "node-1"]);
        // Its files are its own, and the directory is not.
        await RealProgram.Succeed("chown", ["-R", "65534:65534", folder["node"]]);
        await RealProgram.Succeed("chown", ["0:0", folder["node"]]);
        await RealProgram.Succeed("chmod", ["755", folder["node"]]);
        var config = folder.Write("junction.json", $$"""
            {
              "identity": { "directory": "{{folder["node"]}}" }, "links": { "hq": { "dial": ["127.0.0.1:{{links}}"] } },
              "relays": { "echo": { "listen": ["127.0.0.1:{{port}}"], "target": ["link://hq/echo"] } }
            }
            """);
        await using var node = RealProgram.Start(
            JunctionProcess.Binary(), ["run", config, "--log-format", "text"],
            new ProgramOptions { Wrapper = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"], Folder = folder.Path });
        await node.Line(l => l.Contains("link with hq is up", StringComparison.Ordinal), "that its link is up", Deadline.Start);
        await node.Listening(port);
        using var held = await Loopback.Connect(port);
        var pattern = new PatternedBytes(1);
        await pattern.Send(held, 0, 1000);
        await pattern.Receive(held, 0, 1000);

        await authority.Run("pki", ["revoke", "node-99"]);
        await node.Line(l => l.Contains("the deny list cannot be kept", StringComparison.Ordinal), "that the deny list cannot be kept", Deadline.Start);
        await node.Line(l => l.Contains("our renewed certificate is in use, and cannot be written", StringComparison.Ordinal), "that its certificate cannot be written", Deadline.Start);
        await pattern.Send(held, 1000, 2000);
        await pattern.Receive(held, 1000, 2000);
        await Loopback.EchoThrough(port, 10_000);
    }

    /// <summary>A clock that is wrong by a day: what is open goes on, over a link as well, and who comes with a certificate that is not valid by that clock is refused with both dates.</summary>
    [Theory]
    [InlineData("+1d", Traits = [Size.Name, Size.Release])]
    [InlineData("-1d")]
    public async Task The_clock_jumps(string jump)
    {
        Assert.True(File.Exists(FakeTime), $"{FakeTime} is missing: apt-get install faketime");
        await using var echo = LoopbackServer.Echo();
        using var folder = new TemporaryFolder();
        var clock = folder.Write("clock", "+0");
        var authority = await SiteAuthority.Init(folder);
        foreach (var name in new[] { "near", "late" })
            await authority.Issue(name, "--lifetime", "12h");
        int port = FreePort.Next(), linked = FreePort.Next(), links = FreePort.Next();
        await using var junction = await JunctionProcess.Start(
            $$"""
            {
              "identity": { "directory": "{{await authority.Issue("hq")}}" }, "linkListen": ["127.0.0.1:{{links}}"],
              "relays": { "r": { "listen": ["127.0.0.1:{{port}}"], "target": ["127.0.0.1:{{echo.Port}}"] } },
              "services": { "echo": { "target": ["127.0.0.1:{{echo.Port}}"] } }, "peers": { "near": { "services": ["echo"] }, "late": { "services": ["echo"] } }
            }
            """,
            new ProgramOptions
            {
                Environment = new Dictionary<string, string>
                {
                    ["LD_PRELOAD"] = FakeTime,
                    ["FAKETIME_TIMESTAMP_FILE"] = clock,
                    ["FAKETIME_NO_CACHE"] = "1",
                    ["FAKETIME_DONT_FAKE_MONOTONIC"] = "1",
                },
            });
        await using var near = await JunctionProcess.Start(Dialling("near", linked));
        await near.Line("link with hq is up", Deadline.Start);
        await near.Program.Listening(linked);
        await using var load = await SteadyLoad.Start([port, linked], Clients, 20);
        var before = load.Exchanges;
        var today = junction.Program.Lines[^1][..10];
        folder.Write("clock", jump);
        await using var late = await JunctionProcess.Start(Dialling("late", FreePort.Next()));
        await junction.Program.Line(l => l.Contains("refused:", StringComparison.Ordinal) && l.Contains("is valid from", StringComparison.Ordinal), "that the certificate is not valid now", Deadline.Start);
        await Deadline.Until(() => load.Exchanges >= before + (3 * Clients), Deadline.Start, "the clients go on");
        await load.End();
        Assert.Empty(load.Failures);
        await Deadline.Until(() => junction.Connections.Count >= Clients, Deadline.Soon, "each has its line");
        // The jump was one: its log has another day. No connection took a day, or less than no time.
        Assert.Contains(junction.Connections, c => c.Text[..10] != today);
        Assert.All(junction.Connections, c => Assert.True(c.IsClean && !c.Text.Contains("seconds=-", StringComparison.Ordinal) && !c.Text.Contains("seconds=86", StringComparison.Ordinal), c.Text));
        Assert.Contains(junction.Connections, c => c.Relay == "service/echo");
        Assert.DoesNotContain(near.Program.Lines, l => l.Contains("lost its connection", StringComparison.Ordinal));

        string Dialling(string name, int at) => $$"""
            {
              "identity": { "directory": "{{folder[name]}}" }, "links": { "hq": { "dial": ["127.0.0.1:{{links}}"] } },
              "relays": { "linked": { "listen": ["127.0.0.1:{{at}}"], "target": ["link://hq/echo"] } }
            }
            """;
    }

    [Fact]
    public async Task Names_resolve_no_more()
    {
        const int Port = 27000;
        await using var hosts = await NetworkNamespaces.Create();
        var far = await hosts.AddHost("far");
        var middle = await hosts.AddHost("junction", "10.94.1.2 license.test");
        await NetworkNamespaces.Connect(middle, ["10.94.1.1/24"], far, ["10.94.1.2/24"]);
        await using var server = RealProgram.Start("socat", [$"TCP-LISTEN:{Port},fork,reuseaddr", "SYSTEM:echo hello; cat"], new ProgramOptions { Host = far });
        await server.Listening(Port);
        await using var junction = await JunctionProcess.Start(
            $$"""{ "relays": { "r": { "listen": ["127.0.0.1:{{Port}}"], "target": ["license.test:{{Port}}"], "healthInterval": "200ms" } } }""", new ProgramOptions { Host = middle });
        await using var there = Client();
        await there.Line(l => l == "hello", "that it is served");

        NetworkNamespaces.SetNames(middle, "10.94.1.2 another.test");
        await junction.Line("target license.test:27000 is down", Deadline.Start);
        await there.Input.WriteLineAsync("still here?");
        await there.Input.FlushAsync();
        await there.Line(l => l == "still here?", "the answer", Deadline.Soon);

        NetworkNamespaces.SetNames(middle, "10.94.1.2 license.test");
        await junction.Line("relay r takes connections again", Deadline.Start);
        await using var back = Client();
        await back.Line(l => l == "hello", "that it is served again");

        RealProgram Client() => RealProgram.Start("socat", ["-", $"TCP:127.0.0.1:{Port}"], new ProgramOptions { Host = middle });
    }

    /// <summary>A name server that is there and says nothing: packets vanish, as with a firewall between.</summary>
    [Fact]
    public async Task The_name_server_answers_no_more()
    {
        const int Port = 27000;
        await using var hosts = await NetworkNamespaces.Create();
        var far = await hosts.AddHost("far");
        var middle = await hosts.AddHost("junction");
        await NetworkNamespaces.Connect(middle, ["10.94.1.1/24"], far, ["10.94.1.2/24"]);
        NetworkNamespaces.SetNameServer(middle, "10.94.1.2");
        await using var names = RealProgram.Start(
            "dnsmasq", ["--keep-in-foreground", "--conf-file=/dev/null", "--no-resolv", "--no-hosts", "--local=/test/", "--host-record=license.test,10.94.1.2", "--user=root", "--pid-file="],
            new ProgramOptions { Host = far });
        await names.Listening(53);
        await using var server = RealProgram.Start("socat", [$"TCP-LISTEN:{Port},fork,reuseaddr", "SYSTEM:echo hello; cat"], new ProgramOptions { Host = far });
        await server.Listening(Port);
        await using var junction = await JunctionProcess.Start(
            $$"""
            {
              "relays": {
                "r": { "listen": ["127.0.0.1:{{Port}}"], "target": ["license.test:{{Port}}"], "connectTimeout": "1s", "healthInterval": "200ms" },
                "by-address": { "listen": ["127.0.0.1:{{Port + 1}}"], "target": ["10.94.1.2:{{Port}}"] }
              }
            }
            """, new ProgramOptions { Host = middle });
        await using var there = Client();
        await there.Line(l => l == "hello", "that it is served");

        names.Send(Signal.Stop);
        await junction.Line("the name servers did not answer for license.test within 1 s", Deadline.Start);
        await junction.Line("target license.test:27000 is down", Deadline.Start);
        await there.Input.WriteLineAsync("still here?");
        await there.Input.FlushAsync();
        await there.Line(l => l == "still here?", "the answer", Deadline.Soon);

        // Who needs no name is served as ever.
        await using (var another = Client(Port + 1))
            await another.Line(l => l == "hello", "that it is served by address", Deadline.Soon);

        names.Send(Signal.Cont);
        await junction.Line("relay r takes connections again", Deadline.Start);
        await using var back = Client();
        await back.Line(l => l == "hello", "that it is served again");

        RealProgram Client(int port = Port) => RealProgram.Start("socat", ["-", $"TCP:127.0.0.1:{port}"], new ProgramOptions { Host = middle });
    }

    [GeneratedRegex("(?m)^junction_log_dropped_total ([0-9]+)$")]
    private static partial Regex DroppedLines();

    private static string Config(int port, int target, string more = "") =>
        $$"""{ "relays": { "r": { "listen": ["127.0.0.1:{{port}}"], "target": ["127.0.0.1:{{target}}"] } } {{more}} }""";

    private static async Task<bool> Answers(int port)
    {
        try
        {
            (await Loopback.Connect(port)).Dispose();
            return true;
        }
        catch (System.Net.Sockets.SocketException)
        {
            return false;
        }
    }
}
