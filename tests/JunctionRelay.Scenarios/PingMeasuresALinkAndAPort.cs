using JunctionRelay.Scenarios.Harness;

namespace JunctionRelay.Scenarios;

/// <summary>
/// <c>junction ping</c> with the configuration of a running junction: it measures, disturbs nothing (a seat that is held over the link stays held on the
/// same session), and says what is wrong where there is no way.
/// </summary>
public sealed class PingMeasuresALinkAndAPort
{
    [Fact]
    public async Task A_link_a_port_and_what_is_neither()
    {
        using var folder = new TemporaryFolder();
        using var authority = new TestCertificates(folder);
        int link = FreePort.Next(), lmgrd = FreePort.Next(), vendor = FreePort.Next(), lmgrdServer = FreePort.Next(), vendorServer = FreePort.Next();
        string Identity(string name)
        {
            var files = authority.Issue(name);
            return $$"""{ "certificate": "{{files.Certificate}}", "key": "{{files.Key}}", "trust": "{{authority.Trust}}" }""";
        }

        await using var licenses = await SimulatedLicenses.Start("127.0.0.1", lmgrdServer, vendorServer, seats: 1);
        await using var enterprise = await JunctionProcess.Start($$"""
            {
              "identity": {{Identity("enterprise")}},
              "linkListen": ["127.0.0.1:{{link}}"],
              "services": { "lmgrd": { "target": ["127.0.0.1:{{lmgrdServer}}"] }, "vendor": { "target": ["127.0.0.1:{{vendorServer}}"] } },
              "peers": { "cloud": { "services": ["lmgrd", "vendor"] } }
            }
            """);
        var config = folder.Write("cloud.json", $$"""
            {
              "identity": {{Identity("cloud")}},
              "links": { "hq": { "dial": ["127.0.0.1:{{link}}"], "peer": "enterprise" }, "gone": { "dial": ["127.0.0.1:{{FreePort.Next()}}"] } },
              "relays": {
                "lmgrd":  { "listen": ["127.0.0.1:{{lmgrd}}"], "target": ["link://hq/lmgrd"] },
                "vendor": { "listen": ["127.0.0.1:{{vendor}}"], "target": ["link://hq/vendor"] }
              }
            }
            """);
        await using var cloud = RealProgram.Start(JunctionProcess.Binary(), ["run", config]);
        await cloud.Line(l => l.Contains("link with enterprise is up", StringComparison.Ordinal), "that the link is up", Deadline.Start);
        await using var client = SimulatedLicenses.Client("127.0.0.1", lmgrd, vendor, 1);
        await client.Line(l => l == "held", "that its seat is held", Deadline.Start);

        var overLink = await JunctionProcess.Run("ping", "hq", "-c", config, "-n", "2");
        Assert.Equal((0, ""), (overLink.ExitCode, overLink.Error));
        Assert.Matches(@"^(enterprise at 127\.0\.0\.1:\d+ answered in \d+\.\d ms\n){2}2 of 2 answered: least ", overLink.Output);

        var toPort = await JunctionProcess.Run("ping", $"127.0.0.1:{lmgrdServer}", "-n", "1");
        Assert.Equal(0, toPort.ExitCode);
        Assert.Contains($"connected to 127.0.0.1:{lmgrdServer} in ", toPort.Output, StringComparison.Ordinal);

        var closed = await JunctionProcess.Run("ping", $"127.0.0.1:{FreePort.Next()}", "-n", "1");
        Assert.Equal(69, closed.ExitCode);
        Assert.Contains("dial-refused", closed.Output, StringComparison.Ordinal);

        var gone = await JunctionProcess.Run("ping", "gone", "-c", config);
        Assert.Equal(69, gone.ExitCode);
        Assert.Contains("the link gone does not come up: ", gone.Output, StringComparison.Ordinal);
        Assert.Contains("refused", gone.Output, StringComparison.Ordinal);

        var unknown = await JunctionProcess.Run("ping", "hp", "-c", config);
        Assert.Equal(2, unknown.ExitCode);
        Assert.Contains("it dials gone, hq", unknown.Error, StringComparison.Ordinal);

        Assert.Equal(1, await licenses.Held());
        Assert.False(client.HasExited);
        Assert.DoesNotContain(cloud.Lines, l => l.Contains("lost its connection", StringComparison.Ordinal));
        Assert.DoesNotContain(enterprise.Program.Lines, l => l.Contains("came back as a new process", StringComparison.Ordinal));
    }
}
