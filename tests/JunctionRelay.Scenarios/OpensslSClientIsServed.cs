using JunctionRelay.Scenarios.Harness;

namespace JunctionRelay.Scenarios;

/// <summary>The plainest TLS client there is, at a <c>tls://</c> listener.</summary>
public sealed class OpensslSClientIsServed
{
    [Theory]
    [InlineData("1.3", "-tls1_3")]
    [InlineData("1.2", "-tls1_2")]   // served only where the relay says so
    public async Task It_verifies_us_gets_its_answer_and_ends_cleanly(string minVersion, string version)
    {
        using var folder = new TemporaryFolder();
        using var authority = new TestCertificates(folder);
        var ours = authority.Issue("junction.test");
        var theirs = authority.Issue("client.test");
        await using var echo = LoopbackServer.Echo();
        var relayPort = FreePort.Next();
        await using var junction = await JunctionProcess.Start($$"""
            {
              "relays": {
                "in": {
                  "listen": ["tls://127.0.0.1:{{relayPort}}"], "target": ["127.0.0.1:{{echo.Port}}"],
                  "tls": {
                    "certificate": "{{ours.Certificate}}", "key": "{{ours.Key}}", "trust": "{{authority.Trust}}",
                    "clientCertificate": "require", "minVersion": "{{minVersion}}"
                  }
                }
              }
            }
            """);

        await using var client = RealProgram.Start(
            "openssl",
            [
                "s_client", "-brief", "-connect", $"127.0.0.1:{relayPort}", version, "-servername", "junction.test",
                "-CAfile", authority.Trust, "-verify_hostname", "junction.test", "-verify_return_error", "-cert", theirs.Certificate, "-key", theirs.Key,
            ]);
        await client.Line(l => l == "Verification: OK", "that it believes us", Deadline.Soon);
        await client.Input.WriteLineAsync("a seat, please");
        await client.Input.FlushAsync();
        await client.Line(l => l == "a seat, please", "what it sent", Deadline.Soon);
        client.Input.Close();   // at the end of its input it says close_notify and leaves

        var result = await client.Exit(Deadline.Soon);
        Assert.True(result.ExitCode == 0, result.ToString());
        Assert.Contains($"Protocol version: TLSv{minVersion}", result.Error, StringComparison.Ordinal);
        var connection = Assert.Single(await junction.Ended(1));
        Assert.Equal(("client-closed", 15, 15), (connection.Reason, connection.ToTarget, connection.ToClient));
    }
}
