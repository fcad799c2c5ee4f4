using System.Text.Json;
using JunctionRelay.Scenarios.Harness;

namespace JunctionRelay.Scenarios;

/// <summary>A log that goes anywhere but to a terminal is JSON, line by line, also where a client's certificate name or a flood would have it otherwise.</summary>
public sealed class LogIsJsonUnlessPeopleRead
{
    [Fact]
    public async Task Every_line_of_a_piped_log_is_json_and_a_flood_of_strangers_is_few_of_them()
    {
        const int Strangers = 400;
        using var folder = new TemporaryFolder();
        using var authority = new TestCertificates(folder);
        var files = authority.Issue("cloud");
        await using var echo = LoopbackServer.Echo();
        int plain = FreePort.Next(), tls = FreePort.Next();
        var config = folder.Write("junction.json", $$"""
            {
              "identity": { "certificate": "{{files.Certificate}}", "key": "{{files.Key}}", "trust": "{{authority.Trust}}" },
              "relays": {
                "plain": { "listen": ["127.0.0.1:{{plain}}"], "target": ["127.0.0.1:{{echo.Port}}"], "healthInterval": "0" },
                "tls": { "listen": ["tls://127.0.0.1:{{tls}}"], "target": ["127.0.0.1:{{echo.Port}}"], "healthInterval": "0" }
              }
            }
            """);
        await using var junction = RealProgram.Start(JunctionProcess.Binary(), ["run", config]);
        await junction.Line(l => l.Contains("\"event\":\"ready\"", StringComparison.Ordinal), "that it is ready, in JSON");
        await Loopback.EchoThrough(plain, 1000);
        // No TLS at all: turned away, each with a reason, but not each with a line.
        await Task.WhenAll(Enumerable.Range(0, Strangers).Select(async _ =>
        {
            using var stranger = await Loopback.Connect(tls);
            await stranger.SendAsync("GET / HTTP/1.0\r\n\r\n"u8.ToArray());
            await Loopback.HowItEnds(stranger, Deadline.Start);
        }));

        // The count comes with the next line that there is room for.
        await Deadline.Until(async () =>
        {
            using var stranger = await Loopback.Connect(tls);
            await stranger.SendAsync("GET / HTTP/1.0\r\n\r\n"u8.ToArray());
            await Loopback.HowItEnds(stranger, Deadline.Soon);
            return Events(junction).Any(e => e.GetProperty("event").GetString() == "connections-unlisted");
        }, Deadline.Start, "a count of strangers", junction.Said);
        junction.Send(Signal.Term);
        Assert.Equal(0, (await junction.Exit(Deadline.Soon)).ExitCode);
        var ends = Events(junction).Where(e => e.GetProperty("event").GetString() == "connection-ended").ToList();
        var end = ends.Single(e => e.GetProperty("relay").GetString() == "plain");
        Assert.Equal((1000, 1000), (end.GetProperty("toTarget").GetInt32(), end.GetProperty("toClient").GetInt32()));
        Assert.Contains("reason=", end.GetProperty("message").GetString(), StringComparison.Ordinal);
        Assert.InRange(ends.Count(e => e.GetProperty("reason").GetString() == "handshake-failed"), 1, Strangers - 1);
    }

    /// <summary>A terminal (script(1)).</summary>
    [Fact]
    public async Task On_a_terminal_it_is_text()
    {
        using var folder = new TemporaryFolder();
        await using var echo = LoopbackServer.Echo();
        var port = FreePort.Next();
        var config = folder.Write("junction.json", $$"""{ "relays": { "r": { "listen": ["127.0.0.1:{{port}}"], "target": ["127.0.0.1:{{echo.Port}}"] } } }""");
        await using var junction = RealProgram.Start("script", ["--quiet", "--return", "--command", $"exec '{JunctionProcess.Binary()}' run '{config}'", "/dev/null"]);
        var ready = await junction.Line(l => l.Contains("ready", StringComparison.Ordinal), "that it is ready");
        Assert.Matches(@"^\d{4}-\d\d-\d\dT[\d:.]+(Z|[+-]\d\d:\d\d) info  ready: relays 1", ready);
    }

    [Fact]
    public async Task A_word_that_is_no_format_is_a_mistake_of_usage()
    {
        var result = await JunctionProcess.Run("run", "--log-format", "xml");
        Assert.Equal(2, result.ExitCode);
        Assert.Contains("'json'", result.Error, StringComparison.Ordinal);
    }

    private static IEnumerable<JsonElement> Events(RealProgram junction) => junction.Lines.Select(l => JsonDocument.Parse(l).RootElement);
}
