using JunctionRelay.Scenarios.Harness;

namespace JunctionRelay.Scenarios;

/// <summary>
/// A vendor daemon that is at another port after each of its 20 restarts, under 200 held seats: every new checkout works, no held seat is lost, seats == clients, and no
/// port but those of the configuration and the one that the daemon has now is open at either junction: a scan of all ports of all their addresses proves it.
/// </summary>
public sealed class VendorPortMovesUnderHeldSeats
{
    private const int Seats = 200;
    private const int Batch = 20;
    private const int Restarts = 20;

    // A scan tries 393,210 ports: after each restart, or after three of them.
    private static readonly int[] Scanned = Scale.Of([1, 10, 20], Enumerable.Range(1, Restarts).ToArray());

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    [Fact]
    public async Task New_checkouts_find_it_and_nothing_else_is_open()
    {
        await using var site = await LicenseSite.Lay(servers: 1);
        await using var licenses = await site.Serve(0, vendorPort: 41200, Seats + Batch);
        await site.Open();
        var clients = new Queue<RealProgram>();
        try
        {
            for (var i = 0; i < Seats / Batch; i++)
                clients.Enqueue(await HoldAsync(site));
            Assert.Equal(Seats, await licenses.Held());
            var before = await site.OpenPorts();
            Assert.Equal([LicenseSite.Lmgrd, 41200], before.Cloud);
            Assert.Equal([8443], before.Enterprise);

            var seen = new HashSet<int> { 41200 };
            for (var restart = 1; restart <= Restarts; restart++)
            {
                var port = await licenses.MoveVendor();
                Assert.True(seen.Add(port), $"the daemon is at {port} again");
                clients.Enqueue(await HoldAsync(site));
                Assert.Equal(Seats + Batch, await licenses.Held());
                var (cloud, enterprise) = await site.OpenPorts();
                Assert.Equal(new[] { LicenseSite.Lmgrd, port }.Order(), cloud);
                Assert.Equal([8443], enterprise);
                if (Scanned.Contains(restart)) await ScanAsync(site, port);

                // The oldest jobs end; the others are still where they were.
                await EndAsync(clients.Dequeue());
                Assert.Equal(Seats, await licenses.HeldWithin(Seats, Deadline.Start));
                Assert.All(clients, c => Assert.False(c.HasExited, c.Said()));
            }

            while (clients.Count > 0)
                await EndAsync(clients.Dequeue());
            Assert.Equal(new SeatCounts(0, Seats + (Restarts * Batch), 0, 0), await licenses.Counts() with { Heartbeats = 0 });
        }
        finally
        {
            await Task.WhenAll(clients.Select(c => c.DisposeAsync().AsTask()));
        }

        async Task<RealProgram> HoldAsync(LicenseSite at)
        {
            var client = at.Client([0], Batch);
            await client.Line(l => l == "held", $"that its seats are held ({at.Trouble()})", Patience);
            return client;
        }

        static async Task ScanAsync(LicenseSite at, int vendorPort)
        {
            var (cloud, enterprise) = await at.ScanAllPorts();
            Assert.Equal(new[] { LicenseSite.Lmgrd, vendorPort }.Order().Select(p => $"10.95.1.1:{p}"), cloud);
            Assert.Equal(["10.95.10.2:8443"], enterprise);
        }

        static async Task EndAsync(RealProgram client)
        {
            await using (client)
            {
                client.Input.Close();
                Assert.Contains("returned", (await client.Exit(Patience)).Output, StringComparison.Ordinal);
            }
        }
    }
}
