using System.Text;
using JunctionRelay.Connections;
using JunctionRelay.Tests.Harness;

namespace JunctionRelay.Tests.Relay;

/// <summary>The closing matrix with a link in the middle, whoever dialled it: every end arrives as what it was, with the same reason at both junctions.</summary>
public sealed class LinkClosingTests
{
    private static readonly byte[] Request = Encoding.ASCII.GetBytes("a request of the client");
    private static readonly byte[] Answer = Encoding.ASCII.GetBytes("an answer of the server, a little longer");

    public static TheoryData<bool, bool, bool, bool> Mixes()
    {
        var data = new TheoryData<bool, bool, bool, bool>();
        foreach (var reverse in new[] { false, true })
            foreach (var clientTls in new[] { false, true })
                foreach (var targetTls in new[] { false, true })
                    foreach (var clientFirst in new[] { true, false })
                        data.Add(reverse, clientTls, targetTls, clientFirst);
        return data;
    }

    [Theory, MemberData(nameof(Mixes))]
    public async Task A_clean_end_arrives_as_a_clean_end(bool reverse, bool clientTls, bool targetTls, bool clientFirst)
    {
        await using var pair = await LinkedPair.StartAsync(reverse, clientTls, targetTls);
        var (first, second) = clientFirst ? (pair.Client, pair.Server) : (pair.Server, pair.Client);
        await first.SendAsync(Request);
        Assert.Equal(Request, await second.ReadAsync(Request.Length));
        await first.EndAsync();
        Assert.Equal((0, SeenEnd.Clean), Kind(await second.ReadToEndAsync()));
        await second.EndAsync();
        Assert.Equal((0, SeenEnd.Clean), Kind(await first.ReadToEndAsync()));
        await pair.EndsAsync(clientFirst ? CloseReason.ClientClosed : CloseReason.TargetClosed);
    }

    [Theory, MemberData(nameof(Mixes))]
    public async Task Half_close_keeps_the_answer_flowing(bool reverse, bool clientTls, bool targetTls, bool clientFirst)
    {
        await using var pair = await LinkedPair.StartAsync(reverse, clientTls, targetTls);
        var (first, second) = clientFirst ? (pair.Client, pair.Server) : (pair.Server, pair.Client);
        await first.SendAsync(Request);
        await first.EndAsync();
        Assert.Equal((Request.Length, SeenEnd.Clean), Kind(await second.ReadToEndAsync()));

        var large = Enumerable.Range(0, 3_000_000).Select(i => (byte)(i % 251)).ToArray();
        var reading = first.ReadToEndAsync();
        await second.SendAsync(large);
        await second.EndAsync();
        var (answer, end) = await reading;
        Assert.Equal(SeenEnd.Clean, end);
        Assert.True(large.AsSpan().SequenceEqual(answer));
        await pair.EndsAsync(clientFirst ? CloseReason.ClientClosed : CloseReason.TargetClosed);
    }

    [Theory, MemberData(nameof(Mixes))]
    public async Task A_reset_arrives_as_a_reset_within_a_second(bool reverse, bool clientTls, bool targetTls, bool clientFirst)
    {
        await using var pair = await LinkedPair.StartAsync(reverse, clientTls, targetTls);
        var (first, second) = clientFirst ? (pair.Client, pair.Server) : (pair.Server, pair.Client);
        await first.SendAsync(Request);
        Assert.Equal(Request, await second.ReadAsync(Request.Length));
        var ending = second.ReadToEndAsync();
        first.Reset();
        Assert.Equal((0, SeenEnd.Reset), Kind(await ending.WaitAsync(TimeSpan.FromSeconds(1))));
        await pair.EndsAsync(clientFirst ? CloseReason.ClientReset : CloseReason.TargetReset);
    }

    [Theory, MemberData(nameof(Mixes))]
    public Task Silence_after_a_half_close_is_cut_on_both_sides(bool reverse, bool clientTls, bool targetTls, bool clientFirst)
    {
        var time = new ManualTime();
        return SilenceIsCutAsync(reverse, clientTls, targetTls, clientFirst, time, time, time);
    }

    [Theory]
    [InlineData(false, false, true)]
    [InlineData(false, true, false)]
    [InlineData(true, false, true)]
    [InlineData(true, true, false)]
    // Nobody reads any more what comes from the one that notices: its reset is found by a look, with its reason.
    [InlineData(false, false, false)]
    [InlineData(false, true, true)]
    [InlineData(true, false, false)]
    [InlineData(true, true, true)]
    public Task Silence_that_one_junction_alone_has_noticed_is_cut_at_both(bool reverse, bool atCloud, bool clientFirst)
    {
        // The other's clock is the system's, which comes nowhere near the limit.
        var time = new ManualTime();
        return SilenceIsCutAsync(reverse, false, false, clientFirst, atCloud ? time : TimeProvider.System, atCloud ? TimeProvider.System : time, time);
    }

    [Theory]
    [InlineData(false, true, false, true)]
    [InlineData(true, true, true, true)]
    [InlineData(false, false, true, false)]
    [InlineData(true, true, true, false)]
    public async Task Tls_cut_without_close_notify_arrives_as_a_reset(bool reverse, bool clientTls, bool targetTls, bool clientFirst)
    {
        await using var pair = await LinkedPair.StartAsync(reverse, clientTls, targetTls);
        var (first, second) = clientFirst ? (pair.Client, pair.Server) : (pair.Server, pair.Client);
        await first.SendAsync(Request);
        var ending = first.ReadToEndAsync();
        first.EndTransportOnly();
        Assert.Equal((Request.Length, SeenEnd.Reset), Kind(await second.ReadToEndAsync()));
        Assert.Equal((0, SeenEnd.Reset), Kind(await ending));
        await pair.EndsAsync(clientFirst ? CloseReason.ClientTruncated : CloseReason.TargetTruncated);
    }

