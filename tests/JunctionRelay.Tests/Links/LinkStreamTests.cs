using JunctionRelay.Connections;
using JunctionRelay.Links;
using JunctionRelay.Tests.Harness;

namespace JunctionRelay.Tests.Links;

public sealed class LinkStreamTests
{
    [Fact]
    public async Task A_stream_carries_what_the_opener_said_about_it()
    {
        await using var pair = await new LinkPair().StartAsync();
        var open = new LinkOpen("lmgrd", Guid.NewGuid(), "[2001:db8::1]:4711", ["node", "cloud"]) { Destination = "lic1.corp:27000" };
        Assert.True(pair.Cloud.TryOpen(open, out _, out _));
        var taken = Assert.IsType<LinkStream>(await pair.HqListener.AcceptAsync().AsTask().WaitAsync(Eventually.Deadline));

        Assert.Equal((open.Service, open.ConnectionId, open.ClientAddress, open.Destination), (taken.Open.Service, taken.Open.ConnectionId, taken.Open.ClientAddress, taken.Open.Destination));
        Assert.Equal(open.Path, taken.Open.Path);
        Assert.Equal("cloud", taken.Peer!.Name);
    }

    [Fact]
    public async Task A_link_that_rests_waits_without_a_buffer_and_one_at_work_with_it()
    {
        var time = new ManualTime();
        await using var pair = await new LinkPair(1, cloud: o => new LinkOptions { Self = o.Self, Log = o.Log, Time = time }).StartAsync();
        var connection = pair.Connection!;
        await Eventually.TrueAsync(() => connection.ReceivesInto == 0, () => "a new link waits with a buffer");

        var (client, target) = await pair.OpenAsync();
        await Task.WhenAll(Pattern.SendAsync(target, 1, 100_000), Pattern.CheckAsync(client, 1, 100_000)).WaitAsync(Eventually.Deadline);
        Assert.Equal(LinkFrame.MaxDataFrameBytes, connection.ReceivesInto);

        // It notices at the next look, and the next sign of life finds it at rest.
        await Eventually.TrueAsync(
            () =>
            {
                time.Advance(pair.CloudOptions.PingInterval / 2);
                return connection.ReceivesInto == 0;
            }, () => "a link that only pings waits with a buffer");
        (client, target) = await pair.OpenAsync();
        await Task.WhenAll(Pattern.SendAsync(target, 2, 100), Pattern.CheckAsync(client, 2, 100)).WaitAsync(Eventually.Deadline);
    }

    [Fact]
    public async Task The_client_ends_and_still_gets_its_answer()
    {
        await using var pair = await new LinkPair().StartAsync();
        var (client, target) = await pair.OpenAsync();

        await client.Output.WriteAsync("request"u8.ToArray());
        await client.CompleteOutputAsync();
        Assert.Equal("request", await target.ReadToEndAsync());
        await target.Output.WriteAsync("answer"u8.ToArray());
        await target.CompleteOutputAsync();
        Assert.Equal("answer", await client.ReadToEndAsync());
        await SettledAsync(pair);
    }

    [Fact]
    public async Task The_target_ends_first_and_still_gets_the_rest()
    {
        await using var pair = await new LinkPair().StartAsync();
        var (client, target) = await pair.OpenAsync();

        await target.Output.WriteAsync("banner"u8.ToArray());
        await target.CompleteOutputAsync();
        Assert.Equal("banner", await client.ReadToEndAsync());
        await client.Output.WriteAsync("late"u8.ToArray());
        await client.CompleteOutputAsync();
        Assert.Equal("late", await target.ReadToEndAsync());
        await SettledAsync(pair);
    }

    [Fact]
    public async Task Streams_may_be_opened_from_the_side_that_was_dialled()
    {
        await using var pair = await new LinkPair().StartAsync();
        Assert.True(pair.Hq.TryOpen(LinkPair.Open("jobs"), out var opened, out _));
        var taken = await pair.CloudListener.AcceptAsync().AsTask().WaitAsync(Eventually.Deadline);

        await opened.Output.WriteAsync("reverse"u8.ToArray());
        await opened.CompleteOutputAsync();
        Assert.Equal("reverse", await taken!.ReadToEndAsync());
        await taken!.CompleteOutputAsync();
        Assert.Equal("", await opened.ReadToEndAsync());
        await SettledAsync(pair);
    }

