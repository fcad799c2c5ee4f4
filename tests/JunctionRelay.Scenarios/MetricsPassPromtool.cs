using JunctionRelay.Scenarios.Harness;

namespace JunctionRelay.Scenarios;

/// <summary>What a pair at work says at <c>/metrics</c> is what Prometheus expects (its own promtool is the judge), and every promised metric is there.</summary>
public sealed class MetricsPassPromtool
{
    private static readonly string[] Promised =
    [
        "junction_build_info{", "junction_connections_active{relay=\"lic\"} 1", "junction_connections_total{relay=\"lic\",end=\"client-closed\"} 1",
        "junction_bytes_total{relay=\"lic\",direction=\"to_target\"} ", "junction_bytes_total{relay=\"lic\",direction=\"to_client\"} ",
        "junction_connect_seconds_bucket{relay=\"lic\",le=\"+Inf\"} 2", "junction_dial_failures_total{target=\"127.0.0.1:1\",reason=\"dial-refused\"} 1",
        "junction_target_up{target=\"link://enterprise/lic\"} 1", "junction_link_up{link=\"enterprise\"} 1", "junction_link_streams{link=\"enterprise\"} ",
        "junction_link_rtt_seconds{link=\"enterprise\"} ", "junction_link_resumes_total{link=\"enterprise\"} 0",
        "junction_denied_total{relay=\"closed\",rule=\"address-not-allowed\"} 1", "junction_certificate_expiry_timestamp_seconds{kind=\"identity.certificate\"} ",
        "junction_certificate_lifetime_seconds{kind=\"identity.certificate\"} ", "junction_config_reload_success 1",
    ];

    [Fact]
    public async Task Every_promised_metric_is_there_and_promtool_has_nothing_to_say()
    {
        using var folder = new TemporaryFolder();
        using var authority = new TestCertificates(folder);
        await using var echo = LoopbackServer.Echo();
        int link = FreePort.Next(), lic = FreePort.Next(), closed = FreePort.Next(), dead = FreePort.Next(), admin = FreePort.Next(), adminThere = FreePort.Next();
        string Identity(string name)
        {
            var files = authority.Issue(name);
            return $$"""{ "certificate": "{{files.Certificate}}", "key": "{{files.Key}}", "trust": "{{authority.Trust}}" }""";
        }

        await using var enterprise = await JunctionProcess.Start($$"""
            {
              "identity": {{Identity("enterprise")}}, "admin": { "listen": "127.0.0.1:{{adminThere}}" },
              "linkListen": ["127.0.0.1:{{link}}"], "services": { "lic": { "target": ["127.0.0.1:{{echo.Port}}"] } }, "peers": { "cloud": { "services": ["lic"] } }
            }
            """);
        await using var cloud = await JunctionProcess.Start($$"""
            {
              "identity": {{Identity("cloud")}}, "admin": { "listen": "127.0.0.1:{{admin}}" },
              "links": { "enterprise": { "dial": ["127.0.0.1:{{link}}"] } },
              "relays": {
                "lic": { "listen": ["127.0.0.1:{{lic}}"], "target": ["link://enterprise/lic"] },
                "dead": { "listen": ["127.0.0.1:{{dead}}"], "target": ["127.0.0.1:1"], "healthInterval": "0" },
                "closed": { "listen": ["127.0.0.1:{{closed}}"], "target": ["127.0.0.1:1"], "healthInterval": "0", "allow": ["192.0.2.0/24"] }
              }
            }
            """);
        await cloud.Line("link with enterprise is up", Deadline.Start);
        using var stays = await Loopback.Connect(lic);
        await Loopback.EchoThrough(lic, 10_000);
        foreach (var port in new[] { dead, closed })
        {
            using var refused = await Loopback.Connect(port);
            Assert.Equal("reset", await Loopback.HowItEnds(refused, Deadline.Soon));
        }

        var text = "";
        await Deadline.Until(
            async () => Array.TrueForAll(Promised, p => text.Contains($"\n{p}", StringComparison.Ordinal)) || (text = "\n" + await Get(admin, "/metrics")).Length == 0,
            Deadline.Start, "every promised metric", () => string.Join('\n', Promised.Where(p => !text.Contains($"\n{p}", StringComparison.Ordinal))) + text);
        foreach (var metrics in new[] { text[1..], await Get(adminThere, "/metrics") })
        {
            var judged = await RealProgram.Run("promtool", ["check", "metrics"], new ProgramOptions { Input = metrics });
            Assert.True(judged is { ExitCode: 0, Output: "", Error: "" }, $"{judged}\n{metrics}");
        }
    }

    private static async Task<string> Get(int port, string path)
    {
        using var client = new HttpClient();
        return await client.GetStringAsync($"http://127.0.0.1:{port}{path}");
    }
}
