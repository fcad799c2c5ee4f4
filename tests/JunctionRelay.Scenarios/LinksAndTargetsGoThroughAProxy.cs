using System.Net.Sockets;
using JunctionRelay.Scenarios.Harness;

namespace JunctionRelay.Scenarios;

/// <summary>
/// A real HTTP proxy (tinyproxy, with a password) on the way out: for a link, for a target, and refused without the password or the port; for a link also by what the
/// environment says.
/// </summary>
public sealed class LinksAndTargetsGoThroughAProxy
{
    private const int Bytes = 4 << 20;

    [Fact]
    public async Task A_link_and_a_target_go_through_tinyproxy()
    {
        using var folder = new TemporaryFolder();
        using var authority = new TestCertificates(folder);
        await using var echo = LoopbackServer.Echo();
        int link = FreePort.Next(), overLink = FreePort.Next(), direct = FreePort.Next(), locked = FreePort.Next(), proxyPort = FreePort.Next();
        await using var proxy = await Tinyproxy(folder, proxyPort, allowed: [link, echo.Port]);
        await using var enterprise = await Enterprise(authority, link, echo.Port);
        var secret = folder.Write("secret", "node:correct-horse\n");
        File.SetUnixFileMode(secret, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        await using var cloud = await JunctionProcess.Start($$"""
            {
              "identity": {{Identity(authority, "cloud")}},
              "links": { "enterprise": { "dial": ["127.0.0.1:{{link}}"], "via": "http://127.0.0.1:{{proxyPort}}", "viaCredentials": "{{secret}}" } },
              "relays": {
                "link":   { "listen": ["127.0.0.1:{{overLink}}"], "target": ["link://enterprise/echo"] },
                "direct": { "listen": ["127.0.0.1:{{direct}}"], "target": ["127.0.0.1:{{echo.Port}}"], "via": "http://127.0.0.1:{{proxyPort}}", "viaCredentials": "{{secret}}", "healthInterval": "0" },
                "locked": { "listen": ["127.0.0.1:{{locked}}"], "target": ["127.0.0.1:{{echo.Port}}"], "via": "http://127.0.0.1:{{proxyPort}}", "healthInterval": "0" }
              }
            }
            """);
        await cloud.Line("link with enterprise is up");

        await Loopback.EchoThrough(overLink, Bytes);
        await Loopback.EchoThrough(direct, Bytes);
        await proxy.Line(l => l.Contains($"CONNECT 127.0.0.1:{link} ", StringComparison.Ordinal), "that the link was asked of the proxy", Deadline.Soon);
        await proxy.Line(l => l.Contains($"CONNECT 127.0.0.1:{echo.Port} ", StringComparison.Ordinal), "that the target was asked of the proxy", Deadline.Soon);

        try
        {
            using var client = await Loopback.Connect(locked);
            await cloud.Line("relay=locked");
        }
        catch (SocketException e) when (e.SocketErrorCode == SocketError.ConnectionReset)
        {
            // Refused before its own system had told it that it was connected.
            await cloud.Line("relay=locked");
        }

        var refused = cloud.Program.Lines.Single(l => l.Contains("relay=locked", StringComparison.Ordinal) && l.Contains(" reason=", StringComparison.Ordinal));
        Assert.Contains("dial-refused", refused, StringComparison.Ordinal);
        Assert.Contains("407", refused, StringComparison.Ordinal);
        Assert.DoesNotContain(cloud.Program.Lines.Concat(enterprise.Program.Lines), l => l.Contains("correct-horse", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_link_goes_where_HTTPS_PROXY_and_NO_PROXY_say()
    {
        using var folder = new TemporaryFolder();
        using var authority = new TestCertificates(folder);
        await using var echo = LoopbackServer.Echo();
        int link = FreePort.Next(), proxyPort = FreePort.Next();
        await using var proxy = await Tinyproxy(folder, proxyPort, allowed: [link]);
        await using var enterprise = await Enterprise(authority, link, echo.Port);
        var identity = Identity(authority, "cloud");

        await Dialled(noProxy: "other.example.com");
        await proxy.Line(l => l.Contains($"CONNECT localhost:{link} ", StringComparison.Ordinal), "that the link was asked of the proxy", Deadline.Soon);
        var asked = Asked();
        await Dialled(noProxy: "other.example.com,localhost");
        Assert.Equal(asked, Asked());

        int Asked() => proxy.Lines.Count(l => l.Contains("CONNECT ", StringComparison.Ordinal));

        async Task Dialled(string noProxy)
        {
            var overLink = FreePort.Next();
            var environment = new Dictionary<string, string> { ["HTTPS_PROXY"] = $"http://node:correct-horse@127.0.0.1:{proxyPort}", ["NO_PROXY"] = noProxy };
            await using var cloud = await JunctionProcess.Start(
                $$"""
                {
                  "identity": {{identity}},
                  "links": { "enterprise": { "dial": ["localhost:{{link}}"] } },
                  "relays": { "link": { "listen": ["127.0.0.1:{{overLink}}"], "target": ["link://enterprise/echo"] } }
                }
                """,
                new ProgramOptions { Environment = environment });
            await cloud.Line("link with enterprise is up");
            await Loopback.EchoThrough(overLink, Bytes);
            Assert.DoesNotContain(cloud.Program.Lines, l => l.Contains("correct-horse", StringComparison.Ordinal));
        }
    }

    private static Task<JunctionProcess> Enterprise(TestCertificates authority, int link, int echo) => JunctionProcess.Start($$"""
        {
          "identity": {{Identity(authority, "enterprise")}},
          "linkListen": ["127.0.0.1:{{link}}"],
          "services": { "echo": { "target": ["127.0.0.1:{{echo}}"] } },
          "peers": { "cloud": { "services": ["echo"] } }
        }
        """);

    private static string Identity(TestCertificates authority, string name)
    {
        var files = authority.Issue(name);
        return $$"""{ "certificate": "{{files.Certificate}}", "key": "{{files.Key}}", "trust": "{{authority.Trust}}" }""";
    }

    private static async Task<RealProgram> Tinyproxy(TemporaryFolder folder, int port, int[] allowed)
    {
        var config = folder.Write("tinyproxy.conf", $"""
            Port {port}
            Listen 127.0.0.1
            Timeout 600
            LogLevel Connect
            MaxClients 50
            BasicAuth node correct-horse
            {string.Join('\n', allowed.Select(p => $"ConnectPort {p}"))}
            """);
        var proxy = RealProgram.Start("tinyproxy", ["-d", "-c", config]);
        await proxy.Listening(port);
        return proxy;
    }
}