    [Fact]
    public async Task A_reset_arrives_with_its_reason_and_never_as_an_end()
    {
        await using var pair = await new LinkPair().StartAsync();
        var (client, target) = await pair.OpenAsync();

        var read = client.ReadToEndAsync();
        target.Abort(CloseReason.DialRefused, "lic1.corp:27000 refused");
        var broken = await Assert.ThrowsAsync<ConnectionBrokenException>(() => read);
        Assert.Equal((ConnectionFault.Reset, CloseReason.DialRefused, "lic1.corp:27000 refused"), (broken.Fault, broken.Told!.Value, broken.Detail));
        await Assert.ThrowsAsync<ConnectionBrokenException>(async () => await client.Output.WriteAsync("x"u8.ToArray()));
        await Assert.ThrowsAsync<ConnectionBrokenException>(async () => await target.Output.WriteAsync("x"u8.ToArray()));
        await SettledAsync(pair);
    }

    [Fact]
    public async Task A_connection_that_is_left_early_is_reset()
    {
        await using var pair = await new LinkPair().StartAsync();
        var (client, target) = await pair.OpenAsync();
        await client.CompleteOutputAsync();
        Assert.Equal("", await target.ReadToEndAsync());
        await target.DisposeAsync();
        await Assert.ThrowsAsync<ConnectionBrokenException>(() => client.ReadToEndAsync());
        await SettledAsync(pair);
    }

    [Fact]
    public async Task A_reader_that_stops_stops_its_writer_and_nobody_else()
    {
        await using var pair = await new LinkPair().StartAsync();
        var (stuck, _) = await pair.OpenAsync();
        var (client, target) = await pair.OpenAsync();

        var written = 0;
        var flood = FloodAsync(stuck, () => written += 16 * 1024);
        await Eventually.StableAsync(() => written);
        Assert.False(flood.IsCompleted);
        Assert.True(written <= pair.HqOptions.InitialWindow + 16 * 1024, $"{written} bytes were taken of a stream that nobody reads");

        await client.Output.WriteAsync("through"u8.ToArray());
        await client.CompleteOutputAsync();
        Assert.Equal("through", await target.ReadToEndAsync());
        stuck.Abort(CloseReason.ClientReset);
        await Assert.ThrowsAsync<ConnectionBrokenException>(() => flood);
    }

    [Fact]
    public async Task Many_bytes_go_both_ways_at_once_through_small_windows()
    {
        await using var pair = await new LinkPair().StartAsync();
        var (client, target) = await pair.OpenAsync();
        await Task.WhenAll(
            Pattern.SendAsync(client, 1, 8 << 20), Pattern.CheckAsync(target, 1, 8 << 20),
            Pattern.SendAsync(target, 2, 8 << 20), Pattern.CheckAsync(client, 2, 8 << 20)).WaitAsync(Eventually.Deadline);
        await SettledAsync(pair);
        Assert.Equal(0, pair.Cloud.SendBudget.Taken + pair.Cloud.ReceiveBudget.Taken + pair.Hq.SendBudget.Taken + pair.Hq.ReceiveBudget.Taken);
    }

    [Fact]
    public async Task Memory_of_the_caller_is_written_straight_into_the_stream()
    {
        await using var pair = await new LinkPair().StartAsync();
        var (client, target) = await pair.OpenAsync();
        var check = Pattern.CheckAsync(target, 7, 1 << 20);
        for (var sent = 0; sent < 1 << 20;)
        {
            var memory = client.Output.GetMemory();
            var length = Math.Min(memory.Length, (1 << 20) - sent);
            Pattern.Fill(memory.Span[..length], 7, sent);
            client.Output.Advance(length);
            sent += length;
            await client.Output.FlushAsync();
        }

        await client.CompleteOutputAsync();
        await check.WaitAsync(Eventually.Deadline);
    }

    [Fact]
    public async Task A_stream_beyond_the_peers_limit_is_refused_at_once()
    {
        await using var pair = await new LinkPair(hq: o => o with { MaxStreams = 2 }).StartAsync();
        await pair.OpenAsync();
        await pair.OpenAsync();
        Assert.False(pair.Cloud.TryOpen(LinkPair.Open(), out _, out var refused));
        Assert.Equal(CloseReason.TooManyStreams, refused);
    }

    [Fact]
    public async Task What_junctions_do_for_themselves_is_beside_the_limit()
    {
        await using var pair = await new LinkPair(hq: o => o with { MaxStreams = 1 }).StartAsync();
        await pair.OpenAsync();
        var taken = new TaskCompletionSource<LinkStream>(TaskCreationOptions.RunContinuationsAsynchronously);
        pair.HqListener.Own = taken.TrySetResult;
        Assert.True(pair.Cloud.TryOpen(LinkPair.Open("junction:renewal"), out _, out _));
        Assert.Equal("junction:renewal", (await taken.Task.WaitAsync(Eventually.Deadline)).Open.Service);
        Assert.Equal(1, pair.Hq.HeldByPeer.Relayed.Held);
        Assert.False(pair.Cloud.TryOpen(LinkPair.Open(), out _, out var refused));
        Assert.Equal(CloseReason.TooManyStreams, refused);
    }

