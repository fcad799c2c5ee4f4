using System.Net;
using System.Net.Sockets;
using JunctionRelay.App.Admin;
using JunctionRelay.App.Demo;
using JunctionRelay.Connections;
using JunctionRelay.Links;
using JunctionRelay.Policies;
using JunctionRelay.Relay;
using JunctionRelay.Tests.Demo;
using JunctionRelay.Tests.Harness;

namespace JunctionRelay.Tests.Relay;

/// <summary>
/// License servers that are followed: checkouts that work although nobody configured the vendor daemon's port. Servers are at 127.0.0.2 and junctions at
/// 127.0.0.1, so that the same port can be open at both.
/// </summary>
public sealed class FollowTests
{
    private static readonly IPAddress ServerAddress = IPAddress.Parse("127.0.0.2");
    private static readonly (int, int) AnyPort = (1024, 65535);

    [Fact]
    public async Task The_vendor_port_is_open_before_the_client_hears_of_it()
    {
        await using var licenses = new SimulatedPair(address: ServerAddress);
        await using var junction = await DirectAsync(licenses);
        var seat = await licenses.HoldAsync(Through(junction));

        Assert.Equal([("lmgrd", $"127.0.0.1:{licenses.Server.Daemon.EndPoint.Port}")], Open(junction));
        await junction.Log.WaitAsync("vendor-port-learnt");
        await licenses.AssertSeatsAsync(1);
        await seat.DisposeAsync();
        await licenses.AssertSeatsAsync(0);

        var ends = await EndsAsync(junction, 2);
        Assert.Equal(["lmgrd", "lmgrd/vendor"], ends.Select(e => (string)e.Fields["relay"]!).Order());
        Assert.All(ends, e => Assert.Contains(" user=alice host=node01 vendor=demod pid=4242", e.Message, StringComparison.Ordinal));
    }

    [Fact]
    public async Task Seats_are_told_by_vendor_user_and_host_and_through_which_peer()
    {
        await using var licenses = new SimulatedPair(address: ServerAddress);
        await using var hq = await TestJunction.StartAsync(Far("hq", TestRelay.Tcp(licenses.Server.EndPoint), "cloud"));
        await using var cloud = await TestJunction.StartAsync(Near("hq/lmgrd", hq));
        await cloud.LinkedAsync("hq");
        var through = Through(cloud);
        await using var one = await licenses.HoldAsync(through);
        await using var two = await licenses.HoldAsync(through);
        await using (await licenses.HoldAsync(through with { Hello = SimulatedPair.Hello("bob") }))
        {
            var here = Assert.Single(StatusReader.SeatsOf(cloud.Relays.Connections.Seats));
            Assert.Equal(("lmgrd", "demod", 3), (here.Relay, here.Vendor, here.Held));
            Assert.Equal([("alice", "node01", "127.0.0.1", null, 2), ("bob", "node01", "127.0.0.1", null, 1)], here.Holders.Select(h => (h.User!, h.Host!, h.Client, h.Peer, h.Held)));
            var there = Assert.Single(StatusReader.SeatsOf(hq.Relays.Connections.Seats));
            Assert.Equal(("service/lmgrd", "demod", 3), (there.Relay, there.Vendor, there.Held));
            Assert.Equal([("alice", "cloud", 2), ("bob", "cloud", 1)], there.Holders.Select(h => (h.User!, h.Peer, h.Held)));
            Assert.True(there.Holders[0].Since <= there.Holders[1].Since);
        }

        await Eventually.TrueAsync(() => cloud.Relays.Connections.Seats.Count() == 2 && hq.Relays.Connections.Seats.Count() == 2, () => "bob's seat is still listed");
    }

