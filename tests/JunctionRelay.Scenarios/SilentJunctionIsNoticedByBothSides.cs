using System.Diagnostics;
using JunctionRelay.Scenarios.Harness;

namespace JunctionRelay.Scenarios;

/// <summary>A link between machines that stop hearing each other, without FIN or RST: both ends notice within 20 s, with the default settings.</summary>
public sealed class SilentJunctionIsNoticedByBothSides
{
    private static readonly TimeSpan Noticed = TimeSpan.FromSeconds(20);

    [Fact]
    public async Task Both_logs_say_so_within_twenty_seconds()
    {
        // Two links at once, one for each kind of silence: it takes a while.
        await using var route = await Route.Lay(Route.Chain);
        await route.Open(new RoutePort("unused", 5000, 5000));
        var watch = Stopwatch.StartNew();
        await NetworkCuts.Drop(route.Hosts[0], Route.LinkPort);
        await NetworkCuts.Unplug(route.Hosts[2], route.Hosts[1]);
        foreach (var (junction, other) in new[] { (0, 1), (1, 0), (1, 2), (2, 1) })
        {
            var line = await route.Junctions[junction].Line($"link with {route.Hosts[other].Name} lost its connection", Noticed - watch.Elapsed);
            Assert.EndsWith("no sign of life", line, StringComparison.Ordinal);
        }

        Assert.True(watch.Elapsed > Noticed / 4, $"{watch.Elapsed} is no silence, but a cut that was told.");
    }
}
