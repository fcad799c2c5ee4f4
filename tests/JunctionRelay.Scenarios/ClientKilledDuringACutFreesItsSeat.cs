using JunctionRelay.Scenarios.Harness;

namespace JunctionRelay.Scenarios;

/// <summary>A job that is killed while the link is down ends at the license server as soon as the link is back.</summary>
public sealed class ClientKilledDuringACutFreesItsSeat
{
    private const int SeatsOfTheKilled = 20;

    private static readonly TimeSpan UntilFree = TimeSpan.FromSeconds(2);

    [Theory]
    [InlineData(Route.Pair)]
    [InlineData(Route.Chain)]
    public async Task Its_seats_are_free_within_two_seconds_of_the_links_return(string topology)
    {
        await using var route = await Route.Lay(topology);
        await using var licenses = await SimulatedLicenses.Start(Route.ServerAddress, 27000, 40000, SeatsOfTheKilled + 1, route.Server);
        await route.Open(new RouteLinks { Ping = "500ms" }, new RoutePort("lmgrd", 27000, 27000), new RoutePort("vendor", 40000, 40000));
        await using var killed = SimulatedLicenses.Client(Route.Entrance, 27000, 40000, SeatsOfTheKilled, route.Client);
        await using var other = SimulatedLicenses.Client(Route.Entrance, 27000, 40000, 1, route.Client);
        await killed.Line(l => l == "held", "that its seats are held");
        await other.Line(l => l == "held", "that its seat is held");

        // The last link of the way, seen from the junction that dials it.
        var link = route.Hosts.Count - 2;
        var (dialler, acceptor) = route.EndsOf(link);
        await NetworkCuts.Drop(route.Hosts[dialler], Route.LinkPort);
        foreach (var end in new[] { dialler, acceptor })
            await route.Junctions[end].Line($"link with {route.Hosts[dialler + acceptor - end].Name} lost its connection", Deadline.Soon);
        killed.Send(Signal.Kill);
        await killed.Exit(Deadline.Soon);
        Assert.Equal(SeatsOfTheKilled + 1, await licenses.Held());

        await NetworkCuts.Pass(route.Hosts[dialler]);
        await route.Junctions[dialler].Line("goes on where it stopped", Deadline.Start);
        Assert.Equal(1, await licenses.HeldWithin(1, UntilFree));
        Assert.False(other.HasExited);
    }
}