    [Fact]
    public async Task A_vendor_that_no_redirect_named_is_no_label()
    {
        await using var licenses = new SimulatedPair(address: ServerAddress);
        await using var junction = await DirectAsync(licenses);
        await using var seat = await licenses.HoldAsync(Through(junction));
        using var liar = await Peer.ConnectAsync(new IPEndPoint(IPAddress.Loopback, licenses.Server.Daemon.EndPoint.Port));
        await liar.SendAsync((SimulatedPair.Hello() with { Vendor = "made-up" }).ToBytes());
        await Eventually.TrueAsync(() => junction.Relays.Connections.Seats.Any(s => s.Vendor == HeldSeat.OtherVendor), () => "the connection is not listed");
        Assert.DoesNotContain(junction.Relays.Connections.Seats, s => s.Vendor == "made-up");
    }

    [Fact]
    public async Task A_checkout_works_when_every_byte_comes_alone()
    {
        await using var licenses = new SimulatedPair(address: ServerAddress);
        await using var junction = await DirectAsync(licenses);
        await using var seat = await licenses.HoldAsync(Through(junction) with { PieceBytes = 1 });
        await licenses.AssertSeatsAsync(1);
    }

    [Fact]
    public async Task A_daemon_that_comes_back_on_another_port_is_followed()
    {
        await using var licenses = new SimulatedPair(address: ServerAddress);
        await using var junction = await DirectAsync(licenses);
        for (var i = 0; i < 5; i++)
        {
            var before = licenses.Server.Daemon.EndPoint.Port;
            await using (await licenses.HoldAsync(Through(junction)))
                Assert.Equal([("lmgrd", $"127.0.0.1:{before}")], Open(junction));
            await licenses.Server.Daemon.RestartAsync();
            // Nobody has heard of the new one yet, and the old one leads nowhere.
            Assert.True(await IsRefusedOrResetAsync(before));
        }
    }

    [Fact]
    public async Task Seats_that_are_held_stay_when_the_daemon_moves()
    {
        await using var licenses = new SimulatedPair(address: ServerAddress);
        await using var junction = await DirectAsync(licenses);
        var held = new List<SimulatedSeat>();
        var ports = new HashSet<int>();
        for (var i = 0; i < 5; i++)
        {
            held.Add(await licenses.HoldAsync(Through(junction)));
            Assert.True(ports.Add(licenses.Server.Daemon.EndPoint.Port));
            Assert.Equal([("lmgrd", $"127.0.0.1:{licenses.Server.Daemon.EndPoint.Port}")], Open(junction));
            await licenses.Server.Daemon.MoveAsync();
        }

        await licenses.AssertSeatsAsync(5);
        foreach (var seat in held)
            Assert.True(await seat.HeartbeatAsync(SimulatedPair.Soon));
        foreach (var seat in held)
            await seat.DisposeAsync();
        await licenses.AssertSeatsAsync(0);
    }

    [Fact]
    public async Task A_port_that_was_closed_opens_again_beside_the_connections_that_it_has()
    {
        await using var licenses = new SimulatedPair(address: ServerAddress);
        await using var junction = await DirectAsync(licenses);
        var first = licenses.Server.Daemon.EndPoint.Port;
        await using var one = await licenses.HoldAsync(Through(junction));
        await licenses.Server.Daemon.MoveAsync();
        await using var other = await licenses.HoldAsync(Through(junction));
        await licenses.Server.Daemon.MoveAsync(first);
        await using var again = await licenses.HoldAsync(Through(junction));
        Assert.Equal([("lmgrd", $"127.0.0.1:{first}")], Open(junction));
        await licenses.AssertSeatsAsync(3);
    }

    [Fact]
    public async Task A_port_outside_the_range_is_refused_and_not_opened()
    {
        await using var licenses = new SimulatedPair(address: ServerAddress);
        await using var junction = await DirectAsync(licenses, (1, 1));
        var result = await SimulatedLicenseClient.CheckOutAsync(Through(junction));
        Assert.Equal(CheckoutStep.ReadRedirect, result.Failure?.Step);
        var end = Assert.Single(await EndsAsync(junction, 1));
        Assert.Equal("vendor-port-not-allowed", end.Fields["reason"]);
        Assert.Contains("which is not in vendorPorts (1)", end.Message, StringComparison.Ordinal);
        Assert.Empty(Open(junction));
    }

