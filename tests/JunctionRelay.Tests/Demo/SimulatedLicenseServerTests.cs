using System.Net;
using System.Net.Sockets;
using JunctionRelay.App.Demo;
using JunctionRelay.Licensing;

namespace JunctionRelay.Tests.Demo;

public sealed class SimulatedLicenseServerTests
{
    [Fact]
    public async Task Lmgrd_names_the_configured_host_and_the_daemons_port_and_closes()
    {
        await using var server = new SimulatedLicenseServer(new SimulatedServerOptions { HostName = "lic.corp" });
        using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(server.EndPoint);
        await socket.SendAsync(SimulatedPair.Hello().ToBytes());

        var reply = FlexLmRedirect.Parse(await SimulatedPair.ReadToEndAsync(socket));

        Assert.Equal(FlexLmParseState.Parsed, reply.State);
        Assert.Equal(("lic.corp", server.Daemon.EndPoint.Port), (reply.Message!.Host, reply.Message.Port));
        Assert.Equal((1, 0), (server.Redirects, server.Seats.Counts.Checkouts));
    }

    [Fact]
    public async Task A_seat_is_held_while_its_connection_lives_and_freed_by_FIN()
    {
        await using var pair = new SimulatedPair();
        await using var seat = await pair.HoldAsync();
        var holder = Assert.Single(pair.Server.Seats.Holders());
        Assert.Equal(("alice", "node01", "4242"), (holder.User, holder.Host, holder.ProcessId));
        Assert.Equal(((IPEndPoint)seat.LocalEndPoint!).Port, ((IPEndPoint)holder.Peer!).Port);
        Assert.False(seat.Ended.IsCompleted);

        Assert.Equal(ConversationEnd.Fin, await seat.ReturnAsync());

        // The daemon frees before it answers, so there is nothing to wait for.
        Assert.Equal(new SeatCounts { Seats = 10, Checkouts = 1, FreedByFin = 1 }, pair.Server.Seats.Counts);
    }

    [Fact]
    public async Task A_seat_is_freed_by_RST_just_as_well()
    {
        await using var pair = new SimulatedPair();
        await using var seat = await pair.HoldAsync();

        await seat.ResetAsync();

        await pair.AssertSeatsAsync(0);
        Assert.Equal((0, 1), (pair.Server.Seats.Counts.FreedByFin, pair.Server.Seats.Counts.FreedByReset));
    }

    [Fact]
    public async Task More_clients_than_seats_are_denied_until_one_comes_back()
    {
        await using var pair = new SimulatedPair(seats: 10);
        var results = await Task.WhenAll(Enumerable.Range(0, 25).Select(i => SimulatedLicenseClient.CheckOutAsync(pair.Client($"user{i}"))));
        var held = results.Where(r => r.Seat is not null).Select(r => r.Seat!).ToList();

        Assert.Equal(10, held.Count);
        Assert.Equal(10, held.Select(s => s.Number).Distinct().Count());
        Assert.All(results.Where(r => r.Seat is null), r => Assert.Equal((CheckoutStep.ReadGrant, -4), (r.Failure!.Step, r.Failure.FlexLmError)));
        Assert.Equal(15, pair.Server.Seats.Counts.Denied);

        await held[0].ReturnAsync();
        held.Add(await pair.HoldAsync());
        Assert.Equal(10, pair.Server.Seats.Counts.Held);
        await Task.WhenAll(held.Select(s => s.DisposeAsync().AsTask()));
        Assert.Equal(0, pair.Server.Seats.Counts.Held);
    }

