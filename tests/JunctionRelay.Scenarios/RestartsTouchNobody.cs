using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using JunctionRelay.Scenarios.Harness;

namespace JunctionRelay.Scenarios;

/// <summary>
/// A new process takes the place of the one that runs, again and again, at both ends of a link, while clients hold connections and new ones come all the time: none is refused, none is
/// reset, and each old process ends by itself when its last connection has.
/// </summary>
[Collection(Alone.Name)]
public sealed class RestartsTouchNobody(ITestOutputHelper output)
{
    private static readonly int Restarts = Scale.Of(ci: 3, full: 20);
    private static readonly int UnixRestarts = Scale.Of(ci: 2, full: 20);
    private static readonly int Staying = Scale.Of(ci: 150, full: 500);
    private static readonly int NewPerSecond = Scale.Of(ci: 25, full: 50);

    /// <summary>How many of those must really have come: a load that does not come shows nothing. Beside other scenarios a machine may have time for fewer.</summary>
    private static readonly double Share = Scale.Of(ci: 0.5, full: 0.8);

    /// <summary>The longest that anybody may wait for an answer.</summary>
    private static readonly TimeSpan MostWait = Scale.Of(ci: TimeSpan.FromSeconds(10), full: TimeSpan.FromSeconds(5));

    /// <summary>A process that starts on a busy machine takes its time; nobody waits for it.</summary>
    private static readonly TimeSpan BetweenRestarts = TimeSpan.FromSeconds(1);

    [Fact]
    public async Task No_connection_is_refused_and_none_is_reset()
    {
        using var folder = new TemporaryFolder();
        var authority = await SiteAuthority.Init(folder);
        await authority.Issue("hq");
        await authority.Issue("cloud");
        await using var echo = LoopbackServer.Echo();
        int plain = FreePort.Next(), linked = FreePort.Next(), secured = FreePort.Next(), reverse = FreePort.Next(), between = FreePort.Next(), links = FreePort.Next(), admin = FreePort.Next();
        await using var hq = await JunctionProcess.Start($$"""
            {
              "identity": { "directory": "{{folder["hq"]}}" },
              "linkListen": ["127.0.0.1:{{links}}"],
              "peers": { "cloud": { "services": ["echo"] } },
              "services": { "echo": { "target": ["127.0.0.1:{{echo.Port}}"] } },
              "relays": {
                "secured": { "listen": ["tls://127.0.0.1:{{between}}"], "target": ["127.0.0.1:{{echo.Port}}"] },
                "reverse": { "listen": ["127.0.0.1:{{reverse}}"], "target": ["link://cloud/echo"] }
              }
            }
            """);
        await using var cloud = await JunctionProcess.Start($$"""
            {
              "identity": { "directory": "{{folder["cloud"]}}" },
              "links": { "hq": { "dial": ["127.0.0.1:{{links}}"] } },
              "peers": { "hq": { "services": ["echo"] } },
              "services": { "echo": { "target": ["127.0.0.1:{{echo.Port}}"] } },
              "admin": { "listen": "127.0.0.1:{{admin}}" },
              "relays": {
                "plain": { "listen": ["127.0.0.1:{{plain}}"], "target": ["127.0.0.1:{{echo.Port}}"] },
                "linked": { "listen": ["127.0.0.1:{{linked}}"], "target": ["link://hq/echo"] },
                "secured": { "listen": ["127.0.0.1:{{secured}}"], "target": ["tls://127.0.0.1:{{between}}"], "tls": { "serverName": "hq" } }
              }
            }
            """);
        await cloud.Line("link with hq is up");
        // While there was no link yet, nobody was let in.
        await Deadline.Until(() => Takes(reverse), Deadline.Start, "the way back is open");
        await using var load = await SteadyLoad.Start([plain, linked, secured, reverse], Staying, NewPerSecond);
        using var http = new HttpClient();

        for (var restart = 1; restart <= Restarts; restart++)
        {
            await (restart % 2 == 0 ? hq : cloud).Replace();
            Assert.Equal("ok\n", await http.GetStringAsync($"http://127.0.0.1:{admin}/readyz"));
            await Task.Delay(BetweenRestarts);
            Assert.True(load.Failures.Count == 0, $"restart {restart}: {Trouble()}");
        }

        var old = cloud.Predecessors.Concat(hq.Predecessors).ToList();
        Assert.Equal(Restarts, old.Count);
        await load.End();
        output.WriteLine($"in {load.Elapsed.TotalSeconds:0} s {Restarts} restarts: {load.Exchanges} exchanges of {Staying} clients, {load.Visits} new clients; nobody waited longer than {load.Slowest.TotalMilliseconds:0} ms");
        Assert.True(load.Failures.Count == 0, Trouble());
        Assert.True(load.Visits >= Share * NewPerSecond * load.Elapsed.TotalSeconds, $"only {load.Visits} new clients came in {load.Elapsed.TotalSeconds:0} s");
        Assert.InRange(load.Slowest, TimeSpan.Zero, MostWait);
        foreach (var process in old)
            Assert.Equal(0, (await process.Exit(Deadline.Start)).ExitCode);
        Assert.All(cloud.Connections.Concat(hq.Connections), c => Assert.True(c.IsClean, c.Text));
        // Each of them served somebody: nobody stood idle beside the one that did.
        Assert.All(old, p => Assert.Contains(p.Lines, l => ConnectionLine.Parse(l) is { IsClean: true }));

        string Trouble() => $"{string.Join('\n', load.Failures)}\ncloud:\n{cloud.Trouble()}\nhq:\n{hq.Trouble()}";

        static async Task<bool> Takes(int port)
        {
            try
            {
                (await Loopback.Connect(port)).Dispose();
                return true;
            }
            catch (SocketException)
            {
                return false;
            }
        }
    }