    [Fact]
    public async Task A_port_that_somebody_else_has_is_refused()
    {
        await using var licenses = new SimulatedPair(address: ServerAddress);
        using var somebody = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        somebody.Bind(new IPEndPoint(IPAddress.Loopback, licenses.Server.Daemon.EndPoint.Port));
        somebody.Listen();
        await using var junction = await DirectAsync(licenses);
        Assert.NotNull((await SimulatedLicenseClient.CheckOutAsync(Through(junction))).Failure);
        Assert.Equal("vendor-port-taken", Assert.Single(await EndsAsync(junction, 1)).Fields["reason"]);
        Assert.Empty(Open(junction));
    }

    [Fact]
    public async Task Two_servers_with_the_same_vendor_port_need_an_address_each()
    {
        await using var one = new SimulatedPair(address: ServerAddress);
        var port = one.Server.Daemon.EndPoint.Port;
        await using var two = new SimulatedPair(address: IPAddress.Parse("127.0.0.3"), vendorPort: port);
        await using var crowded = await TestJunction.StartAsync(new TestJunctionPlan("hq")
        {
            Relays = { ["one"] = TestRelay.Tcp(one.Server.EndPoint), ["two"] = TestRelay.Tcp(two.Server.EndPoint) },
            Follows = { ["one"] = AnyPort, ["two"] = AnyPort },
        });
        await using (await one.HoldAsync(Through(crowded, "one")))
        {
            Assert.NotNull((await SimulatedLicenseClient.CheckOutAsync(Through(crowded, "two"))).Failure);
            var refused = await crowded.Log.WaitAsync("connection-ended", e => (string)e.Fields["relay"]! == "two");
            Assert.Contains("is open for the vendor daemon of relay one", refused.Message, StringComparison.Ordinal);
        }

        await using var roomy = await TestJunction.StartAsync(new TestJunctionPlan("hq")
        {
            Address = IPAddress.Parse("127.0.0.4"),
            Relays = { ["two"] = TestRelay.Tcp(two.Server.EndPoint) },
            Follows = { ["two"] = AnyPort },
        });
        await using var seatOfOne = await one.HoldAsync(Through(crowded, "one"));
        await using var seatOfTwo = await two.HoldAsync(Through(roomy, "two", "127.0.0.4"));
        await one.AssertSeatsAsync(1);
        await two.AssertSeatsAsync(1);
    }

    [Fact]
    public async Task A_checkout_goes_over_links_with_the_vendor_port_learnt_on_the_way()
    {
        await using var licenses = new SimulatedPair(address: ServerAddress);
        await using var hq = await TestJunction.StartAsync(Far("hq", TestRelay.Tcp(licenses.Server.EndPoint), "dmz"));
        await using var dmz = await TestJunction.StartAsync(Far("dmz", "hq/lmgrd", "cloud") with { Dial = [("hq", [hq.LinkAddress])] });
        await using var cloud = await TestJunction.StartAsync(Near("dmz/lmgrd", dmz));
        await Task.WhenAll(dmz.LinkedAsync("hq"), cloud.LinkedAsync("dmz"));

        for (var i = 0; i < 3; i++)
        {
            await using (await licenses.HoldAsync(Through(cloud)))
            {
                await licenses.AssertSeatsAsync(1);
                Assert.Equal([("lmgrd", $"127.0.0.1:{licenses.Server.Daemon.EndPoint.Port}")], Open(cloud));
            }

            await licenses.Server.Daemon.RestartAsync();
        }

        // Only where clients connect is there a port to open.
        Assert.Empty(Open(hq));
        Assert.Empty(Open(dmz));
        var vendor = await hq.Log.WaitAsync("connection-ended", e => (string)e.Fields["relay"]! == "service/lmgrd/vendor");
        Assert.Contains(" user=alice", vendor.Message, StringComparison.Ordinal);
        Assert.Equal("dmz", vendor.Fields["peer"]);
    }

