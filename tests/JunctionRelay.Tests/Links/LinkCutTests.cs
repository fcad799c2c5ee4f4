using System.Diagnostics;
using JunctionRelay.Connections;
using JunctionRelay.Links;
using JunctionRelay.Tests.Harness;

namespace JunctionRelay.Tests.Links;

/// <summary>The link's connection is cut, at any byte and in every way: clients see pauses, never a lost, doubled or moved byte, never an end.</summary>
public sealed class LinkCutTests(ITestOutputHelper output)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    [Theory]
    [InlineData(CutKind.Reset, 1)]
    [InlineData(CutKind.End, 2)]
    public async Task Sixty_four_streams_survive_hundreds_of_cuts_both_ways(CutKind kind, int seed)
    {
        const int Streams = 64;
        const int Bytes = 256 * 1024;
        var random = new Random(seed);
        await using var pair = new LinkPair(seed);
        // Some connections die within HELLO or KNOWN, most in the middle of data.
        pair.OnDial = connection =>
        {
            if (pair.Dials > 1 && pair.Dials < 320)
                connection.CutAfter(Size(random), Size(random), kind);
        };
        await pair.StartAsync();

        var all = new List<Task>();
        for (var i = 0; i < Streams; i++)
        {
            Assert.True((i % 2 == 0 ? pair.Cloud : pair.Hq).TryOpen(LinkPair.Open(), out var opened, out _));
            var taken = await (i % 2 == 0 ? pair.HqListener : pair.CloudListener).AcceptAsync().AsTask().WaitAsync(Patience);
            all.AddRange([
                Pattern.SendAsync(opened, 2 * i, Bytes, seed), Pattern.CheckAsync(taken!, 2 * i, Bytes),
                Pattern.SendAsync(taken!, 2 * i + 1, Bytes, seed), Pattern.CheckAsync(opened, 2 * i + 1, Bytes),
            ]);
            if (i == Streams / 2)
                pair.Connection!.Cut(kind);
        }

        await Task.WhenAll(all).WaitAsync(Patience);
        output.WriteLine($"{pair.Dials} dials, {pair.Cloud.Resumes} resumes");
        Assert.True(pair.Cloud.Resumes > 50, $"only {pair.Cloud.Resumes} resumes: the test cuts nothing");
        await Eventually.TrueAsync(() => pair.Cloud.StreamCount == 0 && pair.Hq.StreamCount == 0, () => $"{pair.Cloud.StreamCount} and {pair.Hq.StreamCount} streams are left");
        Assert.Equal(0, pair.Cloud.SendBudget.Taken + pair.Cloud.ReceiveBudget.Taken + pair.Hq.SendBudget.Taken + pair.Hq.ReceiveBudget.Taken);

        static long Size(Random random) => random.Next(3) == 0 ? random.Next(1, 600) : random.Next(1, 256 * 1024);
    }

    [Fact]
    public async Task A_black_hole_is_noticed_by_both_sides_and_survived()
    {
        static LinkOptions Quick(LinkOptions options) => options with { PingInterval = TimeSpan.FromMilliseconds(100) };
        await using var pair = new LinkPair(5, Quick, Quick);
        pair.OnDial = connection =>
        {
            if (pair.Dials < 6)
                connection.CutAfter(100_000, 100_000, CutKind.BlackHole);
        };
        await pair.StartAsync();
        var (client, target) = await pair.OpenAsync();
        await Task.WhenAll(
            Pattern.SendAsync(client, 1, 2 << 20), Pattern.CheckAsync(target, 1, 2 << 20),
            Pattern.SendAsync(target, 2, 2 << 20), Pattern.CheckAsync(client, 2, 2 << 20)).WaitAsync(Patience);
        Assert.True(pair.Cloud.Resumes >= 3, $"only {pair.Cloud.Resumes} resumes");
        Assert.Contains(pair.Log.Messages, m => m.Contains("no sign of life", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Many_short_connections_are_dialled_once_each_while_the_link_is_cut_all_the_time()
    {
        const int Connections = 600;
        var random = new Random(11);
        await using var pair = new LinkPair(11);
        pair.OnDial = connection => connection.CutAfter(random.Next(300, 4_000), random.Next(300, 4_000), random.Next(2) == 0 ? CutKind.Reset : CutKind.End);
        await pair.StartAsync();

        var dialled = new Dictionary<Guid, int>();
        var serving = ServeAsync();
        var clients = Enumerable.Range(0, 20).Select(c => CheckoutsAsync(c, Connections / 20)).ToArray();
        await Task.WhenAll(clients).WaitAsync(Patience);
        await pair.HqListener.DisposeAsync();
        await serving;

        output.WriteLine($"{pair.Dials} dials, {pair.Cloud.Resumes} resumes");
        Assert.Equal(Connections, dialled.Count);
        Assert.All(dialled.Values, count => Assert.Equal(1, count));
        await Eventually.TrueAsync(() => pair.Cloud.StreamCount == 0 && pair.Hq.StreamCount == 0, () => $"{pair.Cloud.StreamCount} and {pair.Hq.StreamCount} streams are left");

        async Task CheckoutsAsync(int client, int count)
        {
            for (var i = 0; i < count; i++)
            {
                LinkStream? stream;
                while (!pair.Cloud.TryOpen(LinkPair.Open(), out stream, out _))
                    await Task.Delay(5);
                var word = $"{client}/{i}";
                await stream.Output.WriteAsync(System.Text.Encoding.UTF8.GetBytes(word));
                await stream.CompleteOutputAsync();
                Assert.Equal(word.ToUpperInvariant() + "!", await stream.ReadToEndAsync());
                await stream.DisposeAsync();
            }
        }

        async Task ServeAsync()
        {
            var served = new List<Task>();
            while (await pair.HqListener.AcceptAsync() is LinkStream stream)
            {
                dialled[stream.Open.ConnectionId] = dialled.GetValueOrDefault(stream.Open.ConnectionId) + 1;
                served.Add(AnswerAsync(stream));
            }

            await Task.WhenAll(served);
        }

        static async Task AnswerAsync(LinkStream stream)
        {
            var word = await stream.ReadToEndAsync();
            await stream.Output.WriteAsync(System.Text.Encoding.UTF8.GetBytes(word.ToUpperInvariant() + "!"));
            await stream.CompleteOutputAsync();
            await stream.DisposeAsync();
        }
    }

    [Fact]
    public async Task Resets_cross_cuts_and_arrive_with_their_reason()
    {
        var random = new Random(3);
        await using var pair = new LinkPair(3);
        pair.OnDial = connection => connection.CutAfter(random.Next(250, 800), random.Next(250, 800), CutKind.Reset);
        await pair.StartAsync();
        for (var i = 0; i < 60; i++)
        {
            LinkStream? client;
            while (!pair.Cloud.TryOpen(LinkPair.Open(), out client, out _))
                await Task.Delay(5);
            var target = (await pair.HqListener.AcceptAsync().AsTask().WaitAsync(Patience))!;
            var (first, second) = i % 2 == 0 ? (client, target) : (target, (Connection)client);
            await second.Output.WriteAsync(new byte[500]);
            first.Abort(CloseReason.ClientReset);
            var broken = await Assert.ThrowsAsync<ConnectionBrokenException>(async () => await second.ReadToEndAsync());
            Assert.Equal(CloseReason.ClientReset, broken.Told);
        }

        output.WriteLine($"{pair.Dials} dials, {pair.Cloud.Resumes} resumes");
        await Eventually.TrueAsync(() => pair.Cloud.StreamCount == 0 && pair.Hq.StreamCount == 0, () => $"{pair.Cloud.StreamCount} and {pair.Hq.StreamCount} streams are left");
    }

    [Theory]
    [InlineData(false, 20)]   // with full jitter twice a second; without a bound of its own it would be nine times in all
    [InlineData(true, 85)]    // for the streams that wait, and for new ones; else 70
    public async Task A_link_that_holds_streams_is_dialled_every_second_for_as_long_as_they_may_wait(bool hasOthers, int least)
    {
        var time = new ManualTime();
        await using var pair = await new LinkPair(1, cloud: o => new LinkOptions { Self = o.Self, Log = o.Log, Time = time }) { HasOthers = hasOthers }.StartAsync();
        pair.IsNetworkUp = false;
        pair.Connection!.Cut(CutKind.Reset);
        await Eventually.TrueAsync(() => !pair.Cloud.IsUp, () => "the cut is not noticed");
        var (before, session) = (pair.Dials, pair.Cloud);
        for (var passed = TimeSpan.Zero; passed < TimeSpan.FromSeconds(30); passed += TimeSpan.FromSeconds(0.1))
        {
            time.Advance(TimeSpan.FromSeconds(0.1));
            await Task.Delay(1);
        }

        Assert.True(pair.Dials - before >= least, $"{pair.Dials - before} dials in 30 s");
        Assert.False(session.IsEnded);
        // The log is told less often.
        Assert.InRange(pair.Log.Messages.Count(m => m.Contains("could not be dialled", StringComparison.Ordinal)), 2, 4);
    }

    [Fact]
    public async Task A_link_that_never_was_is_dialled_from_the_start_with_back_off_and_jitter()
    {
        var time = new ManualTime();
        await using var pair = new LinkPair(1, cloud: o => new LinkOptions { Self = o.Self, Log = o.Log, Time = time }) { IsNetworkUp = false };
        var up = pair.StartAsync();
        await Eventually.TrueAsync(() => pair.Dials == 1, () => "it is not dialled at once");
        var pauses = new List<TimeSpan>();
        while (pauses.Count < 100) pauses.Add(await PassUntilDialledAsync(pair, time, pauses.Count + 1));
        output.WriteLine(string.Join(", ", pauses.Select(p => $"{p.TotalSeconds:0.000}")));
        // Full jitter: anything from none to all of what the back-off has come to.
        Assert.All(pauses, (pause, failures) => Assert.InRange(pause.TotalSeconds, 0, Math.Min(0.2 * Math.Pow(2, failures), 30)));
        // It would be once in a million runs that ninety pauses leave out the last seventh, or that none is short.
        Assert.InRange(pauses.Max().TotalSeconds, 25, 30);
        Assert.True(pauses.Skip(8).Min() < TimeSpan.FromSeconds(5), "it has no jitter");

        pair.IsNetworkUp = true;
        await Eventually.TrueAsync(
            () =>
            {
                time.Advance(TimeSpan.FromSeconds(1));
                return up.IsCompleted;
            }, () => "the link does not come up");
        await up;
    }

    [Fact]
    public async Task The_first_retry_comes_within_two_hundred_milliseconds()
    {
        var longest = TimeSpan.Zero;
        // One alone would be early by luck.
        for (var link = 0; link < 50; link++)
        {
            var time = new ManualTime();
            await using var pair = new LinkPair(link, cloud: o => new LinkOptions { Self = o.Self, Log = o.Log, Time = time }) { IsNetworkUp = false };
            using var stop = new CancellationTokenSource();
            var dialling = pair.Dialer.RunAsync(stop.Token);
            await Eventually.TrueAsync(() => pair.Dials >= 1, () => "it is not dialled at once");
            var pause = await PassUntilDialledAsync(pair, time, 1);
            longest = pause > longest ? pause : longest;
            await stop.CancelAsync();
            await dialling.WaitAsync(Patience);
        }

        Assert.InRange(longest.TotalMilliseconds, 100, 200);
    }

    // How long the dialler has asked the clock to wait after so many dials.
    private static async Task<TimeSpan> PassUntilDialledAsync(LinkPair pair, ManualTime time, int dials)
    {
        TimeSpan? pause = null;
        // Less than a millisecond is no wait at all.
        await Eventually.TrueAsync(() => pair.Dials > dials || (pause = time.Next) is not null, () => "it is given up");
        if (pair.Dials > dials) return TimeSpan.Zero;
        time.Advance(pause!.Value);
        await Eventually.TrueAsync(() => pair.Dials > dials, () => "it is not dialled again");
        return pause.Value;
    }

    [Fact]
    public async Task After_resume_has_passed_both_sides_reset_what_they_hold()
    {
        await using var pair = await new LinkPair(1, hq: o => o with { Resume = TimeSpan.FromMilliseconds(300) }).StartAsync();
        var (client, target) = await pair.OpenAsync();
        await client.Output.WriteAsync("held"u8.ToArray());
        var session = pair.Cloud;
        pair.IsNetworkUp = false;
        var watch = Stopwatch.StartNew();
        pair.Connection!.Cut(CutKind.End);

        var lost = await Assert.ThrowsAsync<ConnectionBrokenException>(async () => await client.ReadToEndAsync());
        Assert.Equal(CloseReason.LinkLost, lost.Told);
        Assert.Equal(CloseReason.LinkLost, await session.Ended.WaitAsync(Patience));
        Assert.True(watch.Elapsed >= TimeSpan.FromMilliseconds(250), $"it took only {watch.Elapsed}");
        // What had arrived is not lost with the session, but the end of it is no clean one.
        await Assert.ThrowsAsync<ConnectionBrokenException>(async () => await target.ReadToEndAsync());
    }

    [Fact]
    public async Task New_connections_wait_a_moment_for_a_lost_link_and_are_then_refused()
    {
        await using var pair = await new LinkPair(1, cloud: o => o with { HoldOpens = TimeSpan.FromMilliseconds(200) }).StartAsync();
        pair.IsNetworkUp = false;
        pair.Connection!.Cut(CutKind.Reset);
        await Eventually.TrueAsync(() => !pair.Cloud.IsUp, () => "the cut is not noticed");
        Assert.True(pair.Cloud.TryOpen(LinkPair.Open(), out var waiting, out _));
        var broken = await Assert.ThrowsAsync<ConnectionBrokenException>(() => waiting.ReadToEndAsync());
        Assert.Equal(CloseReason.LinkDown, broken.Told);
        Assert.False(pair.Cloud.TryOpen(LinkPair.Open(), out _, out var refused));
        Assert.Equal(CloseReason.LinkDown, refused);

        pair.IsNetworkUp = true;
        await Eventually.TrueAsync(() => pair.Cloud.IsUp, () => "the link does not come back");
        await pair.OpenAsync();
    }

    [Fact]
    public async Task A_new_connection_is_held_until_a_link_that_was_lost_a_moment_ago_is_back()
    {
        await using var pair = await new LinkPair(1, cloud: o => o with { HoldOpens = Eventually.Deadline }).StartAsync();
        pair.IsNetworkUp = false;
        pair.Connection!.Cut(CutKind.Reset);
        await Eventually.TrueAsync(() => !pair.Cloud.IsUp, () => "the cut is not noticed");
        var opening = pair.CloudDirectory.OpenAsync("hq", LinkPair.Open(), TimeProvider.System, CancellationToken.None);
        Assert.False(opening.IsCompleted);
        pair.IsNetworkUp = true;
        Assert.NotNull((await opening.WaitAsync(Patience)).Stream);
    }

    [Fact]
    public async Task With_no_link_up_for_a_while_a_new_connection_is_refused_at_once()
    {
        await using var pair = await new LinkPair(1, cloud: o => o with { HoldOpens = TimeSpan.FromMilliseconds(50) }).StartAsync();
        Assert.Equal((null, CloseReason.LinkDown), await pair.CloudDirectory.OpenAsync("nobody", LinkPair.Open(), TimeProvider.System, CancellationToken.None));
        pair.IsNetworkUp = false;
        pair.Connection!.Cut(CutKind.Reset);
        await Eventually.TrueAsync(() => !pair.Cloud.IsUp && pair.Cloud.HoldLeft <= TimeSpan.Zero, () => "the cut is not noticed");
        var opening = pair.CloudDirectory.OpenAsync("hq", LinkPair.Open(), TimeProvider.System, CancellationToken.None);
        Assert.True(opening.IsCompleted);
        Assert.Equal((null, CloseReason.LinkDown), await opening);
    }

    [Fact]
    public async Task The_connection_is_replaced_on_request_and_no_stream_notices()
    {
        await using var pair = await new LinkPair(1).StartAsync();
        var (client, target) = await pair.OpenAsync();
        var all = Task.WhenAll(Pattern.SendAsync(client, 1, 4 << 20), Pattern.CheckAsync(target, 1, 4 << 20), Pattern.SendAsync(target, 2, 4 << 20), Pattern.CheckAsync(client, 2, 4 << 20));
        for (var i = 1; i <= 5; i++)
        {
            var before = pair.Cloud.Resumes;
            // The acceptor asks, the dialler acts.
            (i % 2 == 0 ? pair.Cloud : pair.Hq).RequestRotation();
            await Eventually.TrueAsync(() => pair.Cloud.Resumes > before && pair.Cloud.IsUp, () => "the connection is not replaced");
        }

        await all.WaitAsync(Patience);
    }

    [Fact]
    public async Task A_new_process_of_the_peer_resets_the_streams_of_the_old_one_at_once()
    {
        await using var pair = await new LinkPair(1).StartAsync();
        var (client, target) = await pair.OpenAsync();
        // hq is killed and comes back: same instance, next generation, no memory of sessions.
        var old = pair.Cloud;
        pair.Acceptor = new LinkAcceptor(pair.Options("hq", 2), new LinkDirectory(), pair.HqListener);
        pair.Connection!.Cut(CutKind.Reset);
        var broken = await Assert.ThrowsAsync<ConnectionBrokenException>(() => client.ReadToEndAsync());
        Assert.Equal(CloseReason.LinkPeerRestarted, broken.Told);
        await Eventually.TrueAsync(() => pair.Cloud != old && pair.Cloud.IsUp, () => "no new session begins");
        target.Abort(CloseReason.Stopping);
    }

    /// <summary>A session that ends while its writer waits and the peer sends: CLOSE must leave before the transport is broken off, or the peer waits for a link that never resumes.</summary>
    [Fact]
    public async Task The_end_of_a_session_is_told_to_a_peer_that_reads_late()
    {
        for (var seed = 1; seed <= 10; seed++)
        {
            // Its clock stands still: the last word has all the time that it needs.
            await using var pair = new LinkPair(hq: o => o with { Time = new ManualTime() });
            await using var peer = new RawPeer(pair.Acceptor, seed: seed);
            await peer.GreetAsync(RawPeer.Hello with { Limits = new LinkLimits(1000, 1 << 20, 60_000) });
            await peer.SendAsync(RawPeer.Open(1));
            var stream = await pair.HqListener.AcceptAsync().AsTask().WaitAsync(Eventually.Deadline);
            // More than fits on the way.
            var writing = stream!.Output.WriteAsync(new byte[512 * 1024]).AsTask();
            await Eventually.TrueAsync(() => peer.IsWaitedFor, () => $"seed {seed}: the junction does not write");
            var closing = pair.Hq.CloseAsync(CloseReason.CertificateRevoked, "it is revoked");
            await peer.SendAsync(RawPeer.Frame(Skipped, 0));
            var (_, payload) = await peer.ReadAsync(LinkFrameType.Close);
            Assert.Equal(CloseReason.CertificateRevoked, LinkFrame.ReadReason(payload).Reason);
            await Assert.ThrowsAsync<ConnectionBrokenException>(() => writing);
            await closing.WaitAsync(Eventually.Deadline);
        }
    }

    // Unknown below 0x80 (docs/link-protocol.md, section 3).
    private const LinkFrameType Skipped = (LinkFrameType)0x7E;
}