    /// <summary>Also when the process that made their files has ended; and whether its successor has begun to serve, or is itself about to be replaced.</summary>
    [Fact]
    public async Task Unix_sockets_are_answered_by_the_newest_process()
    {
        await using var echo = LoopbackServer.Echo();
        using var folder = new TemporaryFolder();
        UnixDomainSocketEndPoint admin = new(folder["admin.sock"]), relay = new(folder["relay.sock"]);
        var config = folder.Write("junction.json", $$"""
            { "admin": { "listen": "unix:{{admin}}" }, "relays": { "r": { "listen": ["unix:{{relay}}"], "target": ["127.0.0.1:{{echo.Port}}"] } } }
            """);
        await using var junction = await JunctionProcess.Start(File.ReadAllText(config));
        using var over = new CancellationTokenSource();
        await Deadline.Until(() => File.Exists(admin.ToString()), Deadline.Soon, "the admin endpoint is there", junction.Program.Said);
        var asking = AskAllTheTime(admin, over.Token);
        for (var restart = 1; restart <= UnixRestarts; restart++)
        {
            await junction.Replace();
            // Every second time there is another process at once, and the one between has hardly begun.
            if (restart % 2 == 0) await junction.Replace();
            foreach (var old in junction.Predecessors)
                Assert.Equal(0, (await old.Exit(Deadline.Start)).ExitCode);
            var status = await JunctionProcess.Run("status", "-c", config, "--json");
            Assert.True(status.ExitCode == 0, status.ToString());
            Assert.Contains($"\"process\":{junction.Program.ProcessId},", status.Output, StringComparison.Ordinal);
            using var client = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
            await client.ConnectAsync(relay);
            var pattern = new PatternedBytes(restart);
            await pattern.Send(client, 0, 1000);
            await pattern.Receive(client, 0, 1000);
        }

        await over.CancelAsync();
        var (questions, slowest) = await asking;
        output.WriteLine($"{junction.Predecessors.Count} restarts, {questions} questions over the unix socket, the slowest answered after {slowest.TotalMilliseconds:0} ms");
        Assert.InRange(slowest, TimeSpan.Zero, MostWait);
    }

