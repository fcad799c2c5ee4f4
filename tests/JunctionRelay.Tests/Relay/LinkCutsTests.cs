using JunctionRelay.Tests.Harness;

namespace JunctionRelay.Tests.Relay;

/// <summary>
/// Promise 3: cuts of a link's connection are seen by no client. Patterned data flows both ways all the time; the link is cut by RST, by FIN and by
/// silence in turn, at whatever byte it happens to be.
/// </summary>
[Collection(Alone.Name)]
public sealed class LinkCutsTests
{
    // In full by JUNCTION_SCALE=full (tests/release-check.sh).
    private static readonly bool Full = Environment.GetEnvironmentVariable("JUNCTION_SCALE") == "full";
    // Hundreds of cuts in a row, and 64 connections with all they have in doubt: a moment may be long, for ever may not.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan Ping = TimeSpan.FromMilliseconds(500);

    [Fact]
    public async Task Sixty_four_connections_see_nothing_of_the_cuts_of_a_link()
    {
        using var upstream = Peer.Listen();
        await using var hq = await TestJunction.StartAsync(new TestJunctionPlan("hq")
        {
            Services = { ["s"] = TestRelay.Tcp(upstream.LocalEndPoint!) },
            Peers = { ["cloud"] = ["s"] },
            Dialled = true,
            PingInterval = Ping,
        });
        await using var way = new BlackHole(hq.LinkAddress);
        await using var cloud = await TestJunction.StartAsync(new TestJunctionPlan("cloud")
        {
            Relays = { ["s"] = "hq/s" },
            Dial = [("hq", [way.Address])],
            PingInterval = Ping,
        });
        await cloud.LinkedAsync("hq");
        await CutUnderLoadAsync(upstream, cloud, Full ? 200 : 15, way);
    }

    [Fact]
    public async Task A_chain_of_three_hops_survives_cuts_on_both_links()
    {
        using var upstream = Peer.Listen();
        await using var hq = await TestJunction.StartAsync(new TestJunctionPlan("hq")
        {
            Services = { ["s"] = TestRelay.Tcp(upstream.LocalEndPoint!) },
            Peers = { ["dmz"] = ["s"] },
            Dialled = true,
            PingInterval = Ping,
        });
        await using var inner = new BlackHole(hq.LinkAddress);
        await using var dmz = await TestJunction.StartAsync(new TestJunctionPlan("dmz")
        {
            Services = { ["s"] = "hq/s" },
            Peers = { ["cloud"] = ["s"] },
            Dial = [("hq", [inner.Address])],
            Dialled = true,
            PingInterval = Ping,
        });
        await using var outer = new BlackHole(dmz.LinkAddress);
        await using var cloud = await TestJunction.StartAsync(new TestJunctionPlan("cloud")
        {
            Relays = { ["s"] = "dmz/s" },
            Dial = [("dmz", [outer.Address])],
            PingInterval = Ping,
        });
        await Task.WhenAll(cloud.LinkedAsync("dmz"), dmz.LinkedAsync("hq"));
        await CutUnderLoadAsync(upstream, cloud, Full ? 100 : 6, inner, outer);
    }

    [Fact]
    public async Task A_link_that_stays_away_longer_than_resume_resets_its_streams()
    {
        using var upstream = Peer.Listen();
        var resume = TimeSpan.FromSeconds(1);
        await using var hq = await TestJunction.StartAsync(new TestJunctionPlan("hq")
        {
            Services = { ["s"] = TestRelay.Tcp(upstream.LocalEndPoint!) },
            Peers = { ["cloud"] = ["s"] },
            Dialled = true,
            PingInterval = Ping,
            Resume = resume,
        });
        await using var way = new BlackHole(hq.LinkAddress);
        await using var cloud = await TestJunction.StartAsync(new TestJunctionPlan("cloud")
        {
            Relays = { ["s"] = "hq/s" },
            Dial = [("hq", [way.Address])],
            PingInterval = Ping,
            Resume = resume,
        });
        await cloud.LinkedAsync("hq");
        using var client = await Peer.ConnectAsync(cloud.AddressOf("s"));
        using var server = await Peer.AcceptAsync(upstream);
        await client.SendAsync("x"u8.ToArray());
        await server.ReadAsync(1);

        way.Swallow();
        Assert.Equal(SeenEnd.Reset, (await client.ReadToEndAsync()).End);
        Assert.Equal(SeenEnd.Reset, (await server.ReadToEndAsync()).End);
        Assert.Equal("link-lost", (await cloud.Log.WaitAsync("connection-ended")).Fields["reason"]);
        Assert.Equal("link-lost", (await hq.Log.WaitAsync("connection-ended")).Fields["reason"]);

        way.Heal();
        await cloud.LinkedAsync("hq");
        using var again = await Peer.ConnectAsync(cloud.AddressOf("s"));
        using var againServer = await Peer.AcceptAsync(upstream);
        await again.SendAsync("y"u8.ToArray());
        Assert.Equal("y"u8.ToArray(), await againServer.ReadAsync(1));
    }

