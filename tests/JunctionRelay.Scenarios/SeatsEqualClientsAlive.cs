using System.Text.Json;
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
    private const double SecondsUntilFree = 2;

    // In full, each client is a process of its own.
    private static readonly int PerProcess = Scale.Of(ci: 10, full: 1);
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(3);

    [Theory]
    [InlineData("cloud")]
    [InlineData("enterprise")]
    public async Task Seats_are_freed_when_clients_or_a_junction_die(string killed)
    {
        using var folder = new TemporaryFolder();
        using var authority = new TestCertificates(folder);
        int serverPort = FreePort.Next(), vendorPort = FreePort.Next();
        int lmgrdBetween = FreePort.Next(), vendorBetween = FreePort.Next();
        int lmgrdPort = FreePort.Next(), vendorRelayPort = FreePort.Next();
        await using var server = RealProgram.Start(
            JunctionProcess.Binary(), ["simulate-server", "--listen", $"127.0.0.1:{serverPort}", "--vendor-port", $"{vendorPort}", "--seats", $"{Clients}", "--quiet"]);
        await server.Listening(vendorPort);
        await using var enterprise = await JunctionProcess.Start($$"""
            {
              "identity": {{Identity("enterprise")}},
              "relays": {
                "lmgrd":  { "listen": ["tls://127.0.0.1:{{lmgrdBetween}}"], "target": ["127.0.0.1:{{serverPort}}"] },
                "vendor": { "listen": ["tls://127.0.0.1:{{vendorBetween}}"], "target": ["127.0.0.1:{{vendorPort}}"] }
              }
            }
            """);
        await using var cloud = await JunctionProcess.Start($$"""
            {
              "identity": {{Identity("cloud")}},
              "relays": {
                "lmgrd":  { "listen": ["127.0.0.1:{{lmgrdPort}}"], "target": ["tls://127.0.0.1:{{lmgrdBetween}}"], "tls": { "serverName": "enterprise" } },
                "vendor": { "listen": ["127.0.0.1:{{vendorRelayPort}}"], "target": ["tls://127.0.0.1:{{vendorBetween}}"], "tls": { "serverName": "enterprise" } }
              }
            }
            """);

        var clients = new List<RealProgram>();
        try
        {
            while (clients.Count < Clients / PerProcess)
                clients.Add(StartClients());
            foreach (var client in clients)
                await client.Line(l => l == "held", "that its seats are held", Patience);
            Assert.Equal(Clients, await SeatsHeld("counts"));

            var thirds = clients.Chunk(Third / PerProcess).ToArray();
            foreach (var client in thirds[0])
                client.Send(Signal.Kill);
            foreach (var client in thirds[1])
                client.Input.Close();
            Assert.Equal(Third, await SeatsHeld($"wait {Third} {SecondsUntilFree}"));
            foreach (var client in thirds[1])
                Assert.Contains("returned", (await client.Exit(Deadline.Soon)).Output, StringComparison.Ordinal);

            // Bypass would have left no trace here.
            Assert.True((await cloud.Ended(Clients + (2 * Third))).Count(c => c.Relay == "lmgrd") == Clients, cloud.Program.Said());
            Assert.Equal(2 * Third, cloud.Connections.Count(c => c.Relay == "vendor"));
            Assert.All(thirds[2], c => Assert.False(c.HasExited));

            var (victim, survivor) = killed == "cloud" ? (cloud, enterprise) : (enterprise, cloud);
            victim.Program.Send(Signal.Kill);
            Assert.Equal(0, await SeatsHeld($"wait 0 {SecondsUntilFree}"));
            foreach (var client in thirds[2])
                await client.Line(l => l.StartsWith("lost", StringComparison.Ordinal), "that its seats are lost", Deadline.Soon);
            await survivor.Ended(2 * Clients);
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

        RealProgram StartClients() => RealProgram.Start(
            JunctionProcess.Binary(),
            [
                "simulate-client", "--server", $"127.0.0.1:{lmgrdPort}", "--vendor-host", "127.0.0.1", "--vendor-port", $"{vendorRelayPort}",
                "--count", $"{PerProcess}", "--hold",
            ],
            new ProgramOptions { StopSignal = Signal.Kill });

        // Gives the server an order and reads the seats that it says are held in its next answer.
        async Task<int> SeatsHeld(string order)
        {
            var before = Answers().Count;
            await server.Input.WriteLineAsync(order);
            await server.Input.FlushAsync();
            await Deadline.Until(() => Answers().Count > before, Deadline.Soon, $"the license server answers '{order}'", server.Said);
            using var answer = JsonDocument.Parse(Answers()[before]);
            return answer.RootElement.GetProperty("held").GetInt32();
        }

        List<string> Answers() => [.. server.Lines.Where(l => l.Contains("\"held\":", StringComparison.Ordinal))];
    }
}
