using JunctionRelay.Scenarios.Harness;

namespace JunctionRelay.Scenarios;

/// <summary>What systemd offers beyond readiness: a watchdog that wants to hear of us, and sockets that were opened before we started.</summary>
public sealed class ServiceManagerIsAnswered
{
    [Fact]
    public async Task The_watchdog_hears_of_a_junction_that_works()
    {
        await using var junction = await JunctionProcess.Start(
            $$"""{ "relays": { "r": { "listen": ["127.0.0.1:{{FreePort.Next()}}"], "target": ["127.0.0.1:1"] } } }""",
            new ProgramOptions { Environment = new Dictionary<string, string> { ["WATCHDOG_USEC"] = "200000" } });
        await Deadline.Until(() => junction.Told.Count(t => t == "WATCHDOG=1") >= 5, Deadline.Start, "five words to the watchdog", () => string.Join('\n', junction.Told));
    }

    [Fact]
    public async Task A_reload_is_told_when_it_begins_and_when_it_is_over_with_what_was_wrong()
    {
        var port = FreePort.Next();
        await using var junction = await JunctionProcess.Start($$"""{ "relays": { "r": { "listen": ["127.0.0.1:{{port}}"], "target": ["127.0.0.1:1"] } } }""");
        await junction.Reload();
        var told = junction.Told.Where(t => !t.StartsWith("WATCHDOG", StringComparison.Ordinal)).Select(t => t.Split('=')[0]).ToList();
        Assert.Equal(["READY", "RELOADING", "MONOTONIC_USEC", "READY", "STATUS"], told);

        junction.Write("{ \"relays\": 1 }");
        junction.Program.Send(Signal.Hup);
        await Deadline.Until(() => junction.Told[^1].StartsWith("STATUS=running the configuration of before: ", StringComparison.Ordinal), Deadline.Soon, "what is wrong is told");
        await junction.Line("is not used; the one before stays in force");
        Assert.Contains(junction.Program.Lines, l => l.Contains("relays", StringComparison.Ordinal) && l.Contains("not used", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Sockets_that_were_opened_for_it_are_used_and_one_that_nobody_wants_is_closed()
    {
        int relay = FreePort.Next(), admin = FreePort.Next(), unwanted = FreePort.Next();
        await using var echo = LoopbackServer.Echo();
        using var folder = new TemporaryFolder();
        var config = folder.Write("junction.json", $$"""
            { "admin": { "listen": "127.0.0.1:{{admin}}" }, "relays": { "r": { "listen": ["127.0.0.1:{{relay}}"], "target": ["127.0.0.1:{{echo.Port}}"] } } }
            """);
        // As systemd does it: bound and listened on beforehand, then handed over from descriptor 3 on. A client comes before there is any junction, and waits.
        var manager = folder.Write("manager.py", $$"""
            import os, socket, sys, time
            sockets = [socket.create_server(("127.0.0.1", port)) for port in ({{relay}}, {{admin}}, {{unwanted}})]
            print("listening", flush=True)
            sys.stdin.readline()
            for i, s in enumerate(sockets): os.dup2(s.fileno(), 20 + i, inheritable=False)
            for i in range(3): os.dup2(20 + i, 3 + i, inheritable=True)
            os.environ["LISTEN_FDS"] = "3"
            os.environ["LISTEN_PID"] = str(os.getpid())
            os.execv(sys.argv[1], sys.argv[1:])
            """);
        await using var junction = RealProgram.Start("python3", [manager, JunctionProcess.Binary(), "run", config, "--log-format", "text"]);
        await junction.Line(l => l == "listening", "that the sockets listen");
        var early = Loopback.EchoThrough(relay, 100_000);
        await junction.Input.WriteLineAsync();
        await junction.Input.FlushAsync();
        await early.Within(Deadline.Start, "the client that came first is served", junction.Said);
        await junction.Line(l => l.Contains($"listens on 127.0.0.1:{unwanted} for us", StringComparison.Ordinal), "that it does not want the third");
        await junction.Line(l => l.Contains($"admin endpoint listens on 127.0.0.1:{admin}", StringComparison.Ordinal), "that the admin endpoint listens");
        using var http = new HttpClient();
        Assert.Equal("ok\n", await http.GetStringAsync($"http://127.0.0.1:{admin}/readyz"));
        await Assert.ThrowsAnyAsync<System.Net.Sockets.SocketException>(() => Loopback.Connect(unwanted));
    }
}
