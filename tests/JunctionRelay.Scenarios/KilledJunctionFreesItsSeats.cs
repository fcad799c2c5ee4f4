using System.Diagnostics;
using JunctionRelay.Scenarios.Harness;

namespace JunctionRelay.Scenarios;

/// <summary>kill -9 of a junction that holds streams of links. Its next process is known for what it is; without one the streams end after <c>resume</c>.</summary>
public sealed class KilledJunctionFreesItsSeats
{
    private const int Seats = 50;

    private static readonly TimeSpan UntilFree = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan Resume = TimeSpan.FromSeconds(5);

    [Theory]
    [InlineData(Route.Pair, "cloud")]      // dials
    [InlineData(Route.Pair, "enterprise")] // has the connections to the license server
    [InlineData(Route.Reverse, "cloud")]   // is dialled
    [InlineData(Route.Chain, "dmz")]       // is dialled from both sides
    public async Task Its_restart_ends_the_old_seats_within_two_seconds(string topology, string killed)
    {
        await using var scene = await Scene.Set(topology, killed, "60s");
        await scene.Kill();
        await scene.Killed.Restart();
        await scene.EverythingIsOver(UntilFree, "link-peer-restarted");

        // The new process serves.
        await scene.Route.LinksAreUp();
        await using var next = SimulatedLicenses.Client(Route.Entrance, 27000, 40000, 1, scene.Route.Client);
        await next.Line(l => l == "held", "that its seat is held");
    }

    [Theory]
    [InlineData(Route.Chain, "dmz")]
    [InlineData(Route.Pair, "cloud")]
    [InlineData(Route.Pair, "enterprise")]
    public async Task Without_a_restart_resume_ends_them(string topology, string killed)
    {
        await using var scene = await Scene.Set(topology, killed, $"{Resume.TotalSeconds}s");
        var watch = Stopwatch.StartNew();
        await scene.Kill();
        await scene.EverythingIsOver(Resume + UntilFree, "link-lost");
        Assert.True(watch.Elapsed >= Resume, $"after {watch.Elapsed}");
    }

    // All seats are held through the route.
    private sealed class Scene : IAsyncDisposable
    {
        private RealProgram? _client;
        private SimulatedLicenses? _licenses;

        public required Route Route { get; init; }

        public required string KilledName { get; init; }

        public JunctionProcess Killed => Route.Junctions.Single(j => j.Name == KilledName);

        public static async Task<Scene> Set(string topology, string killed, string resume)
        {
            var scene = new Scene { Route = await Route.Lay(topology), KilledName = killed };
            try
            {
                scene._licenses = await SimulatedLicenses.Start(Route.ServerAddress, 27000, 40000, Seats, scene.Route.Server);
                await scene.Route.Open(new RouteLinks { Resume = resume }, new RoutePort("lmgrd", 27000, 27000), new RoutePort("vendor", 40000, 40000));
                scene._client = SimulatedLicenses.Client(Route.Entrance, 27000, 40000, Seats, scene.Route.Client);
                await scene._client.Line(l => l == "held", "that its seats are held");
                Assert.Equal(Seats, await scene._licenses.Held());
                return scene;
            }
            catch
            {
                await scene.DisposeAsync();
                throw;
            }
        }

        public async Task Kill()
        {
            Killed.Program.Send(Signal.Kill);
            foreach (var survivor in Survivors)
                await survivor.Line($"link with {KilledName} lost its connection");
        }

        // No seat is held any more, the client knows that, and every junction that lived on says why.
        public async Task EverythingIsOver(TimeSpan within, string reason)
        {
            var free = _licenses!.HeldWithin(0, within);
            await _client!.Line(l => l.StartsWith("lost", StringComparison.Ordinal), "that its seats are lost", within);
            Assert.Equal(0, await free);
            foreach (var survivor in Survivors)
                Assert.Equal(Seats, (await survivor.Ended(2 * Seats)).Count(c => c.Relay.EndsWith("vendor", StringComparison.Ordinal) && c.Reason == reason));
        }

        public async ValueTask DisposeAsync()
        {
            if (_client is not null)
                await _client.DisposeAsync();
            if (_licenses is not null)
                await _licenses.DisposeAsync();
            await Route.DisposeAsync();
        }

        private IEnumerable<JunctionProcess> Survivors => Route.Junctions.Where(j => j.Name != KilledName);
    }
}
