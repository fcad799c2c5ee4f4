using JunctionRelay.Scenarios.Harness;

namespace JunctionRelay.Scenarios;

/// <summary>
/// A vendor daemon that is at another port after each of its restarts. 20 of them under 200 held seats: each cuts all 200, every one of their clients hears of it and checks out again,
/// seats == clients, and no port but those of the configuration and the one that the daemon has now is open at either junction: a scan of all ports of all their addresses proves it.
/// Where a second daemon takes over and the first lives on, no held seat is lost.
/// </summary>
public sealed class VendorPortMovesUnderHeldSeats
{
    private const int Seats = 200;
    private static readonly int Clients = Scale.Of(2, 10);
    private const int Restarts = 20;
    private const int FirstPort = 41200;

    // A scan tries 393,210 ports: after each restart, or after three of them.
    private static readonly int[] Scanned = Scale.Of([1, 10, 20], Enumerable.Range(1, Restarts).ToArray());

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    [Fact]
    public async Task Every_restart_cuts_all_seats_and_new_checkouts_find_the_daemon()
    {
        await using var site = await LicenseSite.Lay(servers: 1);
        await using var licenses = await site.Serve(0, FirstPort, Seats);
        await site.Open();
        IReadOnlyList<RealProgram> clients = [];
        try
        {
            clients = await HoldAsync(site, Clients, Seats / Clients);
            Assert.Equal(Seats, await licenses.Held());
            var before = await site.OpenPorts();
            Assert.Equal([LicenseSite.Lmgrd, FirstPort], before.Cloud);
            Assert.Equal([8443], before.Enterprise);

            var last = FirstPort;
            for (var restart = 1; restart <= Restarts; restart++)
            {
                // A daemon that is stopped ends its connections, but for those of which it has not read a heartbeat yet, which the system resets, as all of one that is killed.
                var reset = restart % 2 == 0;
                var port = await licenses.RestartVendor(reset);
                Assert.NotEqual(last, port);
                last = port;
                foreach (var client in clients)
                    await LostAsync(client, site, reset ? ["lost reset"] : ["lost fin", "lost reset"]);
                Assert.Equal(0, await licenses.Held());

                clients = await HoldAsync(site, Clients, Seats / Clients);
                Assert.Equal(new SeatCounts(Seats, Seats * (restart + 1), 0, 0), await licenses.Counts() with { Heartbeats = 0 });
                Assert.All(clients, c => Assert.False(c.HasExited, c.Said()));
                await AssertOpenAsync(site, port);
                if (Scanned.Contains(restart)) await ScanAsync(site, port);
            }

            // One client after the other, so that the count is that of those who are alive at every moment.
            for (var left = Clients - 1; left >= 0; left--)
            {
                await EndAsync(clients[left]);
                Assert.Equal(left * Seats / Clients, await licenses.HeldWithin(left * Seats / Clients, Deadline.Start));
            }
        }
        finally
        {
            await Task.WhenAll(clients.Select(c => c.DisposeAsync().AsTask()));
        }
    }

    [Fact]
    public async Task A_second_daemon_takes_over_and_no_seat_of_the_first_is_lost()
    {
        const int Batch = 20;
        var moves = Scale.Of(3, 20);
        await using var site = await LicenseSite.Lay(servers: 1);
        await using var licenses = await site.Serve(0, FirstPort, (moves + 1) * Batch);
        await site.Open();
        var clients = new List<RealProgram>();
        try
        {
            clients.AddRange(await HoldAsync(site, 1, Batch));
            for (var move = 1; move <= moves; move++)
            {
                var port = await licenses.MoveVendor();
                clients.AddRange(await HoldAsync(site, 1, Batch));
                Assert.Equal(clients.Count * Batch, await licenses.Held());
                Assert.All(clients, c => Assert.False(c.HasExited, c.Said()));
                await AssertOpenAsync(site, port);
            }

            await Task.WhenAll(clients.Select(EndAsync));
            Assert.Equal(new SeatCounts(0, (moves + 1) * Batch, 0, 0), await licenses.Counts() with { Heartbeats = 0 });
        }
        finally
        {
            await Task.WhenAll(clients.Select(c => c.DisposeAsync().AsTask()));
        }
    }

    private static async Task<IReadOnlyList<RealProgram>> HoldAsync(LicenseSite site, int clients, int seats)
    {
        var started = Enumerable.Range(0, clients).Select(_ => site.Client([0], seats)).ToList();
        foreach (var client in started)
            await client.Line(l => l == "held", $"that its seats are held ({site.Trouble()})", Patience);
        return started;
    }

    private static async Task LostAsync(RealProgram client, LicenseSite site, string[] how)
    {
        await using (client)
        {
            await client.Line(l => how.Contains(l), $"{string.Join(" or ", how)} ({site.Trouble()})", Patience);
            await client.Exit(Patience);
        }
    }

    private static async Task AssertOpenAsync(LicenseSite site, int vendorPort)
    {
        var (cloud, enterprise) = await site.OpenPorts();
        Assert.Equal(new[] { LicenseSite.Lmgrd, vendorPort }.Order(), cloud);
        Assert.Equal([8443], enterprise);
    }

    private static async Task ScanAsync(LicenseSite site, int vendorPort)
    {
        var (cloud, enterprise) = await site.ScanAllPorts();
        Assert.Equal(new[] { LicenseSite.Lmgrd, vendorPort }.Order().Select(p => $"10.95.1.1:{p}"), cloud);
        Assert.Equal(["10.95.10.2:8443"], enterprise);
    }

    private static async Task EndAsync(RealProgram client)
    {
        await using (client)
        {
            client.Input.Close();
            Assert.Contains("returned", (await client.Exit(Patience)).Output, StringComparison.Ordinal);
        }
    }
}