    [Fact]
    public async Task A_peer_reaches_no_port_that_no_redirect_has_named()
    {
        await using var licenses = new SimulatedPair(address: ServerAddress);
        await using var elsewhere = new SimulatedPair(address: ServerAddress);
        await using var hq = await TestJunction.StartAsync(Far("hq", TestRelay.Tcp(licenses.Server.EndPoint), "cloud"));
        await using var cloud = await TestJunction.StartAsync(Near("hq/lmgrd", hq));
        await cloud.LinkedAsync("hq");
        var (first, other) = (licenses.Server.Daemon.EndPoint.Port, elsewhere.Server.Daemon.EndPoint.Port);

        Assert.Equal("vendor-port-not-allowed", await RefusalAsync(cloud, "lmgrd", first));
        await using var seat = await licenses.HoldAsync(Through(cloud));
        Assert.Null(await RefusalAsync(cloud, "lmgrd", first));
        // A port of that very server that somebody else listens on, one of ssh, and that of another service.
        Assert.Equal("vendor-port-not-allowed", await RefusalAsync(cloud, "lmgrd", other));
        Assert.Equal("vendor-port-not-allowed", await RefusalAsync(cloud, "lmgrd", 22));
        Assert.Equal("vendor-port-not-allowed", await RefusalAsync(cloud, "plain", first));

        await licenses.Server.Daemon.MoveAsync();
        await using var another = await licenses.HoldAsync(Through(cloud));
        Assert.Equal("vendor-port-not-allowed", await RefusalAsync(cloud, "lmgrd", first));
        Assert.Equal(0, elsewhere.Server.RefusedHellos);
    }

    [Fact]
    public async Task A_service_that_follows_nothing_says_so()
    {
        await using var licenses = new SimulatedPair(address: ServerAddress);
        await using var hq = await TestJunction.StartAsync(Far("hq", TestRelay.Tcp(licenses.Server.EndPoint), "cloud") with { Follows = [] });
        await using var cloud = await TestJunction.StartAsync(Near("hq/lmgrd", hq));
        await cloud.LinkedAsync("hq");
        var result = await SimulatedLicenseClient.CheckOutAsync(Through(cloud));
        Assert.NotNull(result.Failure);
        var end = await hq.Log.WaitAsync("connection-ended", e => (string)e.Fields["reason"]! == "vendor-port-not-allowed");
        Assert.Contains("add \"protocol\": \"flexlm\"", end.Message, StringComparison.Ordinal);
        await cloud.Log.WaitAsync("connection-ended", e => (string)e.Fields["reason"]! == "vendor-port-not-allowed");
    }

    [Fact]
    public async Task A_vendor_port_asks_of_its_clients_what_the_relay_asks()
    {
        await using var licenses = new SimulatedPair(address: ServerAddress);
        await using var junction = await TestJunction.StartAsync(new TestJunctionPlan("hq")
        {
            Relays = { ["lmgrd"] = TestRelay.Tcp(licenses.Server.EndPoint) },
            Follows = { ["lmgrd"] = AnyPort },
            ListenTls = new TlsSettings(TestPki.Default.Identity("hq"), TestPki.Default.Trust, RequirePeerCertificate: true),
        });
        // What TLS would carry is carried by a relay in front, which follows nothing: the vendor port is dialled as it is.
        using var client = await Peer.ConnectAsync(junction.AddressOf("lmgrd"), tls: true, TestPki.Default.Issue("node"), "hq");
        await client.SendAsync(SimulatedPair.Hello().ToBytes());
        await client.ReadAsync(20);
        using var bare = new Socket(SocketType.Stream, ProtocolType.Tcp);
        await bare.ConnectAsync(IPAddress.Loopback, licenses.Server.Daemon.EndPoint.Port);
        await bare.SendAsync(SimulatedPair.Hello().ToBytes());
        await junction.Log.WaitAsync("connection-ended", e => (string)e.Fields["relay"]! == "lmgrd/vendor" && (string)e.Fields["reason"]! == "handshake-failed");
        await licenses.AssertSeatsAsync(0);
    }