    [Fact]
    public async Task Three_hundred_clients_at_once_and_seats_always_equal_clients()
    {
        await using var pair = new SimulatedPair(seats: 300);
        var seats = await Task.WhenAll(Enumerable.Range(0, 300).Select(i => pair.HoldAsync(pair.Client($"user{i % 3}"))));
        Assert.Equal(300, pair.Server.Seats.Counts.Held);
        Assert.Equal(100, pair.Server.Seats.HeldBy("user0", "node01"));

        await Task.WhenAll(seats.Where((_, i) => i % 3 == 0).Select(s => s.ReturnAsync()));
        Assert.Equal(200, pair.Server.Seats.Counts.Held);
        await Task.WhenAll(seats.Where((_, i) => i % 3 == 1).Select(s => s.ResetAsync()));
        await pair.AssertSeatsAsync(100);

        var counts = pair.Server.Seats.Counts;
        Assert.Equal((300, 100, 100), (counts.Checkouts, counts.FreedByFin, counts.FreedByReset));
        Assert.All(seats.Where((_, i) => i % 3 == 2), s => Assert.False(s.Ended.IsCompleted));
        Assert.All(pair.Server.Seats.Holders(), h => Assert.Equal("user2", h.User));

        await pair.DisposeAsync();
        Assert.Equal(100, pair.Server.Seats.Counts.FreedByServer);
        Assert.All(pair.Changes, c => Assert.Equal(c.Counts.Checkouts, c.Counts.Held + c.Counts.Freed));
        Assert.Equal(600, pair.Changes.Count);
        await Task.WhenAll(seats.Select(s => s.DisposeAsync().AsTask()));
    }

    [Fact]
    public async Task A_client_that_dribbles_single_bytes_gets_its_seat()
    {
        await using var pair = new SimulatedPair();
        await using var seat = await pair.HoldAsync(pair.Client() with { PieceBytes = 1 });

        Assert.True(await seat.HeartbeatAsync(SimulatedPair.Soon));
        Assert.Equal(ConversationEnd.Fin, await seat.ReturnAsync());
    }

    [Fact]
    public async Task Half_a_hello_gets_no_seat_whether_it_ends_by_silence_or_FIN_or_RST()
    {
        await using var pair = new SimulatedPair(helloLimit: TimeSpan.FromMilliseconds(200));
        foreach (var vendor in new[] { false, true })
        {
            var half = SimulatedPair.Hello().ToBytes().AsMemory(0, 80);
            using var silent = await pair.DialAsync(vendor);
            await silent.SendAsync(half);
            using var finished = await pair.DialAsync(vendor);
            await finished.SendAsync(half);
            finished.Shutdown(SocketShutdown.Send);
            var reset = await pair.DialAsync(vendor);
            await reset.SendAsync(half);
            SimulatedPair.Reset(reset);

            Assert.Empty(await SimulatedPair.ReadToEndAsync(silent));
            Assert.Empty(await SimulatedPair.ReadToEndAsync(finished));
        }

        await pair.DisposeAsync();
        Assert.Equal((0, 0, 6), (pair.Server.Seats.Counts.Checkouts, pair.Server.Redirects, pair.Server.RefusedHellos));
    }

    [Fact]
    public async Task Strangers_are_turned_away_at_once_and_others_are_served_meanwhile()
    {
        await using var pair = new SimulatedPair();
        var idle = await Task.WhenAll(Enumerable.Range(0, 200).Select(i => pair.DialAsync(vendor: i % 2 == 0)));
        using var web = await pair.DialAsync();
        await web.SendAsync("GET / HTTP/1.1\r\n\r\n"u8.ToArray());
        using var otherVendor = await pair.DialAsync();
        await otherVendor.SendAsync((SimulatedPair.Hello() with { Vendor = "otherd" }).ToBytes());

        Assert.Empty(await ReadUntilClosedAsync(web));
        Assert.Empty(await ReadUntilClosedAsync(otherVendor));
        await using var seat = await pair.HoldAsync();
        Assert.Equal(2, pair.Server.RefusedHellos);
        foreach (var socket in idle)
            socket.Dispose();
    }

    [Fact]
    public async Task Huge_claimed_lengths_end_a_conversation_at_once()
    {
        await using var pair = new SimulatedPair();
        using var socket = await HoldBareAsync(pair);
        var huge = new FlexLmFrame { Type = SimulatedFrames.Heartbeat, Payload = new byte[60_000] }.ToBytes();

        await socket.SendAsync(huge.AsMemory(0, FlexLmFrame.HeaderBytes));

        await pair.AssertSeatsAsync(0);
        Assert.Equal(1, pair.Server.Seats.Counts.FreedByGarbage);
    }

