using JunctionRelay.Scenarios.Harness;

namespace JunctionRelay.Scenarios;

/// <summary>500 licensed jobs hold their seats through a link that goes away again and again: the license server sees no seat returned and none taken twice.</summary>
public sealed class SeatsOutliveCutsOfALink
{
    private const int Clients = 10;
    private const int SeatsEach = 50;
    private const int Seats = Clients * SeatsEach;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    [Fact]
    public async Task The_server_sees_no_seat_returned_and_none_taken_twice()
    {
        await using var route = await Route.Lay(Route.Pair);
        await using var licenses = await SimulatedLicenses.Start(Route.ServerAddress, 27000, 40000, Seats, route.Server);
        await route.Open(new RouteLinks { Ping = Scale.Of("500ms", "5s") }, new RoutePort("lmgrd", 27000, 27000), new RoutePort("vendor", 40000, 40000));
        var clients = Enumerable.Range(0, Clients).Select(_ => SimulatedLicenses.Client(Route.Entrance, 27000, 40000, SeatsEach, route.Client, heartbeat: 1)).ToList();
        try
        {
            foreach (var client in clients)
                await client.Line(l => l == "held", "that its seats are held", Patience);
            Assert.Equal(new SeatCounts(Seats, Seats, 0, 0), await licenses.Counts() with { Heartbeats = 0 });

            var (near, far) = (route.Hosts[0], route.Hosts[1]);
            var cuts = Scale.Of(ci: 3, full: 50);
            for (var cut = 0; cut < cuts; cut++)
            {
                var outage = TimeSpan.FromSeconds(Scale.Of(ci: 1 + cut, full: Random.Shared.Next(1, 21)));
                switch (cut % 3)
                {
                    case 0:
                        await NetworkCuts.Unplug(near, far);
                        await Task.Delay(outage);
                        await NetworkCuts.Plug(near, far);
                        break;
                    case 1:
                        await NetworkCuts.Reset(near, Route.LinkPort);
                        await NetworkCuts.Drop(near, Route.LinkPort);
                        await Task.Delay(outage);
                        await NetworkCuts.Pass(near);
                        break;
                    default:
                        await NetworkCuts.Drop(near, Route.LinkPort);
                        await Task.Delay(outage);
                        await NetworkCuts.Pass(near);
                        break;
                }

                // Each seat is heard of again.
                var before = (await licenses.Counts()).Heartbeats;
                await Deadline.Until(async () => (await licenses.Counts()).Heartbeats >= before + Seats, Patience, $"the seats are heard of after cut {cut} of {outage}", route.Trouble);
                Assert.Equal(new SeatCounts(Seats, Seats, 0, 0), await licenses.Counts() with { Heartbeats = 0 });
            }

            foreach (var client in clients)
                client.Input.Close();
            foreach (var client in clients)
                Assert.Contains("returned", (await client.Exit(Deadline.Start)).Output, StringComparison.Ordinal);
            Assert.Equal(new SeatCounts(0, Seats, 0, 0), await licenses.Counts() with { Heartbeats = 0 });
            var ended = await route.Ended(2 * Seats);
            Assert.All(ended, c => Assert.True(c.IsClean, c.Text));
        }
        finally
        {
            await Task.WhenAll(clients.Select(c => c.DisposeAsync().AsTask()));
        }
    }
}