    [Fact]
    public async Task The_auth_hook_is_asked_about_the_vendor_port_too()
    {
        await using var licenses = new SimulatedPair(address: ServerAddress);
        var hook = new PermittingOnly($"127.0.0.2:{licenses.Server.EndPoint.Port}");
        await using var junction = await TestJunction.StartAsync(new TestJunctionPlan("hq")
        {
            Relays = { ["lmgrd"] = TestRelay.Tcp(licenses.Server.EndPoint) },
            Follows = { ["lmgrd"] = AnyPort },
            RelayAuths = new Dictionary<string, ClientAuth> { ["lmgrd"] = new ClientAuth(null, null, hook) },
        });
        // The reset may come before the hello is sent, or after.
        Assert.NotNull((await SimulatedLicenseClient.CheckOutAsync(Through(junction))).Failure);
        Assert.Equal([$"127.0.0.2:{licenses.Server.EndPoint.Port}", $"127.0.0.2:{licenses.Server.Daemon.EndPoint.Port}"], hook.Asked.Select(a => a.Target));
        Assert.All(hook.Asked, a => Assert.Equal("lmgrd", a.Relay));
        await junction.Log.WaitAsync("connection-ended", e => (string)e.Fields["relay"]! == "lmgrd/vendor" && (string)e.Fields["reason"]! == "not-permitted");
        Assert.Equal(0, licenses.Server.RefusedHellos);
    }

    [Fact]
    public async Task A_vendor_port_takes_the_relay_s_clients_only_and_counts_them_together()
    {
        await using var licenses = new SimulatedPair(address: ServerAddress);
        await using var junction = await TestJunction.StartAsync(new TestJunctionPlan("hq")
        {
            Relays = { ["lmgrd"] = TestRelay.Tcp(licenses.Server.EndPoint) },
            Follows = { ["lmgrd"] = AnyPort },
            Limits = new ConnectionLimits(1, null),
        });
        var port = licenses.Server.Daemon.EndPoint.Port;
        using (var asking = await Peer.ConnectAsync(junction.AddressOf("lmgrd")))
        {
            await asking.SendAsync(SimulatedPair.Hello().ToBytes());
            await asking.ReadAsync(20);
            // As long as it has not hung up, it is the one that there may be.
            Assert.True(await IsRefusedOrResetAsync(port));
        }

        await EndsAsync(junction, 1);
        using var holding = await Peer.ConnectAsync(new IPEndPoint(IPAddress.Loopback, port));
        await holding.SendAsync(SimulatedPair.Hello().ToBytes());
        await licenses.AssertSeatsAsync(1);
        Assert.NotNull((await SimulatedLicenseClient.CheckOutAsync(Through(junction))).Failure);
    }

    [Fact]
    public async Task What_is_no_license_server_passes_and_is_told_once()
    {
        using var upstream = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        upstream.Bind(new IPEndPoint(ServerAddress, 0));
        upstream.Listen();
        await using var junction = await TestJunction.StartAsync(new TestJunctionPlan("hq")
        {
            Relays = { ["lmgrd"] = TestRelay.Tcp(upstream.LocalEndPoint!) },
            Follows = { ["lmgrd"] = AnyPort },
        });
        for (var i = 0; i < 3; i++)
        {
            using var client = await Peer.ConnectAsync(junction.AddressOf("lmgrd"));
            using var server = await upstream.AcceptAsync();
            await client.SendAsync("GET / HTTP/1.0\r\n\r\n"u8.ToArray());
            var request = new byte[18];
            await server.ReceiveAsync(request);
            Assert.Equal("GET / HTTP/1.0\r\n\r\n"u8.ToArray(), request);
            await server.SendAsync("HTTP/1.0 404 Not Found\r\n\r\n"u8.ToArray());
            server.Shutdown(SocketShutdown.Both);
            Assert.Equal("HTTP/1.0 404 Not Found\r\n\r\n"u8.ToArray(), (await client.ReadToEndAsync()).Bytes);
        }

        await EndsAsync(junction, 3);
        Assert.Contains("a hello begins with 0x68, not 0x47", Assert.Single(junction.Log.Entries, e => e.Name == "not-followed").Message, StringComparison.Ordinal);
        Assert.Empty(Open(junction));
    }

