using System.Diagnostics;
using System.Security.Cryptography.X509Certificates;
using JunctionRelay.Pki;
using JunctionRelay.Scenarios.Harness;

namespace JunctionRelay.Scenarios;

/// <summary>A cluster is started: a thousand nodes join at one moment, and later renew at one moment; nobody is refused, and a minute is enough for either.</summary>
[Collection(Alone.Name)]
public sealed class ThousandNodesJoinAtOnce
{
    private static readonly int Simulated = Scale.Of(ci: 190, full: 990);
    private const int Real = 10;

    private static readonly TimeSpan Promised = TimeSpan.FromSeconds(60);

    [Fact]
    public async Task Within_a_minute_and_renew_within_another()
    {
        using var folder = new TemporaryFolder();
        var authority = await SiteAuthority.Init(folder);
        var port = FreePort.Next();
        await using var hq = await JunctionProcess.Start($$"""
            {
              "identity": { "directory": "{{await authority.Issue("hq")}}" }, "pki": { "directory": "{{authority.Directory}}" }, "linkListen": ["127.0.0.1:{{port}}"],
              "services": { "none": { "target": ["127.0.0.1:1"] } }, "peers": { "node-*": { "services": ["none"] } }
            }
            """);
        await authority.Run("token", ["create", "--name", "node-*", "--uses", $"{Simulated + Real}", "--out", folder["token"]]);
        var token = JoinToken.Read(await File.ReadAllTextAsync(folder["token"]))!;
        using var ca = X509Certificate2.CreateFromPem(await File.ReadAllTextAsync(authority.Trust));
        var nodes = Enumerable.Range(0, Simulated).Select(i => new DisklessNode($"node-{i}", token, ca, port)).ToList();
        try
        {
            var watch = Stopwatch.StartNew();
            var real = Enumerable.Range(0, Real).Select(i => RealProgram.Run(
                JunctionProcess.Binary(), ["enroll", $"127.0.0.1:{port}", "--token-file", folder["token"], "--identity", folder[$"real-{i}"], "--name", $"node-real-{i}"], within: Promised)).ToList();
            await Task.WhenAll(nodes.Select(n => n.Join(Promised)));
            foreach (var joined in await Task.WhenAll(real))
                Assert.True(joined.ExitCode == 0, joined.ToString());
            TestContext.Current.TestOutputHelper?.WriteLine($"{Simulated + Real} joined within {watch.Elapsed.TotalSeconds:0.0} s");
            Assert.True(watch.Elapsed < Promised, $"joining took {watch.Elapsed}");
            Assert.Equal(Simulated, nodes.DistinctBy(n => n.Certificate!.SerialNumber).Count());

            watch.Restart();
            await Task.WhenAll(nodes.Select(n => n.Renew(Promised)));
            TestContext.Current.TestOutputHelper?.WriteLine($"{Simulated} renewed within {watch.Elapsed.TotalSeconds:0.0} s");
            Assert.True(watch.Elapsed < Promised, $"renewing took {watch.Elapsed}");
            // Who is told to come again has been refused, too: the log says so of the port and of the authority, whoever asked.
            Assert.DoesNotContain(hq.Program.Lines, l => (l.Contains("refused", StringComparison.Ordinal) && !l.Contains("target 127.0.0.1:1 is down", StringComparison.Ordinal)) || l.Contains("could not be answered", StringComparison.Ordinal));
        }
        finally
        {
            nodes.ForEach(n => n.Dispose());
        }
    }
}
