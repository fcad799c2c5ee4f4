using JunctionRelay.Scenarios.Harness;

namespace JunctionRelay.Scenarios;

/// <summary>haproxy at either end: as the client of a <c>tls://</c> listener, and as the server of a <c>tls://</c> target, with certificates both ways.</summary>
public sealed class HaproxyAndJunctionSpeakTls
{
    private static readonly long Bytes = Scale.Of(ci: 16L << 20, full: 256L << 20);

    [Fact]
    public async Task A_haproxy_backend_comes_through_our_tls_listener()
    {
        using var folder = new TemporaryFolder();
        using var authority = new TestCertificates(folder);
        var ours = authority.Issue("junction.test");
        var theirs = authority.Issue("haproxy.test");
        await using var echo = LoopbackServer.Echo();
        var relayPort = FreePort.Next();
        var clientPort = FreePort.Next();
        await using var junction = await JunctionProcess.Start($$"""
            {
              "relays": {
                "in": {
                  "listen": ["tls://127.0.0.1:{{relayPort}}"], "target": ["127.0.0.1:{{echo.Port}}"],
                  "tls": { "certificate": "{{ours.Certificate}}", "key": "{{ours.Key}}", "trust": "{{authority.Trust}}", "clientCertificate": "require" }
                }
              }
            }
            """);
        await using var haproxy = await Balancers.Haproxy(folder, clientPort, $"""
              bind 127.0.0.1:{clientPort}
              server junction 127.0.0.1:{relayPort} ssl verify required ca-file {authority.Trust} crt {theirs.Both} sni str(junction.test) verifyhost junction.test
            """);

        await Loopback.EchoThrough(clientPort, Bytes);

        var connection = Assert.Single(await junction.Ended(1));
        Assert.Equal((Bytes, Bytes), (connection.ToTarget, connection.ToClient));
    }

    [Fact]
    public async Task Our_tls_target_reaches_a_haproxy_frontend()
    {
        using var folder = new TemporaryFolder();
        using var authority = new TestCertificates(folder);
        var ours = authority.Issue("junction.test");
        var theirs = authority.Issue("haproxy.test");
        await using var echo = LoopbackServer.Echo();
        var serverPort = FreePort.Next();
        var relayPort = FreePort.Next();
        await using var haproxy = await Balancers.Haproxy(folder, serverPort, $"""
              bind 127.0.0.1:{serverPort} ssl crt {theirs.Both} ca-file {authority.Trust} verify required
              server echo 127.0.0.1:{echo.Port}
            """);
        await using var junction = await JunctionProcess.Start($$"""
            {
              "relays": {
                "out": {
                  "listen": ["127.0.0.1:{{relayPort}}"], "target": ["tls://127.0.0.1:{{serverPort}}"],
                  "tls": { "certificate": "{{ours.Certificate}}", "key": "{{ours.Key}}", "trust": "{{authority.Trust}}", "serverName": "haproxy.test" }
                }
              }
            }
            """);

        await Loopback.EchoThrough(relayPort, Bytes);

        var connection = Assert.Single(await junction.Ended(1));
        Assert.Equal((Bytes, Bytes), (connection.ToTarget, connection.ToClient));
    }
}