    // How often, and the longest that it took until an answer came, of whichever process.
    private static async Task<(int Questions, TimeSpan Slowest)> AskAllTheTime(EndPoint admin, CancellationToken until)
    {
        var (questions, slowest) = (0, TimeSpan.Zero);
        for (var watch = Stopwatch.StartNew(); !until.IsCancellationRequested; await Task.Delay(5, CancellationToken.None))
        {
            if (!await Answers()) continue;
            questions++;
            slowest = watch.Elapsed > slowest ? watch.Elapsed : slowest;
            watch.Restart();
        }

        return (questions, slowest);

        async Task<bool> Answers()
        {
            try
            {
                using var client = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
                await client.ConnectAsync(admin, CancellationToken.None);
                await client.SendAsync("GET /status HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"u8.ToArray());
                var answer = new byte[15];
                return await client.ReceiveAsync(answer).WaitAsync(MostWait, CancellationToken.None) == answer.Length && answer.AsSpan().SequenceEqual("HTTP/1.1 200 OK"u8);
            }
            catch (SocketException)
            {
                // A process that hands over closes whom it has not answered yet; refused would show in the time that it takes.
                return false;
            }
        }
    }

    [Fact]
    public async Task Who_cannot_start_takes_nothing_away()
    {
        await using var echo = LoopbackServer.Echo();
        await using var taken = LoopbackServer.Echo();
        using var folder = new TemporaryFolder();
        var port = FreePort.Next();
        var config = folder.Write("junction.json", Config(""));
        await using var junction = RealProgram.Start(JunctionProcess.Binary(), ["run", config, "--log-format", "text"]);
        await junction.Line(l => l.Contains("ready:", StringComparison.Ordinal), "that it is ready");

        folder.Write("junction.json", Config($$""", "blocked": { "listen": ["127.0.0.1:{{taken.Port}}"], "target": ["127.0.0.1:1"] }"""));
        var blocked = await JunctionProcess.Run("run", config, "--takeover");
        Assert.True(blocked.ExitCode == 69, blocked.ToString());
        Assert.Contains("relays.blocked.listen", blocked.Error, StringComparison.Ordinal);
        await junction.Line(l => l.Contains("was to take over and did not", StringComparison.Ordinal), "that it serves on");
        await Loopback.EchoThrough(port, 10_000);

        folder.Write("junction.json", "{ }");
        Assert.Equal(78, (await JunctionProcess.Run("run", config, "--takeover")).ExitCode);
        await Loopback.EchoThrough(port, 10_000);

        string Config(string more) => $$"""{ "relays": { "r": { "listen": ["127.0.0.1:{{port}}"], "target": ["127.0.0.1:{{echo.Port}}"] } {{more}} } }""";
    }

    [Fact]
    public async Task USR2_starts_the_next_process_and_the_service_manager_watches_that_one()
    {
        await using var echo = LoopbackServer.Echo();
        var port = FreePort.Next();
        await using var junction = await JunctionProcess.Start($$"""{ "relays": { "r": { "listen": ["127.0.0.1:{{port}}"], "target": ["127.0.0.1:{{echo.Port}}"] } } }""");
        using var client = await Loopback.Connect(port);
        var pattern = new PatternedBytes(1);
        await pattern.Send(client, 0, 1000);
        await pattern.Receive(client, 0, 1000);

        junction.Program.Send(Signal.Usr2);
        await Deadline.Until(() => junction.Told.Any(t => t.StartsWith("MAINPID=", StringComparison.Ordinal)), Deadline.Start, "the service manager is told of the next process", junction.Program.Said);
        var successor = int.Parse(junction.Told.Single(t => t.StartsWith("MAINPID=", StringComparison.Ordinal))[8..], System.Globalization.CultureInfo.InvariantCulture);
        // A message of its own, right behind.
        await Deadline.Until(() => junction.Told.Count(t => t == "READY=1") == 2, Deadline.Soon, "… and that it is ready", junction.Program.Said);
        Assert.DoesNotContain("STOPPING=1", junction.Told);
        await Loopback.EchoThrough(port, 10_000);

        await pattern.Send(client, 1000, 2000);
        await pattern.Receive(client, 1000, 2000);
        client.Shutdown(SocketShutdown.Send);
        await PatternedBytes.End(client);
        await Deadline.Until(() => junction.Program.HasExited, Deadline.Soon, "the first process ends by itself", junction.Program.Said);
        await Loopback.EchoThrough(port, 10_000);
        Assert.DoesNotContain("STOPPING=1", junction.Told);
        RealProgram.Send(successor, Signal.Term);
        await Deadline.Until(() => junction.Told.Contains("STOPPING=1"), Deadline.Soon, "the next process is the one that is watched");
    }
}