    private static Task<TestJunction> DirectAsync(SimulatedPair licenses, (int, int)? allowed = null) => TestJunction.StartAsync(new TestJunctionPlan("hq")
    {
        Relays = { ["lmgrd"] = TestRelay.Tcp(licenses.Server.EndPoint) },
        Follows = { ["lmgrd"] = allowed ?? AnyPort },
    });

    private static TestJunctionPlan Far(string name, object target, string peer) => new(name)
    {
        Services = { ["lmgrd"] = target, ["plain"] = target },
        Follows = { ["lmgrd"] = AnyPort },
        Peers = { [peer] = ["*"] },
        Dialled = true,
    };

    private static TestJunctionPlan Near(string target, TestJunction far) => new("cloud")
    {
        Relays = { ["lmgrd"] = target },
        Follows = { ["lmgrd"] = AnyPort },
        Dial = { (far.Name, [far.LinkAddress]) },
    };

    private static SimulatedClientOptions Through(TestJunction junction, string relay = "lmgrd", string address = "127.0.0.1") => new()
    {
        Server = new DnsEndPoint(address, ((IPEndPoint)junction.AddressOf(relay)).Port),
        Hello = SimulatedPair.Hello(),
        StepLimit = SimulatedPair.Soon,
        VendorHost = address,
    };

    private static List<(string, string)> Open(TestJunction junction) => [.. junction.Relays.VendorPorts.Select(p => (p.Relay, p.Address.ToString()!))];

    private static async Task<List<LogEntry>> EndsAsync(TestJunction junction, int count)
    {
        await Eventually.TrueAsync(() => junction.Log.Entries.Count(e => e.Name == "connection-ended") >= count, () => $"not {count} connections ended");
        return [.. junction.Log.Entries.Where(e => e.Name == "connection-ended")];
    }

    private static async Task<bool> IsRefusedOrResetAsync(int port)
    {
        using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
        try
        {
            await socket.ConnectAsync(IPAddress.Loopback, port);
            return await socket.ReceiveAsync(new byte[1]) == 0;
        }
        catch (SocketException)
        {
            return true;
        }
    }

    // What the far junction says to a stream for a vendor port, opened as a hostile peer would; null when it is served.
    private static async Task<string?> RefusalAsync(TestJunction cloud, string service, int port)
    {
        var session = cloud.Sessions.Single().Session;
        Assert.True(session.TryOpen(new LinkOpen(service, Guid.NewGuid(), null, []) { VendorPort = port }, out var stream, out _));
        var read = stream.Input.ReadAsync().AsTask();
        try
        {
            // A vendor daemon waits for the hello: silence means that it was reached.
            if (await Task.WhenAny(read, Task.Delay(TimeSpan.FromMilliseconds(300))) != read)
            {
                stream.Abort(CloseReason.ClientReset);
                return null;
            }

            await read;
            return null;
        }
        catch (ConnectionBrokenException e)
        {
            return e.Told?.Name();
        }
    }

    private sealed class PermittingOnly(string target) : IAuthHook
    {
        private readonly List<AuthRequest> _asked = [];

        public IReadOnlyList<AuthRequest> Asked
        {
            get
            {
                lock (_asked) return [.. _asked];
            }
        }

        public ValueTask<Verdict> AskAsync(AuthRequest request, CancellationToken cancellationToken)
        {
            lock (_asked) _asked.Add(request);
            return new(new Verdict(request.Target == target, "auth"));
        }
    }
}
