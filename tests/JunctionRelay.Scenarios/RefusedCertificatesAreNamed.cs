using JunctionRelay.Scenarios.Harness;

namespace JunctionRelay.Scenarios;

/// <summary>
/// Whoever proves nothing gets nothing, on either side of a relay, and the log says which certificate it was and what is wrong with it. Nothing
/// is dialled for a stranger.
/// </summary>
public sealed class RefusedCertificatesAreNamed
{
    [Theory]
    [InlineData("no certificate", "certificate-missing", "sent no certificate")]
    [InlineData("expired", "certificate-expired", "CN=client.test")]
    [InlineData("other authority", "certificate-untrusted", "CN=stranger")]
    [InlineData("TLS 1.2", "handshake-failed", "minVersion")]
    public async Task A_client_is_refused(string offence, string reason, string words)
    {
        using var folder = new TemporaryFolder();
        using var authority = new TestCertificates(folder);
        using var stranger = new TestCertificates(folder, "stranger");
        var ours = authority.Issue("junction.test");
        await using var server = LoopbackServer.Echo();
        var relayPort = FreePort.Next();
        await using var junction = await JunctionProcess.Start($$"""
            {
              "relays": {
                "in": {
                  "listen": ["tls://127.0.0.1:{{relayPort}}"], "target": ["127.0.0.1:{{server.Port}}"], "healthInterval": "0",
                  "tls": { "certificate": "{{ours.Certificate}}", "key": "{{ours.Key}}", "trust": "{{authority.Trust}}", "clientCertificate": "require" }
                }
              }
            }
            """);

        var shown = offence switch
        {
            "expired" => authority.Issue("client.test", expired: true),
            "other authority" => stranger.Issue("client.test"),
            _ => authority.Issue("client.test"),
        };
        string[] certificate = offence == "no certificate" ? [] : ["-cert", shown.Certificate, "-key", shown.Key];
        string[] version = offence == "TLS 1.2" ? ["-tls1_2"] : [];
        await using var client = RealProgram.Start("openssl", ["s_client", "-connect", $"127.0.0.1:{relayPort}", "-quiet", .. certificate, .. version]);

        var connection = Assert.Single(await junction.Ended(1));
        Assert.Equal(("in", reason), (connection.Relay, connection.Reason));
        Assert.True(connection.Text.Contains(words, StringComparison.Ordinal), $"A person wants to read '{words}' here: {connection.Text}");
        var result = await client.Exit(Deadline.Soon);
        Assert.True(result.ExitCode != 0, $"openssl must see that it was refused: {result}");
        Assert.Equal(0, server.Accepted);
    }