    [Fact]
    public async Task Damaged_bytes_on_the_way_are_counted_as_such()
    {
        await using var pair = new SimulatedPair();
        using var damaged = await HoldBareAsync(pair);
        using var cut = await HoldBareAsync(pair);
        var heartbeat = SimulatedFrames.Write(SimulatedFrames.Heartbeat, 1);

        await cut.SendAsync(heartbeat.AsMemory(0, 10));
        cut.Shutdown(SocketShutdown.Send);
        heartbeat[^1] ^= 1;
        await damaged.SendAsync(heartbeat);

        await pair.AssertSeatsAsync(0);
        Assert.Equal(2, pair.Server.Seats.Counts.FreedByGarbage);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_restarted_daemon_has_ended_its_clients_and_is_found_on_its_new_port(bool reset)
    {
        await using var pair = new SimulatedPair();
        await using var before = await pair.HoldAsync();
        var oldPort = pair.Server.Daemon.EndPoint.Port;

        await pair.Server.Daemon.RestartAsync(reset: reset);

        Assert.Equal(0, pair.Server.Seats.Counts.Held);
        Assert.Equal(1, pair.Server.Seats.Counts.FreedByServer);
        Assert.Equal(reset ? ConversationEnd.Reset : ConversationEnd.Fin, await before.Ended.WaitAsync(SimulatedPair.Soon));
        Assert.NotEqual(oldPort, pair.Server.Daemon.EndPoint.Port);
        await using var after = await pair.HoldAsync();
    }

    [Fact]
    public async Task A_daemon_may_come_back_on_the_same_port()
    {
        await using var pair = new SimulatedPair();
        await using var before = await pair.HoldAsync();
        var port = pair.Server.Daemon.EndPoint.Port;

        await pair.Server.Daemon.RestartAsync(port);

        Assert.Equal(port, pair.Server.Daemon.EndPoint.Port);
        await using var after = await pair.HoldAsync();
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task The_daemon_can_take_one_seat_back_and_leave_the_others(bool reset)
    {
        await using var pair = new SimulatedPair();
        await using var taken = await pair.HoldAsync();
        await using var kept = await pair.HoldAsync();

        Assert.True(await pair.Server.Daemon.EndSeatAsync(taken.Number, reset));

        Assert.Equal(reset ? ConversationEnd.Reset : ConversationEnd.Fin, await taken.Ended.WaitAsync(SimulatedPair.Soon));
        Assert.Equal((1, 1), (pair.Server.Seats.Counts.Held, pair.Server.Seats.Counts.FreedByServer));
        Assert.True(await kept.HeartbeatAsync(SimulatedPair.Soon));
        Assert.False(await pair.Server.Daemon.EndSeatAsync(taken.Number, reset));
    }

    [Fact]
    public async Task A_port_in_use_is_reported_and_leaves_nothing_listening()
    {
        await using var pair = new SimulatedPair();
        var busy = pair.Server.EndPoint;

        Assert.Throws<SocketException>(() => new SimulatedLicenseServer(new SimulatedServerOptions { Listen = busy }));

        // Nobody else lives at this address; lmgrd takes the port, and its daemon cannot have the same.
        var lmgrd = new IPEndPoint(IPAddress.Parse("127.77.66.55"), busy.Port);
        Assert.Throws<SocketException>(() => new SimulatedLicenseServer(new SimulatedServerOptions { Listen = lmgrd, VendorPort = lmgrd.Port }));
        await using var again = new SimulatedLicenseServer(new SimulatedServerOptions { Listen = lmgrd });
        Assert.Equal(lmgrd, again.EndPoint);
    }

    [Fact]
    public async Task Everything_works_over_IPv6()
    {
        await using var pair = new SimulatedPair(address: IPAddress.IPv6Loopback);
        await using var seat = await pair.HoldAsync();
        Assert.Equal(ConversationEnd.Fin, await seat.ReturnAsync());
    }

    // A client by hand, for what the real one would never send.
    private static async Task<Socket> HoldBareAsync(SimulatedPair pair)
    {
        var held = pair.Server.Seats.Counts.Held;
        var socket = await pair.DialAsync(vendor: true);
        await socket.SendAsync(SimulatedPair.Hello().ToBytes());
        await pair.AssertSeatsAsync(held + 1);
        return socket;
    }

    // Unread bytes at the far end make its close a RST: closed all the same.
    private static async Task<byte[]> ReadUntilClosedAsync(Socket socket)
    {
        try
        {
            return await SimulatedPair.ReadToEndAsync(socket);
        }
        catch (SocketException)
        {
            return [];
        }
    }
}