    private static async Task SilenceIsCutAsync(bool reverse, bool clientTls, bool targetTls, bool clientFirst, TimeProvider atCloud, TimeProvider atHq, ManualTime time)
    {
        await using var pair = await LinkedPair.StartAsync(reverse, clientTls, targetTls, atCloud, atHq);
        var (first, second) = clientFirst ? (pair.Client, pair.Server) : (pair.Server, pair.Client);
        await first.SendAsync(Request);
        await first.EndAsync();
        Assert.Equal((Request.Length, SeenEnd.Clean), Kind(await second.ReadToEndAsync()));

        foreach (var seconds in new[] { 59, 30 })
        {
            await PassAsync(seconds);
            await second.SendAsync(Answer);
            Assert.Equal(Answer, await first.ReadAsync(Answer.Length));
        }

        var ending = first.ReadToEndAsync();
        // One of the next two sweeps sees the last answer (who has it may be ahead of who counts it), and silence counts from then.
        await PassAsync(1);
        await PassAsync(1);
        await PassAsync(56);
        Assert.False(ending.IsCompleted, "the silence is cut too early");
        await PassAsync(6);
        Assert.Equal((0, SeenEnd.Reset), Kind(await ending));
        // It has read an end already: what came after that shows in the socket.
        await Eventually.TrueAsync(() => second.WasReset, () => "the side that sent last was not reset");
        await pair.EndsAsync(CloseReason.HalfClosedTimeout);

        // Whoever lives by this clock has looked at its connections when it returns: who comes late looks once for several seconds.
        Task PassAsync(int seconds)
        {
            time.Advance(TimeSpan.FromSeconds(seconds));
            return Eventually.TrueAsync(() => HasSwept(pair.Cloud, atCloud) && HasSwept(pair.Hq, atHq), () => "no sweep comes");
        }

        bool HasSwept(TestJunction junction, TimeProvider itsTime) => itsTime != time || junction.Relays.Connections.SweptAt == time.GetTimestamp();
    }

    private static (int Length, SeenEnd End) Kind((byte[] Bytes, SeenEnd End) seen) => (seen.Bytes.Length, seen.End);

    /// <summary>client → cloud ═link═ hq → server. <c>reverse</c>: hq dials the link.</summary>
    private sealed class LinkedPair : IAsyncDisposable
    {
        private LinkedPair(TestJunction cloud, TestJunction hq, Peer client, Peer server) => (Cloud, Hq, Client, Server) = (cloud, hq, client, server);

        public TestJunction Cloud { get; }
        public TestJunction Hq { get; }
        public Peer Client { get; }
        public Peer Server { get; }

        public static async Task<LinkedPair> StartAsync(bool reverse, bool clientTls, bool targetTls, TimeProvider? atCloud = null, TimeProvider? atHq = null)
        {
            using var upstream = Peer.Listen();
            var target = targetTls ? TestRelay.Tls(upstream.LocalEndPoint!) as object : TestRelay.Tcp(upstream.LocalEndPoint!);
            var cloudPlan = new TestJunctionPlan("cloud")
            {
                Relays = { ["lmgrd"] = "hq/lmgrd" },
                ListenTls = clientTls ? new TlsSettings(TestPki.Default.Identity("relay.test"), null) : null,
                Peers = { ["hq"] = [] },
                Dialled = reverse,
                Time = atCloud ?? TimeProvider.System,
            };
            var hqPlan = new TestJunctionPlan("hq") { Services = { ["lmgrd"] = target }, Peers = { ["cloud"] = ["lmgrd"] }, Dialled = !reverse, Time = atHq ?? TimeProvider.System };
            TestJunction cloud, hq;
            if (reverse)
            {
                cloud = await TestJunction.StartAsync(cloudPlan);
                hq = await TestJunction.StartAsync(hqPlan with { Dial = [("cloud", [cloud.LinkAddress])] });
            }
            else
            {
                hq = await TestJunction.StartAsync(hqPlan);
                cloud = await TestJunction.StartAsync(cloudPlan with { Dial = [("hq", [hq.LinkAddress])] });
            }

            await cloud.LinkedAsync("hq");
            var accepting = Peer.AcceptAsync(upstream, targetTls);
            var client = await Peer.ConnectAsync(cloud.AddressOf("lmgrd"), clientTls);
            return new LinkedPair(cloud, hq, client, await accepting);
        }

        public async Task EndsAsync(CloseReason reason)
        {
            var atCloud = await Cloud.Log.WaitAsync("connection-ended");
            var atHq = await Hq.Log.WaitAsync("connection-ended");
            Assert.Equal((reason.Name(), reason.Name()), (atCloud.Fields["reason"], atHq.Fields["reason"]));
            Assert.Equal(atCloud.Fields["id"]!.ToString(), atHq.Fields["id"]!.ToString());
            Assert.Equal(("service/lmgrd", "cloud", atCloud.Fields["client"]), (atHq.Fields["relay"], atHq.Fields["peer"], atHq.Fields["client"]));
            await Eventually.TrueAsync(
                () => Cloud.Relays.Connections.Count + Hq.Relays.Connections.Count == 0 && Cloud.Sessions.Concat(Hq.Sessions).All(s => s.Session.StreamCount == 0),
                () => "something of the connection stayed behind");
        }

        public async ValueTask DisposeAsync()
        {
            Client.Dispose();
            Server.Dispose();
            await Cloud.DisposeAsync();
            await Hq.DisposeAsync();
        }
    }
}