    private static async Task CutUnderLoadAsync(System.Net.Sockets.Socket upstream, TestJunction cloud, int cuts, params BlackHole[] ways)
    {
        using var stop = new CancellationTokenSource();
        var flows = new List<Flow>();
        for (var i = 0; i < 64; i++)
        {
            // One after the other, so that the server accepted is the client's.
            var client = await Peer.ConnectAsync(cloud.AddressOf("s"));
            flows.Add(new Flow(client, await Peer.AcceptAsync(upstream), stop.Token));
        }

        for (var cut = 0; cut < cuts; cut++)
        {
            var way = ways[cut % ways.Length];
            var before = way.Ways;
            switch (cut / ways.Length % 3)
            {
                case 0: way.Cut(reset: true); break;
                case 1: way.Cut(reset: false); break;
                default: way.Forget(); break;
            }

            await Eventually.TrueAsync(() => way.Ways > before, () => $"cut {cut}: nobody dialled again");
            // Most cuts hit a link that has just come back and is still sending again what was in doubt; now and then everybody gets through first.
            if (cut % 5 == 4) await ProgressAsync(flows, $"after cut {cut}");
            else await Task.Delay(Random.Shared.Next(0, 120), CancellationToken.None);
        }

        await ProgressAsync(flows, "after the last cut");
        await stop.CancelAsync();
        // In the order in which they end, so that the first fault is the one that is shown.
        await foreach (var flow in Task.WhenEach(flows.Select(f => f.Ended))) await flow;
        Assert.DoesNotContain(cloud.Log.Entries, e => e.Name == "connection-ended" && (string)e.Fields["reason"]! is not ("client-closed" or "target-closed"));
    }

    // Every direction of every connection gets bytes through: none is stuck.
    private static async Task ProgressAsync(List<Flow> flows, string when)
    {
        var before = flows.ConvertAll(f => (f.Up, f.Down));
        await Eventually.TrueAsync(
            () => flows.Select((f, i) => f.Ended.IsFaulted || f.Up > before[i].Up && f.Down > before[i].Down).All(progress => progress),
            () => $"{when} these are stuck: {string.Join(", ", flows.Where((f, i) => f.Up == before[i].Up || f.Down == before[i].Down))}",
            Patience);
        if (flows.Find(f => f.Ended.IsFaulted) is { } failed) await failed.Ended;
    }

    /// <summary>One connection that sends a pattern both ways until it is stopped, and then checks that every byte arrived.</summary>
    private sealed class Flow
    {
        private const int SendBuffer = 32 * 1024;

        private readonly Peer _client;
        private readonly Peer _server;
        private long _up;
        private long _down;

        public Flow(Peer client, Peer server, CancellationToken stop)
        {
            (_client, _server) = (client, server);
            // A send that waits is to go on as soon as some of it is taken: else a link that is cut all the time looks like one that is stuck.
            client.SendBufferBytes = server.SendBufferBytes = SendBuffer;
            Ended = RunAsync(stop);
        }

        public Task Ended { get; }

        /// <summary>Bytes that arrived at the server.</summary>
        public long Up => Volatile.Read(ref _up);

        /// <summary>Bytes that arrived at the client.</summary>
        public long Down => Volatile.Read(ref _down);

        public override string ToString() => $"{_client.LocalEndPoint} (up {Up}, down {Down})";

        private async Task RunAsync(CancellationToken stop)
        {
            var up = SendAsync(_client, stop);
            var down = SendAsync(_server, stop);
            var upChecked = CheckAsync(_server, at => Volatile.Write(ref _up, at));
            var downChecked = CheckAsync(_client, at => Volatile.Write(ref _down, at));
            // Whatever fails first ends it; what was sent is compared with what arrived at the end.
            await foreach (var part in Task.WhenEach(up, down, upChecked, downChecked)) await part;
            Assert.Equal((await up, await down), (await upChecked, await downChecked));
            _client.Dispose();
            _server.Dispose();
        }

        private static async Task<long> SendAsync(Peer peer, CancellationToken stop)
        {
            long sent = 0;
            var buffer = new byte[3_001];
            while (!stop.IsCancellationRequested)
            {
                for (var i = 0; i < buffer.Length; i++) buffer[i] = Expected(sent + i);
                await peer.SendAsync(buffer, Patience);
                sent += buffer.Length;
                // Enough of them to have bytes in doubt at every cut, few enough to leave the processor to the junctions.
                await Task.Delay(5, CancellationToken.None);
            }

            await peer.EndAsync();
            return sent;
        }

        private static async Task<long> CheckAsync(Peer peer, Action<long> report)
        {
            long at = 0;
            try
            {
                await foreach (var piece in peer.ReadPiecesAsync(Patience))
                {
                    for (var i = 0; i < piece.Length; i++)
                    {
                        if (piece.Span[i] != Expected(at + i)) Assert.Fail($"byte {at + i} is {piece.Span[i]}, not {Expected(at + i)}");
                    }

                    at += piece.Length;
                    report(at);
                }

                return at;
            }
            catch (Exception e) when (e is IOException or TimeoutException)
            {
                throw new InvalidOperationException($"after {at} bytes: {e.Message}", e);
            }
        }

        private static byte Expected(long at) => (byte)(at % 251);
    }
}