    [Fact]
    public async Task What_junctions_do_for_themselves_has_a_limit_of_its_own()
    {
        await using var pair = await new LinkPair().StartAsync();
        var taken = new System.Collections.Concurrent.ConcurrentBag<LinkStream>();
        pair.HqListener.Own = stream =>
        {
            taken.Add(stream);
            return true;
        };
        for (var i = 0; i < PeerStreams.MostOwn; i++)
            Assert.True(pair.Cloud.TryOpen(LinkPair.Open("junction:deny"), out _, out _));
        Assert.True(pair.Cloud.TryOpen(LinkPair.Open("junction:deny"), out var beyond, out _));
        var broken = await Assert.ThrowsAsync<ConnectionBrokenException>(() => beyond.ReadToEndAsync());
        Assert.Equal(CloseReason.TooManyStreams, broken.Told);
        Assert.Equal((int)PeerStreams.MostOwn, taken.Count);
        Assert.Equal((0, (int)PeerStreams.MostOwn), (pair.Hq.HeldByPeer.Relayed.Held, pair.Hq.HeldByPeer.Own.Held));

        // They take no connection's place, and one that has ended makes room.
        await pair.OpenAsync();
        Assert.True(taken.TryTake(out var one));
        one.Abort(CloseReason.NoSuchService);
        await one.DisposeAsync();
        await Eventually.TrueAsync(() => pair.Hq.HeldByPeer.Own.Held < PeerStreams.MostOwn, () => $"{pair.Hq.HeldByPeer.Own.Held} are held");
        Assert.True(pair.Cloud.TryOpen(LinkPair.Open("junction:deny"), out _, out _));
        await Eventually.TrueAsync(() => taken.Count == PeerStreams.MostOwn, () => $"{taken.Count} were taken");
    }

    [Fact]
    public async Task One_deny_list_of_a_peer_is_read_at_a_time()
    {
        await using var pair = await new LinkPair().StartAsync();
        using var authority = new JunctionRelay.Tests.Pki.TestAuthority();
        var lists = new JunctionRelay.Pki.DenyLists();
        lists.Follow(() => [authority.Ca.Certificate], null);
        var (directory, log) = (new LinkDirectory(), new TestLog());
        var exchange = new JunctionRelay.Relay.DenyListExchange(lists, new JunctionRelay.Relay.OwnLinks(directory, "hq"), directory, TimeProvider.System, log);
        var receiving = new System.Collections.Concurrent.ConcurrentQueue<Task>();
        pair.HqListener.Own = stream =>
        {
            receiving.Enqueue(exchange.ReceiveAsync(stream));
            return true;
        };
        var texts = new[] { 5ul, 9ul }.Select(n => System.Text.Encoding.ASCII.GetBytes(JunctionRelay.Pki.SignedDenyList.Sign(authority.Ca, n, [], DateTimeOffset.UnixEpoch).Text)).ToArray();
        Assert.True(pair.Cloud.TryOpen(LinkPair.Open("junction:deny"), out var first, out _));
        await first.Output.WriteAsync(texts[0].AsMemory(0, 100));
        await Eventually.TrueAsync(() => receiving.Count == 1, () => "the first was not taken");
        Assert.True(pair.Cloud.TryOpen(LinkPair.Open("junction:deny"), out var second, out _));
        await second.Output.WriteAsync(texts[1]);
        await second.CompleteOutputAsync();
        await Eventually.TrueAsync(() => receiving.Count == 2, () => "the second was not taken");
        await first.Output.WriteAsync(texts[0].AsMemory(100));
        await first.CompleteOutputAsync();
        await Task.WhenAll(receiving).WaitAsync(Eventually.Deadline);
        // Had the second not waited, the first would be older than what is there.
        Assert.Equal([5ul, 9ul], log.Entries.Where(e => e.Name == "deny-list-taken").Select(e => (ulong)e.Fields["number"]!));
    }

    [Fact]
    public async Task Streams_beyond_the_budget_are_refused_and_the_others_keep_their_reserve()
    {
        await using var pair = await new LinkPair(hq: o => o with { BudgetBytes = 3 * 16 * 1024 }).StartAsync();
        var streams = new List<(LinkStream Cloud, LinkStream Hq)>();
        for (var i = 0; i < 3; i++)
            streams.Add(await pair.OpenAsync());
        Assert.True(pair.Cloud.TryOpen(LinkPair.Open(), out var fourth, out _));
        var broken = await Assert.ThrowsAsync<ConnectionBrokenException>(() => fourth.ReadToEndAsync());
        Assert.Equal(CloseReason.TooManyStreams, broken.Told);

        // The first two are stuck; the third carries what it likes.
        var flood = FloodAsync(streams[0].Cloud, () => { });
        await Task.WhenAll(Pattern.SendAsync(streams[2].Cloud, 3, 1 << 20), Pattern.CheckAsync(streams[2].Hq, 3, 1 << 20)).WaitAsync(Eventually.Deadline);
        Assert.True(pair.Hq.ReceiveBudget.Taken <= pair.HqOptions.BudgetBytes);
        streams[0].Cloud.Abort(CloseReason.ClientReset);
        await Assert.ThrowsAsync<ConnectionBrokenException>(() => flood);
    }

