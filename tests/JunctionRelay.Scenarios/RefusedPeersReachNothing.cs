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
    [InlineData("expired", "link", "renew it, or set the clock", "junction_denied_total{relay=\"linkListen\",rule=\"certificate-expired\"}", Traits = [Size.Name, Size.Release])]
    [InlineData("name not allowed", "link", "no entry of peers is about \"mallory\"", "junction_denied_total{relay=\"linkListen\",rule=\"peers\"}")]
    [InlineData("outside range", "link", "no entry of peers is about \"node\" at 127.0.0.1", "junction_denied_total{relay=\"linkListen\",rule=\"peers\"}", Traits = [Size.Name, Size.Release])]
    [InlineData("service not allowed", "link", "may not use the service \"lic\"", "junction_denied_total{relay=\"peers\",rule=\"peers.node\"}")]
    [InlineData("paused", "link", "the service \"lic\" is paused", "junction_denied_total{relay=\"service/lic\",rule=\"paused\"}", Traits = [Size.Name, Size.Release])]
    [InlineData("hook crashes", "link", "ended with 137", "junction_denied_total{relay=\"service/lic\",rule=\"auth\"}")]
    [InlineData("other CA", "reverse link", "CN=stranger", "junction_dial_failures_total{target=\"link://node\",reason=\"dial-certificate-rejected\"}")]
    [InlineData("worker crashes", "link", "ended instead of answering", "junction_denied_total{relay=\"service/lic\",rule=\"auth\"}", Traits = [Size.Name, Size.Release])]
    [InlineData("other CA", "forward -L", "CN=stranger", "junction_denied_total{relay=\"linkListen\",rule=\"certificate-untrusted\"}")]
    [InlineData("service not allowed", "forward -L", "is in no entry of open", "junction_denied_total{relay=\"service/*\",rule=\"open\"}", Traits = [Size.Name, Size.Release])]
    [InlineData("hook denies", "forward -L", "no service with an open list", "junction_denied_total{relay=\"peers\",rule=\"open\"}", Traits = [Size.Name, Size.Release])]
    [InlineData("paused", "forward -D", "no service with an open list", "junction_denied_total{relay=\"peers\",rule=\"open\"}")]
    [InlineData("expired", "exec", "renew it, or set the clock", "junction_denied_total{relay=\"linkListen\",rule=\"certificate-expired\"}")]
    [InlineData("service not allowed", "exec", "may not use the service \"lic\"", "junction_denied_total{relay=\"peers\",rule=\"peers.node\"}", Traits = [Size.Name, Size.Release])]
    [InlineData("hook denies", "exec", "ended with 1", "junction_denied_total{relay=\"service/lic\",rule=\"auth\"}")]
    [InlineData("hook hangs", "reverse link", "did not end within 0.5 s", "junction_denied_total{relay=\"service/lic\",rule=\"auth\"}", Traits = [Size.Name, Size.Release])]
    public async Task Refused_named_and_counted(string offence, string way, string words, string series)
    {
        using var folder = new TemporaryFolder();
        using var authority = new TestCertificates(folder);
        using var stranger = new TestCertificates(folder, "stranger");
        await using var server = LoopbackServer.Echo();
        folder.Write("hook", "#!/bin/sh\n" + offence switch { "hook hangs" => "exec sleep 1000", "hook denies" => "exit 1", "worker crashes" => "read -r asked; kill -9 $$", _ => "kill -9 $$" } + "\n");
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
                  {{(offence.Split(' ')[0] is "hook" or "worker" ? $$""", "auth": { "exec": "{{folder["hook"]}}", "worker": {{(offence == "worker crashes" ? "true" : "false")}}, "timeout": "{{(offence == "hook hangs" ? "500ms" : "20s")}}" }""" : "")}}
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
              "relays": { "lic": { "listen": ["127.0.0.1:{{client}}"], "target": ["link://hq/lic/127.0.0.1:{{server.Port}}"], "hostName": "lic.test" } }
            }
            """;
        var first = await JunctionProcess.Start(isReverse ? nodeConfig : hqConfig);
        await using var firstEnds = first;
        await using IAsyncDisposable? second = way switch
        {
            "link" => await JunctionProcess.Start(nodeConfig),
            "reverse link" => await JunctionProcess.Start(hqConfig),
            "forward -L" => Forward("-L", $"127.0.0.1:{client}:127.0.0.1:{server.Port}"),
            "forward -D" => Forward("-D", $"127.0.0.1:{client}"),
            _ => null,
        };
        var hq = isReverse ? (JunctionProcess)second! : first;
        folder.Write("node.json", nodeConfig);
        // Without a link a relay does not even listen; with one, it does a moment later.
        if (offence is "other CA" or "expired" or "name not allowed" or "outside range")
        {
            var knocking = Knock();
            await hq.Line(words);
            Assert.Contains(await knocking, new[] { "refused", "reset" });
        }
        else
        {
            // The first refusal may be the node's own, which had no link yet.
            await Deadline.Until(
                async () => await Knock() is "reset" or "refused" && hq.Program.Lines.Any(l => l.Contains(words, StringComparison.Ordinal)), Deadline.Start, $"hq says '{words}'", hq.Program.Said);
        }

        var metrics = await RealProgram.Succeed("curl", ["--silent", "--show-error", "--fail", $"http://127.0.0.1:{admin}/metrics"]);
        Assert.True(metrics.Split('\n').Any(l => l.StartsWith(series + " ", StringComparison.Ordinal) && !l.EndsWith(" 0", StringComparison.Ordinal)), $"{series} is not among\n{metrics}");
        Assert.Equal(0, server.Accepted);

        // In ssh's words, with the identity in a directory.
        ForwardProcess Forward(params string[] forward)
        {
            var identity = folder.Folder("identity");
            foreach (var (from, to) in new[] { (shown.Certificate, "junction.crt"), (shown.Key, "junction.key"), (authority.Trust, "ca.crt") })
                File.Copy(from, Path.Combine(identity, to));
            return ForwardProcess.Begin(Host.Machine, ["--identity", identity, .. forward, "-J", $"hq=127.0.0.1:{port}"]);
        }

        async Task<string> Knock()
        {
            if (way is "forward -D" or "exec")
            {
                var job = way == "exec"
                    ? await RealProgram.Run(JunctionProcess.Binary(), ["exec", "-c", folder["node.json"], "--", "python3", "-c", $"import socket; socket.create_connection(('lic.test', {client})).recv(1); print('not reset')"], within: Deadline.Start)
                    : await RealProgram.Run("curl", ["--silent", "--show-error", "--max-time", "20", "--proxy", $"socks5://127.0.0.1:{client}", $"http://127.0.0.1:{server.Port}/"]);
                return job.ExitCode != 0 && job.Output.Length == 0 ? "refused" : job.ToString();
            }

            try
            {
                using var job = await Loopback.Connect(client);
                return await Loopback.HowItEnds(job, Deadline.Start);
            }
            catch (SocketException e) when (e.SocketErrorCode is SocketError.ConnectionRefused or SocketError.ConnectionReset)
            {
                return "refused";
            }
        }
    }
}
