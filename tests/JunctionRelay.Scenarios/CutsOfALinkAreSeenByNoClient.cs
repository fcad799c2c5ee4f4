using System.Collections.Concurrent;
using System.Net;
using JunctionRelay.Scenarios.Harness;
using JunctionRelay.Tests.Harness;

namespace JunctionRelay.Scenarios;

/// <summary>
/// Promise 3 between hosts: 64 connections carry patterned data both ways while the TCP connection under their link is cut in every way that networks know. No byte is
/// lost, doubled or out of place, and no connection ends.
/// </summary>
public sealed class CutsOfALinkAreSeenByNoClient
{
    private const int Connections = 64;
    private const int Port = 5000;
    private const int ProxyPort = 8444;

    // What a link may hold in each direction (docs/security.md), and what a junction needs beside it.
    private const long LinkBudget = 128L << 20;
    private const long Beside = 128L << 20;

    // Longer than three pings, so that either end has given the connection up before the network is whole again.
    private static readonly TimeSpan Outage = TimeSpan.FromSeconds(2.5);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly ConcurrentDictionary<Host, string> _addresses = [];

    [Theory]
    [InlineData(Route.Pair, 0, 7)]
    [InlineData(Route.Pair, 50, 3)]
    [InlineData(Route.Chain, 0, 4)]
    [InlineData(Route.Chain, 50, 2)]
    public async Task Every_byte_arrives_and_no_connection_ends(string topology, int roundTripMilliseconds, int reduced)
    {
        await using var route = await Route.Lay(topology);
        var flows = new ConcurrentDictionary<int, PatternedFlow>();
        await using var server = PatternedFlow.Server(flows, route, Port);
        var ways = Enumerable.Range(0, route.Hosts.Count - 1).Select(link => Way(route, link, TimeSpan.FromMilliseconds(roundTripMilliseconds / 2.0))).ToList();
        try
        {
            await route.Open(new RouteLinks { Ping = "500ms", DialPort = ProxyPort }, new RoutePort("flows", Port, Port));
            using var stop = new CancellationTokenSource();
            for (var i = 0; i < Connections; i++)
                PatternedFlow.Start(flows, await route.Connect(Port), stop.Token);
            await Progress(flows, route, "before the first cut");

            string[] kinds = ["reset", "end", "forget", "readdress", "drop", "unplug", "freeze"];
            var sockets = route.Junctions.Select(j => j.Sockets).ToList();
            var cuts = Scale.Of(ci: reduced, full: 200);
            for (var cut = 0; cut < cuts; cut++)
            {
                // In a chain one link, the other, or both at once.
                var which = (cut + (cut / kinds.Length)) % (ways.Count + 1);
                var links = Enumerable.Range(0, ways.Count).Where(link => which == link || which == ways.Count);
                var kind = kinds[cut % kinds.Length];
                await Task.WhenAll(links.Select(link => Cut(kind, route, link, ways[link])));
                // Most cuts hit a link that has just come back and is still sending again what was in doubt; now and then everybody gets through first.
                if (cut % 5 == 4)
                    await Progress(flows, route, $"after cut {cut} ({kind})");
                else
                    await Task.Delay(Random.Shared.Next(0, 120), CancellationToken.None);
            }

            await Progress(flows, route, "after the last cut");
            foreach (var (junction, before) in route.Junctions.Zip(sockets))
            {
                await Deadline.Until(() => junction.Sockets <= before, Deadline.Soon, $"{junction.Name} has {before} sockets, as before the cuts", () => $"{junction.Sockets}");
                var links = Enumerable.Range(0, ways.Count).Count(link => route.EndsOf(link) is var (dialler, acceptor) && (route.Junctions[dialler] == junction || route.Junctions[acceptor] == junction));
                Assert.True(junction.PeakMemoryBytes < (2 * LinkBudget * links) + Beside, $"{junction.Name} held up to {junction.PeakMemoryBytes} bytes for {links} links.");
            }

            await stop.CancelAsync();
            await foreach (var ended in Task.WhenEach(flows.Values.Select(f => f.Ended)))
                await ended;
            var lines = await route.Ended(Connections);
            Assert.Equal(Connections, lines.Count);
            Assert.All(lines, c => Assert.True(c.IsClean && c.ToTarget > 0 && c.ToClient > 0, c.Text));
        }
        finally
        {
            foreach (var way in ways)
                await way.DisposeAsync();
        }
    }

    // A proxy on the host of the junction that is dialled.
    private static BlackHole Way(Route route, int link, TimeSpan delay)
    {
        var address = IPAddress.Parse(route.AcceptorAddressOf(link));
        var host = route.Hosts[route.EndsOf(link).Acceptor];
        return new BlackHole(new IPEndPoint(address, Route.LinkPort), new IPEndPoint(address, ProxyPort), () => HostSockets.Create(host), delay);
    }

    // Cuts a link, and waits until it is back.
    private async Task Cut(string kind, Route route, int link, BlackHole way)
    {
        var (dialler, acceptor) = route.EndsOf(link);
        var (near, far) = (route.Hosts[dialler], route.Hosts[acceptor]);
        var junction = route.Junctions[dialler];
        var before = Resumes(junction, far);
        switch (kind)
        {
            case "reset":
                await NetworkCuts.Reset(near, ProxyPort);
                break;
            case "end":
                way.Cut(reset: false);
                break;
            case "forget":
                way.Forget();
                break;
            case "drop":
                await NetworkCuts.Drop(near, ProxyPort);
                await Task.Delay(Outage);
                await NetworkCuts.Pass(near);
                break;
            case "unplug":
                await NetworkCuts.Unplug(near, far);
                await Task.Delay(Outage);
                await NetworkCuts.Plug(near, far);
                break;
            case "freeze":
                // As a virtual machine that is moved: the kernel's part may go on, the junction that is dialled does not.
                route.Junctions[acceptor].Program.Send(Signal.Stop);
                await Task.Delay(Outage);
                route.Junctions[acceptor].Program.Send(Signal.Cont);
                break;
            case "readdress":
                await Readdress(near, far, route.DiallerAddressOf(link));
                break;
        }

        await Deadline.Until(() => Resumes(junction, far) > before, Patience, $"link {link} comes back after '{kind}'", junction.Program.Said);
    }

    private async Task Readdress(Host near, Host far, string first)
    {
        var old = _addresses.GetValueOrDefault(near, first);
        var other = first[..^1] + (old == first ? "9" : first[^1]);
        await NetworkCuts.Readdress(near, far, $"{old}/24", $"{other}/24");
        _addresses[near] = other;
    }

    private static int Resumes(JunctionProcess junction, Host other) =>
        junction.Program.Lines.Count(l => l.Contains($"link with {other.Name} goes on where it stopped", StringComparison.Ordinal));

    // Every direction of every connection gets bytes through: none is stuck.
    private static async Task Progress(ConcurrentDictionary<int, PatternedFlow> flows, Route route, string when)
    {
        var before = flows.Values.Select(f => (Flow: f, f.Up, f.Down)).ToList();
        await Deadline.Until(
            () => before.All(b => b.Flow.Ended.IsFaulted || (b.Flow.Up > b.Up && b.Flow.Down > b.Down)),
            Patience,
            $"every connection gets bytes through both ways {when}",
            () => $"{string.Join('\n', before.Where(b => b.Flow.Up == b.Up || b.Flow.Down == b.Down).Select(b => b.Flow))}\n{route.Trouble()}");
        if (before.Find(b => b.Flow.Ended.IsFaulted).Flow is { } failed)
            Assert.Fail($"{when}: {failed}\n{route.Trouble()}");
    }
}