    [Fact]
    public async Task A_loop_is_refused_with_its_path()
    {
        await using var pair = await new LinkPair().StartAsync();
        Assert.True(pair.Cloud.TryOpen(LinkPair.Open("lmgrd", "hq", "cloud"), out var stream, out _));
        var broken = await Assert.ThrowsAsync<ConnectionBrokenException>(() => stream.ReadToEndAsync());
        Assert.Equal((CloseReason.LinkLoop, "hq → cloud → hq"), (broken.Told!.Value, broken.Detail));
    }

    [Fact]
    public async Task Draining_waits_until_the_peer_has_taken_the_bytes()
    {
        await using var pair = await new LinkPair().StartAsync();
        var (client, target) = await pair.OpenAsync();
        await client.Output.WriteAsync("last words"u8.ToArray());
        var drained = client.DrainOutputAsync(Eventually.Deadline).AsTask();
        var read = await target.Input.ReadAsync();
        Assert.False(drained.IsCompleted);
        target.Input.AdvanceTo(read.Buffer.End);
        await drained;
        client.Abort(CloseReason.ClientTruncated);
    }

    [Fact]
    public async Task A_reader_that_found_the_bytes_by_itself_is_not_woken_for_nothing()
    {
        var options = new LinkOptions { Self = new LinkParty("hq", Guid.Empty, 1), Log = new QuietLog() };
        var hello = new LinkHello { Party = new LinkParty("cloud", Guid.Empty, 1), Limits = new LinkLimits(20, 65536, 1000) };
        var session = new LinkSession(Guid.Empty, isDialler: true, options, hello, peer: null, listener: null);
        Assert.True(session.TryOpen(LinkPair.Open(), out var stream, out _));

        Assert.Null(session.ApplyData(stream.Id, 0, "first"u8));
        var first = await stream.Input.ReadAsync(TestContext.Current.CancellationToken);
        stream.Input.AdvanceTo(first.Buffer.End);
        var second = stream.Input.ReadAsync(TestContext.Current.CancellationToken).AsTask();
        session.TellNews();
        Assert.False(second.IsCompleted);

        Assert.Null(session.ApplyData(stream.Id, 5, "second"u8));
        session.TellNews();
        Assert.Equal(6, (await second).Buffer.Length);
    }

    [Fact]
    public async Task A_reader_that_is_told_the_end_need_not_advance()
    {
        await using var pair = await new LinkPair().StartAsync();
        var (client, target) = await pair.OpenAsync();
        await client.CompleteOutputAsync();
        await target.CompleteOutputAsync();
        Assert.True((await target.Input.ReadAsync()).IsCompleted);
        Assert.True((await client.Input.ReadAsync()).IsCompleted);
        await SettledAsync(pair);
    }

    [Fact]
    public async Task A_round_trip_can_be_measured()
    {
        await using var pair = await new LinkPair().StartAsync();
        foreach (var session in new[] { pair.Cloud, pair.Hq })
            Assert.InRange(await session.PingAsync(CancellationToken.None).WaitAsync(Eventually.Deadline), TimeSpan.Zero, Eventually.Deadline);
    }

    [Fact]
    public async Task Nothing_that_waits_outlives_its_token()
    {
        await using var pair = await new LinkPair().StartAsync();
        var (client, _) = await pair.OpenAsync();
        using var cancel = new CancellationTokenSource();
        var read = client.Input.ReadAsync(cancel.Token).AsTask();
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => read);
    }

    internal static async Task FloodAsync(LinkStream stream, Action onWritten)
    {
        var bytes = new byte[16 * 1024];
        while (true)
        {
            await stream.Output.WriteAsync(bytes);
            onWritten();
        }
    }

    // Every stream has left both tables: nothing is owed and nothing leaks.
    private static Task SettledAsync(LinkPair pair) => Eventually.TrueAsync(
        () => pair.Cloud.StreamCount == 0 && pair.Hq.StreamCount == 0, () => $"{pair.Cloud.StreamCount} and {pair.Hq.StreamCount} streams are left");
}