    [Theory]
    [InlineData("expired", "dial-certificate-rejected", "CN=server.test")]
    [InlineData("other name", "dial-certificate-rejected", "other.test")]
    [InlineData("other authority", "dial-certificate-rejected", "CN=stranger")]
    [InlineData("TLS 1.2", "dial-handshake-failed", "minVersion")]
    public async Task A_target_is_refused(string offence, string reason, string words)
    {
        using var folder = new TemporaryFolder();
        using var authority = new TestCertificates(folder);
        using var stranger = new TestCertificates(folder, "stranger");
        var shown = offence switch
        {
            "expired" => authority.Issue("server.test", expired: true),
            "other name" => authority.Issue("other.test"),
            "other authority" => stranger.Issue("server.test"),
            _ => authority.Issue("server.test"),
        };
        var serverPort = FreePort.Next();
        var relayPort = FreePort.Next();
        string[] version = offence == "TLS 1.2" ? ["-tls1_2"] : [];
        await using var server = RealProgram.Start(
            "openssl", ["s_server", "-accept", $"127.0.0.1:{serverPort}", "-cert", shown.Certificate, "-key", shown.Key, "-quiet", .. version]);
        await server.Listening(serverPort);
        await using var junction = await JunctionProcess.Start($$"""
            {
              "relays": {
                "out": {
                  "listen": ["127.0.0.1:{{relayPort}}"], "target": ["tls://127.0.0.1:{{serverPort}}"], "healthInterval": "0",
                  "tls": { "trust": "{{authority.Trust}}", "serverName": "server.test" }
                }
              }
            }
            """);

        using var client = await Loopback.Connect(relayPort);
        Assert.Equal("reset", await Loopback.HowItEnds(client, Deadline.Soon));

        var connection = Assert.Single(await junction.Ended(1));
        Assert.Equal(("out", reason), (connection.Relay, connection.Reason));
        Assert.True(connection.Text.Contains(words, StringComparison.Ordinal), $"A person wants to read '{words}' here: {connection.Text}");
        Assert.Contains($"127.0.0.1:{serverPort}", connection.Text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_target_is_judged_by_the_systems_store_where_no_authority_is_named(bool isKnown)
    {
        using var folder = new TemporaryFolder();
        using var authority = new TestCertificates(folder);
        var shown = authority.Issue("server.test");
        var serverPort = FreePort.Next();
        var relayPort = FreePort.Next();
        await using var server = RealProgram.Start("openssl", ["s_server", "-accept", $"127.0.0.1:{serverPort}", "-cert", shown.Certificate, "-key", shown.Key, "-quiet"]);
        await server.Listening(serverPort);
        await using var junction = await JunctionProcess.Start(
            To(serverPort, relayPort, "\"serverName\": \"server.test\""),
            // Where OpenSSL and .NET look for the system's store.
            new ProgramOptions { Environment = isKnown ? new Dictionary<string, string> { ["SSL_CERT_FILE"] = authority.Trust } : [] });

        using var client = await Loopback.Connect(relayPort);
        if (isKnown)
        {
            await client.SendAsync("through\n"u8.ToArray());
            await server.Line(l => l == "through", "what the client sent");
            return;
        }

        Assert.Equal("reset", await Loopback.HowItEnds(client, Deadline.Soon));
        var connection = Assert.Single(await junction.Ended(1));
        Assert.Equal("dial-certificate-rejected", connection.Reason);
        Assert.Contains("no authority in the system's store", connection.Text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("no certificate", "certificate required")]
    [InlineData("a stranger's", "unknown ca")]
    public async Task Our_own_is_refused_by_a_target(string offence, string alert)
    {
        using var folder = new TemporaryFolder();
        using var authority = new TestCertificates(folder);
        using var stranger = new TestCertificates(folder, "stranger");
        var shown = authority.Issue("server.test");
        var ours = stranger.Issue("client.test");
        var serverPort = FreePort.Next();
        var relayPort = FreePort.Next();
        await using var server = RealProgram.Start(
            "openssl",
            [
                "s_server", "-accept", $"127.0.0.1:{serverPort}", "-cert", shown.Certificate, "-key", shown.Key, "-quiet",
                "-Verify", "1", "-verify_return_error", "-CAfile", authority.Trust,
            ]);
        await server.Listening(serverPort);
        var certificate = offence == "no certificate" ? "" : $", \"certificate\": \"{ours.Certificate}\", \"key\": \"{ours.Key}\"";
        await using var junction = await JunctionProcess.Start(To(serverPort, relayPort, $"\"trust\": \"{authority.Trust}\", \"serverName\": \"server.test\"{certificate}"));

        using var client = await Loopback.Connect(relayPort);
        Assert.Equal("reset", await Loopback.HowItEnds(client, Deadline.Soon));
        var connection = Assert.Single(await junction.Ended(1));
        Assert.Equal("dial-handshake-failed", connection.Reason);
        var words = $"the target refused our certificate, or wants one: set tls.certificate and tls.key to one that it trusts (alert: {alert})";
        Assert.True(connection.Text.Contains(words, StringComparison.Ordinal), $"A person wants to read '{words}' here: {connection.Text}");
    }

    // A relay to openssl's server, with this in its "tls".
    private static string To(int serverPort, int relayPort, string tls) => $$"""
        { "relays": { "out": { "listen": ["127.0.0.1:{{relayPort}}"], "target": ["tls://127.0.0.1:{{serverPort}}"], "healthInterval": "0", "tls": { {{tls}} } } } }
        """;
}
