using JunctionRelay.Scenarios.Harness;

namespace JunctionRelay.Scenarios;

/// <summary>A machine that vanishes says nothing, neither FIN nor RST: keepalive finds it, and the other end is told.</summary>
public sealed class SilentMachineFreesItsSeat
{
    private const string Server = "10.93.1.2";
    private const string Outside = "10.93.2.1";

    // In full, the default: asked after 60 s of silence, given up after three more tries 10 s apart.
    private static readonly string KeepAlive = Scale.Of(ci: "1s", full: "60s");
    private static readonly TimeSpan Found = TimeSpan.FromSeconds(Scale.Of(ci: 1, full: 60) + (3 * 10) + 5);

    [Theory]
    [InlineData("client", "client-silent")]
    [InlineData("server", "target-silent")]
    public async Task The_other_end_is_told(string vanished, string reason)
    {
        await using var hosts = await NetworkNamespaces.Create();
        var server = await hosts.AddHost("server");
        var middle = await hosts.AddHost("junction");
        var client = await hosts.AddHost("client");
        await NetworkNamespaces.Connect(middle, ["10.93.1.1/24"], server, [$"{Server}/24"]);
        await NetworkNamespaces.Connect(middle, [$"{Outside}/24"], client, ["10.93.2.2/24"]);
        await using var licenses = await SimulatedLicenses.Start(Server, 27000, 40000, seats: 1, server);
        await using var junction = await JunctionProcess.Start(
            $$"""
            {
              "relays": {
                "lmgrd":  { "listen": ["{{Outside}}:27000"], "target": ["{{Server}}:27000"] },
                "vendor": { "listen": ["{{Outside}}:40000"], "target": ["{{Server}}:40000"], "keepAlive": "{{KeepAlive}}" }
              }
            }
            """,
            new ProgramOptions { Host = middle });
        await using var holder = SimulatedLicenses.Client(Outside, 27000, 40000, host: client);
        await holder.Line(l => l == "held", "that its seat is held");

        if (vanished == "client")
        {
            await NetworkNamespaces.Silence(client, Outside);
            Assert.Equal(0, await licenses.HeldWithin(0, Found));
        }
        else
        {
            await NetworkNamespaces.Silence(server, "10.93.1.1");
            await holder.Line(l => l.StartsWith("lost", StringComparison.Ordinal), "that its seat is lost", Found);
        }

        Assert.Equal(reason, Assert.Single(await junction.Ended(2), c => c.Relay == "vendor").Reason);
    }
}
