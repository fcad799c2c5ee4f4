using System.Net;
using JunctionRelay.App.Demo;
using JunctionRelay.Licensing;
using JunctionRelay.Relay;
using JunctionRelay.Tests.Demo;
using JunctionRelay.Tests.Harness;

namespace JunctionRelay.Tests.Relay;

/// <summary>Redirects that are made to name the junction. The clients go wherever a redirect sends them, and check its sums.</summary>
public sealed class RewriteTests
{
    private static readonly IPAddress One = IPAddress.Parse("127.0.0.2");
    private static readonly IPAddress Two = IPAddress.Parse("127.0.0.3");
    private static readonly (int, int) AnyPort = (1024, 65535);

    [Fact]
    public async Task A_client_without_a_hosts_entry_finds_the_junction()
    {
        await using var licenses = new SimulatedPair(address: One);
        await using var junction = await StartAsync(("lmgrd", licenses, new RedirectRewrite("127.0.0.1", null)));
        await using var seat = await licenses.HoldAsync(Through(junction));
        Assert.Equal([$"127.0.0.1:{licenses.Server.Daemon.EndPoint.Port}"], Open(junction));
        await licenses.AssertSeatsAsync(1);
    }

    [Fact]
    public async Task Two_servers_with_the_same_vendor_port_get_one_each()
    {
        await using var one = new SimulatedPair(address: One);
        await using var two = new SimulatedPair(address: Two, vendorPort: one.Server.Daemon.EndPoint.Port);
        var (first, second) = (Ports.Free(), Ports.Free());
        await using var junction = await StartAsync(
            ("one", one, new RedirectRewrite("127.0.0.1", (first, first))), ("two", two, new RedirectRewrite("127.0.0.1", (second, second))));
        await using var seatOfOne = await one.HoldAsync(Through(junction, "one"));
        await using var seatOfTwo = await two.HoldAsync(Through(junction, "two"));
        await one.AssertSeatsAsync(1);
        await two.AssertSeatsAsync(1);
        Assert.Equal([$"127.0.0.1:{first}", $"127.0.0.1:{second}"], Open(junction));
    }

    [Fact]
    public async Task A_daemon_that_moves_keeps_the_port_that_it_was_given()
    {
        await using var licenses = new SimulatedPair(address: One);
        var port = Ports.Free();
        await using var junction = await StartAsync(("lmgrd", licenses, new RedirectRewrite("127.0.0.1", (port, port))));
        var seats = new List<SimulatedSeat>();
        for (var i = 0; i < 4; i++)
        {
            seats.Add(await licenses.HoldAsync(Through(junction)));
            Assert.Equal([$"127.0.0.1:{port}"], Open(junction));
            await licenses.Server.Daemon.MoveAsync();
        }

        await licenses.AssertSeatsAsync(4);
        foreach (var seat in seats)
            await seat.DisposeAsync();
    }

    [Fact]
    public async Task Each_daemon_of_a_server_gets_a_port_of_the_range_until_there_is_none()
    {
        await using var one = new SimulatedPair(address: One);
        await using var two = new SimulatedPair(address: Two);
        var first = Ports.Free();
        var rewrite = new RedirectRewrite("127.0.0.1", (first, first));
        await using var junction = await StartAsync(("one", one, rewrite), ("two", two, rewrite));
        await using var seat = await one.HoldAsync(Through(junction, "one"));
        Assert.NotNull((await SimulatedLicenseClient.CheckOutAsync(Through(junction, "two"))).Failure);
        var end = await junction.Log.WaitAsync("connection-ended", e => (string)e.Fields["reason"]! == "vendor-port-taken");
        Assert.Contains("rewritePort has no port left for vendor daemon demod", end.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_redirect_that_is_not_understood_to_the_last_byte_passes_as_it_is()
    {
        var redirect = new FlexLmRedirect { Host = "lic.example.com", Port = Ports.Free(), Tail = new byte[] { 0, 0, 0, 0, 1, 0x54, 0x44 } };
        using var upstream = Peer.Listen(One);
        await using var junction = await TestJunction.StartAsync(new TestJunctionPlan("hq")
        {
            Relays = { ["lmgrd"] = TestRelay.Tcp(upstream.LocalEndPoint!) },
            Follows = { ["lmgrd"] = AnyPort },
            Rewrites = { ["lmgrd"] = new RedirectRewrite("127.0.0.1", (2000, 2009)) },
        });
        for (var i = 0; i < 3; i++)
        {
            using var client = await Peer.ConnectAsync(junction.AddressOf("lmgrd"));
            using var server = await Peer.AcceptAsync(upstream);
            await client.SendAsync(SimulatedPair.Hello().ToBytes());
            await server.SendAsync(redirect.ToBytes());
            Assert.Equal(redirect.ToBytes(), await client.ReadAsync(redirect.ToBytes().Length));
        }

        Assert.Equal([$"127.0.0.1:{redirect.Port}"], Open(junction));
        Assert.Single(junction.Log.Entries, e => e.Name == "not-rewritten");
    }

    [Fact]
    public async Task Unknown_bytes_of_the_header_stay()
    {
        byte[] rest = [1, 2, 3, 4, 0x41, 6, 7, 8, 9, 10, 11, 12];
        var redirect = new FlexLmRedirect { Host = "lic.example.com", Port = 40000, HeaderRest = rest };
        using var upstream = Peer.Listen(One);
        var port = Ports.Free();
        await using var junction = await TestJunction.StartAsync(new TestJunctionPlan("hq")
        {
            Relays = { ["lmgrd"] = TestRelay.Tcp(upstream.LocalEndPoint!) },
            Follows = { ["lmgrd"] = AnyPort },
            Rewrites = { ["lmgrd"] = new RedirectRewrite("junction.cloud", (port, port)) },
        });
        using var client = await Peer.ConnectAsync(junction.AddressOf("lmgrd"));
        using var server = await Peer.AcceptAsync(upstream);
        await client.SendAsync(SimulatedPair.Hello().ToBytes());
        await server.SendAsync(redirect.ToBytes());
        var expected = (redirect with { Host = "junction.cloud", Port = port }).ToBytes();
        Assert.Equal(expected, await client.ReadAsync(expected.Length));
    }

    private static Task<TestJunction> StartAsync(params (string Relay, SimulatedPair Licenses, RedirectRewrite Rewrite)[] relays)
    {
        var plan = new TestJunctionPlan("hq");
        foreach (var (relay, licenses, rewrite) in relays)
        {
            plan.Relays[relay] = TestRelay.Tcp(licenses.Server.EndPoint);
            plan.Follows[relay] = AnyPort;
            plan.Rewrites[relay] = rewrite;
        }

        return TestJunction.StartAsync(plan);
    }

    private static SimulatedClientOptions Through(TestJunction junction, string relay = "lmgrd") => new()
    {
        Server = new DnsEndPoint("127.0.0.1", ((IPEndPoint)junction.AddressOf(relay)).Port),
        Hello = SimulatedPair.Hello(),
        StepLimit = SimulatedPair.Soon,
    };

    private static List<string> Open(TestJunction junction) => [.. junction.Relays.VendorPorts.Select(p => p.Address.ToString()!)];
}
