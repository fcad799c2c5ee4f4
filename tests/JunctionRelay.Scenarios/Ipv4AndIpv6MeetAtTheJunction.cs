using JunctionRelay.Scenarios.Harness;

namespace JunctionRelay.Scenarios;

/// <summary>IPv4 and IPv6 on either leg, in any mix; and a name with a dead IPv6 address beside a living IPv4 one costs no wait (RFC 8305).</summary>
public sealed class Ipv4AndIpv6MeetAtTheJunction
{
    [Theory]
    [InlineData("10.93.2.1/24", "10.93.2.2/24", "fd93:1::1/64", "fd93:1::2/64")]
    [InlineData("fd93:2::1/64", "fd93:2::2/64", "10.93.1.1/24", "10.93.1.2/24")]
    [InlineData("fd93:2::1/64", "fd93:2::2/64", "fd93:1::1/64", "fd93:1::2/64")]
    public async Task A_client_of_one_family_gets_its_seat_from_a_server_of_another(string outside, string clientAddress, string inside, string serverAddress)
    {
        await using var hosts = await NetworkNamespaces.Create();
        var server = await hosts.AddHost("server");
        var middle = await hosts.AddHost("junction", $"{Bare(serverAddress)} license.test");
        var client = await hosts.AddHost("client");
        await NetworkNamespaces.Connect(middle, [inside], server, [serverAddress]);
        await NetworkNamespaces.Connect(middle, [outside], client, [clientAddress]);
        await using var licenses = await SimulatedLicenses.Start(Bare(serverAddress), 27000, 40000, seats: 1, server);
        await using var junction = await JunctionProcess.Start(
            """
            {
              "relays": {
                "lmgrd":  { "listen": ["*:27000"], "target": ["license.test:27000"] },
                "vendor": { "listen": ["*:40000"], "target": ["license.test:40000"] }
              }
            }
            """,
            new ProgramOptions { Host = middle });

        await HoldAndReturn(Bare(outside), client);

        var ended = await junction.Ended(2);
        Assert.Equal(["lmgrd", "vendor"], ended.Select(c => c.Relay).Order(StringComparer.Ordinal));
        Assert.Equal(0, await licenses.Held());
    }

    /// <summary>Addresses that mean something on one cable alone: both legs name it, as a scope id (RFC 4007).</summary>
    [Fact]
    public async Task Link_local_addresses_name_their_interface()
    {
        await using var hosts = await NetworkNamespaces.Create();
        var server = await hosts.AddHost("server");
        var middle = await hosts.AddHost("middle");
        var client = await hosts.AddHost("client");
        await NetworkNamespaces.Connect(middle, ["fe80::1:1/64"], server, ["fe80::1:2/64"]);
        await NetworkNamespaces.Connect(middle, ["fe80::2:1/64"], client, ["fe80::2:2/64"]);
        var (toServer, toClient, toMiddle) = (NetworkNamespaces.Interface(server), NetworkNamespaces.Interface(client), NetworkNamespaces.Interface(middle));
        await using var licenses = await SimulatedLicenses.Start($"fe80::1:2%{toMiddle}", 27000, 40000, seats: 1, server);
        await using var junction = await JunctionProcess.Start(
            $$"""
            {
              "relays": {
                "lmgrd":  { "listen": ["[fe80::2:1%{{toClient}}]:27000"], "target": ["[fe80::1:2%{{toServer}}]:27000"] },
                "vendor": { "listen": ["[fe80::2:1%{{toClient}}]:40000"], "target": ["[fe80::1:2%{{toServer}}]:40000"] }
              }
            }
            """,
            new ProgramOptions { Host = middle });
        await HoldAndReturn($"fe80::2:1%{toMiddle}", client);
        Assert.Equal(["lmgrd", "vendor"], (await junction.Ended(2)).Select(c => c.Relay).Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task A_dead_address_of_a_name_does_not_hold_up_the_living_one()
    {
        await using var hosts = await NetworkNamespaces.Create();
        var server = await hosts.AddHost("server");
        var middle = await hosts.AddHost("junction", "2001:db8:1::2 license.test", "10.93.1.2 license.test");
        await NetworkNamespaces.Connect(middle, ["10.93.1.1/24", "2001:db8:1::1/64"], server, ["10.93.1.2/24", "2001:db8:1::2/64"]);
        await NetworkNamespaces.Silence(server, "2001:db8:1::1");
        Assert.StartsWith("2001:db8:1::2 ", await RealProgram.Succeed("getent", ["ahosts", "license.test"], new ProgramOptions { Host = middle }), StringComparison.Ordinal);
        await using var licenses = await SimulatedLicenses.Start("10.93.1.2", 27000, 40000, seats: 1, server);
        await using var junction = await JunctionProcess.Start(
            """
            {
              "relays": {
                "lmgrd":  { "listen": ["127.0.0.1:27000"], "target": ["license.test:27000"], "connectTimeout": "20s" },
                "vendor": { "listen": ["127.0.0.1:40000"], "target": ["license.test:40000"], "connectTimeout": "20s" }
              }
            }
            """,
            new ProgramOptions { Host = middle });

        // Far below the connect timeout, far above the quarter of a second after which the next address is tried.
        var watch = System.Diagnostics.Stopwatch.StartNew();
        await HoldAndReturn("127.0.0.1", middle);
        Assert.True(watch.Elapsed < TimeSpan.FromSeconds(10), $"A checkout took {watch.Elapsed}.");
    }

    private static async Task HoldAndReturn(string address, Host host)
    {
        await using var client = SimulatedLicenses.Client(address, 27000, 40000, host: host);
        await client.Line(l => l == "held", "that its seat is held");
        client.Input.Close();
        var result = await client.Exit(Deadline.Soon);
        Assert.Contains("returned", result.Output, StringComparison.Ordinal);
    }

    private static string Bare(string address) => address[..address.IndexOf('/', StringComparison.Ordinal)];
}
