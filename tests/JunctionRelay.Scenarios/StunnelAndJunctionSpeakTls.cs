using JunctionRelay.Scenarios.Harness;

namespace JunctionRelay.Scenarios;

/// <summary>stunnel at either end: as the client of a <c>tls://</c> listener, and as the server of a <c>tls://</c> target, with certificates both ways.</summary>
public sealed class StunnelAndJunctionSpeakTls
{
    private static readonly long Bytes = Scale.Of(ci: 16L << 20, full: 256L << 20);

    [Fact]
    public async Task A_stunnel_client_comes_through_our_tls_listener()
    {
        using var folder = new TemporaryFolder();
        using var authority = new TestCertificates(folder);
        var ours = authority.Issue("junction.test");
        var theirs = authority.Issue("stunnel.test");
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
        await using var stunnel = await Stunnel(folder, clientPort, $"""
            client = yes
            accept = 127.0.0.1:{clientPort}
            connect = 127.0.0.1:{relayPort}
            cert = {theirs.Certificate}
            key = {theirs.Key}
            CAfile = {authority.Trust}
            verifyChain = yes
            checkHost = junction.test
            """);

        await Loopback.EchoThrough(clientPort, Bytes);

        var connection = Assert.Single(await junction.Ended(1));
        Assert.Equal((Bytes, Bytes), (connection.ToTarget, connection.ToClient));
        Assert.Equal("client-closed", connection.Reason);
    }

    [Fact]
    public async Task Our_tls_target_reaches_a_stunnel_server()
    {
        using var folder = new TemporaryFolder();
        using var authority = new TestCertificates(folder);
        var ours = authority.Issue("junction.test");
        var theirs = authority.Issue("stunnel.test");
        await using var echo = LoopbackServer.Echo();
        var serverPort = FreePort.Next();
        var relayPort = FreePort.Next();
        await using var stunnel = await Stunnel(folder, serverPort, $"""
            accept = 127.0.0.1:{serverPort}
            connect = 127.0.0.1:{echo.Port}
            cert = {theirs.Certificate}
            key = {theirs.Key}
            CAfile = {authority.Trust}
            verifyChain = yes
            requireCert = yes
            """);
        await using var junction = await JunctionProcess.Start($$"""
            {
              "relays": {
                "out": {
                  "listen": ["127.0.0.1:{{relayPort}}"], "target": ["tls://127.0.0.1:{{serverPort}}"],
                  "tls": { "certificate": "{{ours.Certificate}}", "key": "{{ours.Key}}", "trust": "{{authority.Trust}}", "serverName": "stunnel.test" }
                }
              }
            }
            """);

        await Loopback.EchoThrough(relayPort, Bytes);

        var connection = Assert.Single(await junction.Ended(1));
        Assert.Equal((Bytes, Bytes), (connection.ToTarget, connection.ToClient));
        Assert.Equal("client-closed", connection.Reason);
    }

    private static async Task<RealProgram> Stunnel(TemporaryFolder folder, int port, string service)
    {
        var config = folder.Write("stunnel.conf", $"foreground = yes\npid =\nsyslog = no\n\n[service]\n{service}\n");
        var stunnel = RealProgram.Start("stunnel", [config]);
        await stunnel.Listening(port);
        return stunnel;
    }
}
