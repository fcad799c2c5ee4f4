using System.Net.Sockets;
using JunctionRelay.Scenarios.Harness;

namespace JunctionRelay.Scenarios;

/// <summary>
/// A sample of the matrix of refusals (unit tests have all of it) with the published program on both sides: each refusal is a line in the log and a number among the metrics of the
/// junction that refused, and the license server counts no connection.
/// </summary>
public sealed class RefusedPeersReachNothing
{
    [Theory]
    [InlineData("other CA", "link", "CN=stranger", "junction_denied_total{relay=\"linkListen\",rule=\"certificate-untrusted\"}")]
    [InlineData("expired", "link", "renew it, or set the clock", "junction_denied_total{relay=\"linkListen\",rule=\"certificate-expired\"}")]
    [InlineData("name not allowed", "link", "no entry of peers is about \"mallory\"", "junction_denied_total{relay=\"linkListen\",rule=\"peers\"}")]
    [InlineData("outside range", "link", "no entry of peers is about \"node\" at 127.0.0.1", "junction_denied_total{relay=\"linkListen\",rule=\"peers\"}")]
    [InlineData("service not allowed", "link", "may not use the service \"lic\"", "junction_denied_total{relay=\"peers\",rule=\"peers.node\"}")]
    [InlineData("paused", "link", "the service \"lic\" is paused", "junction_denied_total{relay=\"service/lic\",rule=\"paused\"}")]
    [InlineData("hook crashes", "link", "ended with 137", "junction_denied_total{relay=\"service/lic\",rule=\"auth\"}")]
    [InlineData("other CA", "reverse link", "CN=stranger", "junction_dial_failures_total{target=\"link://node\",reason=\"dial-certificate-rejected\"}")]
    [InlineData("hook hangs", "reverse link", "did not end within 0.5 s", "junction_denied_total{relay=\"service/lic\",rule=\"auth\"}")]
    public async Task Refused_named_and_counted(string offence, string way, string words, string series)
    {
        using var folder = new TemporaryFolder();
        using var authority = new TestCertificates(folder);
        using var stranger = new TestCertificates(folder, "stranger");
        await using var server = LoopbackServer.Echo();
        folder.Write("hook", offence == "hook hangs" ? "#!/bin/sh\nexec sleep 1000\n" : "#!/bin/sh\nkill -9 $$\n");
        File.SetUnixFileMode(folder["hook"], UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        var (port, client, admin) = (FreePort.Next(), FreePort.Next(), FreePort.Next());
        var isReverse = way == "reverse link";
        string Ends(bool dials, string name) => dials ? $$""" "links": { "{{name}}": { "dial": ["127.0.0.1:{{port}}"] } } """ : $$""" "linkListen": ["127.0.0.1:{{port}}"] """;

        // The service has an open list, which nobody probes: each connection that the server counts was dialled for somebody.
        var hqConfig = $$"""
            {
              "identity": {{authority.Identity("hq")}}, {{Ends(isReverse, "node")}}, "admin": { "listen": "127.0.0.1:{{admin}}" },
              "peers": { "node": { "services": ["{{(offence == "service not allowed" ? "other" : "lic")}}"] {{(offence == "outside range" ? """, "from": ["10.0.0.0/8"]""" : "")}} } },
              "services": {
                "lic": {
                  "open": ["127.0.0.1:{{server.Port}}"], "paused": {{(offence == "paused" ? "true" : "false")}}
                  {{(offence.StartsWith("hook", StringComparison.Ordinal) ? $$""", "auth": { "exec": "{{folder["hook"]}}", "timeout": "{{(offence == "hook hangs" ? "500ms" : "20s")}}" }""" : "")}}
                },
                "other": { "open": ["127.0.0.1:1"] }
              }
            }
            """;
        var shown = offence switch { "other CA" => stranger.Issue("node"), "expired" => authority.Issue("node", expired: true), "name not allowed" => authority.Issue("mallory"), _ => authority.Issue("node") };
        var nodeConfig = $$"""
            {
              "name": "node", "identity": { "certificate": "{{shown.Certificate}}", "key": "{{shown.Key}}", "trust": "{{authority.Trust}}" },
              {{Ends(!isReverse, "hq")}}{{(isReverse ? """, "peers": { "hq": { "services": [] } }""" : "")}},
              "relays": { "lic": { "listen": ["127.0.0.1:{{client}}"], "target": ["link://hq/lic/127.0.0.1:{{server.Port}}"] } }
            }
            """;
        await using var first = await JunctionProcess.Start(isReverse ? nodeConfig : hqConfig);
        await using var second = await JunctionProcess.Start(isReverse ? hqConfig : nodeConfig);
        var (hq, node) = isReverse ? (second, first) : (first, second);
        // Without a link the relay does not even listen; with one, it does a moment later.
        if (offence is "other CA" or "expired" or "name not allowed" or "outside range")
        {
            await hq.Line(words);
            Assert.Contains(await Knock(), new[] { "refused", "reset" });
        }
        else
        {
            // The first reset may be the node's own, which had no link yet.
            await Deadline.Until(
                async () => await Knock() == "reset" && hq.Program.Lines.Any(l => l.Contains(words, StringComparison.Ordinal)), Deadline.Start, $"hq says '{words}'", hq.Program.Said);
        }

        var metrics = await RealProgram.Succeed("curl", ["--silent", "--show-error", "--fail", $"http://127.0.0.1:{admin}/metrics"]);
        Assert.True(metrics.Split('\n').Any(l => l.StartsWith(series + " ", StringComparison.Ordinal) && !l.EndsWith(" 0", StringComparison.Ordinal)), $"{series} is not among\n{metrics}");
        Assert.Equal(0, server.Accepted);

        async Task<string> Knock()
        {
            try
            {
                using var job = await Loopback.Connect(client);
                return await Loopback.HowItEnds(job, Deadline.Start);
            }
            catch (SocketException e) when (e.SocketErrorCode == SocketError.ConnectionRefused)
            {
                return "refused";
            }
        }
    }
}
