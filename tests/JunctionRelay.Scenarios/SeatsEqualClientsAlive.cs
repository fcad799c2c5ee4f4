using JunctionRelay.Scenarios.Harness;

namespace JunctionRelay.Scenarios;

/// <summary>
/// The oracle of the whole project: 300 clients hold a seat each through a pair of junctions. Whatever happens to a client or a junction, the
/// license server's count of seats equals the clients alive within two seconds.
/// </summary>
[Collection(Alone.Name)]
public sealed class SeatsEqualClientsAlive
{
    private const int Clients = 300;
    private const int Third = Clients / 3;
    private const int AtOnce = 10;

    // In full, each client is a process of its own.
    private static readonly int PerProcess = Scale.Of(ci: 10, full: 1);
    private static readonly TimeSpan UntilFree = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(3);

    [Theory]
    [InlineData("cloud")]
    [InlineData("enterprise")]
    public async Task Seats_are_freed_when_clients_or_a_junction_die(string killed)
    {
        using var folder = new TemporaryFolder();
        using var authority = new TestCertificates(folder);
        int lmgrdPort = FreePort.Next(), lmgrdBetween = FreePort.Next(), lmgrdServer = FreePort.Next();
        int vendorPort = FreePort.Next(), vendorBetween = FreePort.Next(), vendorServer = FreePort.Next();
        await using var licenses = await SimulatedLicenses.Start("127.0.0.1", lmgrdServer, vendorServer, Clients);
        await using var enterprise = await JunctionProcess.Start($$"""
            {
              "identity": {{Identity("enterprise")}},
              "relays": {
                "lmgrd":  { "listen": ["tls://127.0.0.1:{{lmgrdBetween}}"], "target": ["127.0.0.1:{{lmgrdServer}}"] },
                "vendor": { "listen": ["tls://127.0.0.1:{{vendorBetween}}"], "target": ["127.0.0.1:{{vendorServer}}"] }
              }
            }
            """);
        await using var cloud = await JunctionProcess.Start($$"""
            {
              "identity": {{Identity("cloud")}},
              "relays": {
                "lmgrd":  { "listen": ["127.0.0.1:{{lmgrdPort}}"], "target": ["tls://127.0.0.1:{{lmgrdBetween}}"], "tls": { "serverName": "enterprise" } },
                "vendor": { "listen": ["127.0.0.1:{{vendorPort}}"], "target": ["tls://127.0.0.1:{{vendorBetween}}"], "tls": { "serverName": "enterprise" } }
              }
            }
            """);

        var clients = new List<RealProgram>();
        try
        {
            // A few at once: starting 300 processes starves everything else on two cores, and what is tested here is how they end.
            while (clients.Count < Clients / PerProcess)
            {
                var next = Enumerable.Range(0, AtOnce).Select(_ => SimulatedLicenses.Client("127.0.0.1", lmgrdPort, vendorPort, PerProcess)).ToArray();
                clients.AddRange(next);
                foreach (var client in next)
                    await client.Line(l => l == "held", "that its seats are held", Patience);
            }

            Assert.Equal(Clients, await licenses.Held());

            var thirds = clients.Chunk(Third / PerProcess).ToArray();
            foreach (var client in thirds[0])
                client.Send(Signal.Kill);
            foreach (var client in thirds[1])
                client.Input.Close();
            Assert.Equal(Third, await licenses.HeldWithin(Third, UntilFree));
            foreach (var client in thirds[1])
                Assert.Contains("returned", (await client.Exit(Deadline.Soon)).Output, StringComparison.Ordinal);

            // A way around the junctions would have left no trace here.
            var ended = await cloud.Ended(Clients + (2 * Third));
            Assert.Equal(Clients, ended.Count(c => c.Relay == "lmgrd"));
            Assert.Equal(2 * Third, ended.Count(c => c.Relay == "vendor"));
            Assert.All(thirds[2], c => Assert.False(c.HasExited));

            var (victim, survivor) = killed == "cloud" ? (cloud, enterprise) : (enterprise, cloud);
            victim.Program.Send(Signal.Kill);
            Assert.Equal(0, await licenses.HeldWithin(0, UntilFree));
            foreach (var client in thirds[2])
                await client.Line(l => l.StartsWith("lost", StringComparison.Ordinal), "that its seats are lost", Deadline.Soon);
            await survivor.Ended(2 * Clients);
        }
        catch (InvalidOperationException e)
        {
            Assert.Fail($"{e.Message}\ncloud:\n{cloud.Trouble()}\nenterprise:\n{enterprise.Trouble()}");
        }
        finally
        {
            await Task.WhenAll(clients.Select(c => c.DisposeAsync().AsTask()));
        }

        string Identity(string name)
        {
            var files = authority.Issue(name);
            return $$"""{ "certificate": "{{files.Certificate}}", "key": "{{files.Key}}", "trust": "{{authority.Trust}}" }""";
        }
    }
}
