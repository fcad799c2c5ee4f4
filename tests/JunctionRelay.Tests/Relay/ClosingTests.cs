using System.Text;
using JunctionRelay.Connections;
using JunctionRelay.Tests.Harness;

namespace JunctionRelay.Tests.Relay;

/// <summary>The matrix of docs/closing.md: what each kind of end on one side becomes on the other, over plain and TLS in every mix.</summary>
public sealed class ClosingTests
{
    private static readonly byte[] Request = Encoding.ASCII.GetBytes("a request of the client");
    private static readonly byte[] Answer = Encoding.ASCII.GetBytes("an answer of the server, a little longer");

    public static TheoryData<bool, bool, bool> Mixes()
    {
        var data = new TheoryData<bool, bool, bool>();
        foreach (var clientTls in new[] { false, true })
            foreach (var targetTls in new[] { false, true })
                foreach (var clientFirst in new[] { true, false })
                    data.Add(clientTls, targetTls, clientFirst);
        return data;
    }

    [Theory, MemberData(nameof(Mixes))]
    public async Task A_clean_end_arrives_as_a_clean_end(bool clientTls, bool targetTls, bool clientFirst)
    {
        await using var pair = await Pair.StartAsync(clientTls, targetTls);
        var (first, second) = clientFirst ? (pair.Client, pair.Server) : (pair.Server, pair.Client);
        await first.SendAsync(Request);
        Assert.Equal(Request, await second.ReadAsync(Request.Length));

        await first.EndAsync();
        Assert.Equal((0, SeenEnd.Clean), Kind(await second.ReadToEndAsync()));
        await second.EndAsync();
        Assert.Equal((0, SeenEnd.Clean), Kind(await first.ReadToEndAsync()));
        await pair.EndsAsync(clientFirst ? CloseReason.ClientClosed : CloseReason.TargetClosed, clientFirst ? Request.Length : 0, clientFirst ? 0 : Request.Length);
    }

    [Theory, MemberData(nameof(Mixes))]
    public async Task Half_close_keeps_the_answer_flowing(bool clientTls, bool targetTls, bool clientFirst)
    {
        await using var pair = await Pair.StartAsync(clientTls, targetTls);
        var (first, second) = clientFirst ? (pair.Client, pair.Server) : (pair.Server, pair.Client);
        await first.SendAsync(Request);
        await first.EndAsync();
        var (request, end) = await second.ReadToEndAsync();
        Assert.Equal((Encoding.ASCII.GetString(Request), SeenEnd.Clean), (Encoding.ASCII.GetString(request), end));

        var large = Enumerable.Range(0, 3_000_000).Select(i => (byte)(i % 251)).ToArray();
        var reading = first.ReadToEndAsync();
        await second.SendAsync(large);
        await second.EndAsync();
        var (answer, answerEnd) = await reading;
        Assert.Equal(SeenEnd.Clean, answerEnd);
        Assert.True(large.AsSpan().SequenceEqual(answer));
        await pair.EndsAsync(clientFirst ? CloseReason.ClientClosed : CloseReason.TargetClosed, clientFirst ? Request.Length : large.Length, clientFirst ? large.Length : Request.Length);
    }

    [Theory, MemberData(nameof(Mixes))]
    public async Task A_reset_arrives_as_a_reset_within_a_second(bool clientTls, bool targetTls, bool clientFirst)
    {
        await using var pair = await Pair.StartAsync(clientTls, targetTls);
        var (first, second) = clientFirst ? (pair.Client, pair.Server) : (pair.Server, pair.Client);
        await first.SendAsync(Request);
        Assert.Equal(Request, await second.ReadAsync(Request.Length));

        var ending = second.ReadToEndAsync();
        first.Reset();
        Assert.Equal((0, SeenEnd.Reset), Kind(await ending.WaitAsync(TimeSpan.FromSeconds(1))));
        await pair.EndsAsync(clientFirst ? CloseReason.ClientReset : CloseReason.TargetReset, clientFirst ? Request.Length : 0, clientFirst ? 0 : Request.Length);
    }

    [Theory, MemberData(nameof(Mixes))]
    public async Task Silence_after_a_half_close_is_cut_on_both_sides(bool clientTls, bool targetTls, bool clientFirst)
    {
        var time = new ManualTime();
        await using var pair = await Pair.StartAsync(clientTls, targetTls, time);
        var (first, second) = clientFirst ? (pair.Client, pair.Server) : (pair.Server, pair.Client);
        await first.SendAsync(Request);
        await first.EndAsync();
        Assert.Equal((Request.Length, SeenEnd.Clean), Kind(await second.ReadToEndAsync()));

        time.Advance(TimeSpan.FromSeconds(59));
        await second.SendAsync(Answer);
        Assert.Equal(Answer, await first.ReadAsync(Answer.Length));
        time.Advance(TimeSpan.FromSeconds(30));
        await second.SendAsync(Answer);
        Assert.Equal(Answer, await first.ReadAsync(Answer.Length));

        var ending = first.ReadToEndAsync();
        time.Advance(TimeSpan.FromSeconds(62));
        time.Advance(TimeSpan.FromSeconds(62));
        Assert.Equal((0, SeenEnd.Reset), Kind(await ending));
        // It has read an end already: what came after that shows in the socket.
        await Eventually.TrueAsync(() => second.WasReset, () => "the side that sent last was not reset");
        var answered = 2 * Answer.Length;
        await pair.EndsAsync(CloseReason.HalfClosedTimeout, clientFirst ? Request.Length : answered, clientFirst ? answered : Request.Length);
    }

    [Theory]
    [InlineData(true, false, true)]
    [InlineData(true, true, true)]
    [InlineData(false, true, false)]
    [InlineData(true, true, false)]
    public async Task Tls_cut_without_close_notify_arrives_as_a_reset(bool clientTls, bool targetTls, bool clientFirst)
    {
        await using var pair = await Pair.StartAsync(clientTls, targetTls);
        var (first, second) = clientFirst ? (pair.Client, pair.Server) : (pair.Server, pair.Client);
        await first.SendAsync(Request);
        var ending = first.ReadToEndAsync();
        first.EndTransportOnly();
        Assert.Equal((Request.Length, SeenEnd.Reset), Kind(await second.ReadToEndAsync()));
        Assert.Equal((0, SeenEnd.Reset), Kind(await ending));
        await pair.EndsAsync(clientFirst ? CloseReason.ClientTruncated : CloseReason.TargetTruncated, clientFirst ? Request.Length : 0, clientFirst ? 0 : Request.Length);
    }

    [Fact]
    public async Task A_client_that_owes_its_fin_after_close_notify_still_gets_everything()
    {
        await using var pair = await Pair.StartAsync(true, false);
        await pair.Client.SendAsync(Request);
        await pair.Client.EndTlsOnlyAsync();
        Assert.Equal((Request.Length, SeenEnd.Clean), Kind(await pair.Server.ReadToEndAsync()));
        // More than the client's system takes while it reads nothing, and no more than the relay's own system does.
        var answer = new byte[1024 * 1024];
        await pair.Server.SendAsync(answer);
        await pair.Server.EndAsync();
        await pair.EndsAsync(CloseReason.ClientClosed);
        Assert.Equal((answer.Length, SeenEnd.Clean), Kind(await pair.Client.ReadToEndAsync()));
    }

    [Fact]
    public async Task What_a_server_said_before_it_reset_still_arrives()
    {
        await using var pair = await Pair.StartAsync(false, false);
        // The server refuses in the middle of a long request: it answers and resets while the relay is stuck in a write to it.
        await FillAsync(pair.Client);
        await pair.Server.SendAsync(Answer);
        Assert.Equal(Answer, await pair.Client.ReadAsync(Answer.Length));
        await pair.Server.SendAsync(Answer);
        pair.Server.Reset();
        var (bytes, end) = await pair.Client.ReadToEndAsync();
        Assert.Equal((Encoding.ASCII.GetString(Answer), SeenEnd.Reset), (Encoding.ASCII.GetString(bytes), end));
        await pair.EndsAsync(CloseReason.TargetReset);
    }

    [Fact]
    public async Task A_client_that_resets_while_the_server_reads_nothing_is_noticed()
    {
        await using var pair = await Pair.StartAsync(false, false);
        await FillAsync(pair.Client);
        pair.Client.Reset();
        await pair.EndsAsync(CloseReason.ClientReset);
    }

    [Fact]
    public async Task A_client_that_ends_last_and_leaves_is_no_reset_to_a_server_that_reads_slowly()
    {
        var time = new ManualTime();
        await using var pair = await Pair.StartAsync(false, false, time);
        await pair.Server.EndAsync();
        Assert.Equal((0, SeenEnd.Clean), Kind(await pair.Client.ReadToEndAsync()));

        var large = Enumerable.Range(0, 16_000_000).Select(i => (byte)(i % 251)).ToArray();
        var sending = SendAndEndAsync();
        var got = new MemoryStream();
        while (got.Length < large.Length)
        {
            got.Write(await pair.Server.ReadAsync((int)Math.Min(500_000, large.Length - got.Length)));
            // Each step gives the sweep a look at a client that is done, while the relay is still stuck in a write to the server.
            time.Advance(TimeSpan.FromSeconds(1));
            await Task.Delay(10);
        }

        await sending;
        Assert.True(large.AsSpan().SequenceEqual(got.ToArray()));
        Assert.Equal((0, SeenEnd.Clean), Kind(await pair.Server.ReadToEndAsync()));
        await pair.EndsAsync(CloseReason.TargetClosed, large.Length, 0);

        async Task SendAndEndAsync()
        {
            await pair.Client.SendAsync(large);
            await pair.Client.EndAsync();
        }
    }

    [Fact]
    public async Task A_client_that_resets_after_its_half_close_is_noticed()
    {
        await using var pair = await Pair.StartAsync(false, false);
        await pair.Client.SendAsync(Request);
        await pair.Client.EndAsync();
        Assert.Equal((Request.Length, SeenEnd.Clean), Kind(await pair.Server.ReadToEndAsync()));
        pair.Client.Reset();
        await pair.EndsAsync(CloseReason.ClientReset);
    }

    [Fact]
    public async Task Hundreds_of_quick_tls_ends_are_clean_although_the_servers_last_handshake_messages_are_still_being_read()
    {
        using var listener = Peer.Listen();
        await using var relay = await TestRelay.StartAsync(TestRelay.Tls(listener.LocalEndPoint!));
        using var certificate = TestPki.Default.Issue("upstream.test");
        await Parallel.ForEachAsync(Enumerable.Range(0, 400), new ParallelOptions { MaxDegreeOfParallelism = 8 }, async (_, _) =>
        {
            using var client = await Peer.ConnectAsync(relay.Address);
            await client.SendAsync(Request);
            await client.EndAsync();
            using var server = await Peer.AcceptAsync(listener, tls: true, certificate);
            Assert.Equal((Request.Length, SeenEnd.Clean), Kind(await server.ReadToEndAsync()));
            await server.EndAsync();
        });
        await Eventually.TrueAsync(() => relay.Service.Connections.Count == 0, () => "a connection stayed in the table");
        Assert.DoesNotContain(relay.Log.Entries, e => e.Name == "unexpected-fault");
    }

    // Fills every buffer on the way to a peer that does not read, so that the relay is stuck in a write and reads nothing of the sender.
    private static async Task FillAsync(Peer sender)
    {
        var chunk = new byte[256 * 1024];
        while (true)
        {
            try
            {
                await sender.SendAsync(chunk).WaitAsync(TimeSpan.FromMilliseconds(500));
            }
            catch (TimeoutException)
            {
                return;
            }
        }
    }

    private static (int Length, SeenEnd End) Kind((byte[] Bytes, SeenEnd End) seen) => (seen.Bytes.Length, seen.End);

    /// <summary>A client and a server with one relay between them.</summary>
    private sealed class Pair : IAsyncDisposable
    {
        private Pair(TestRelay relay, Peer client, Peer server) => (Relay, Client, Server) = (relay, client, server);

        public TestRelay Relay { get; }
        public Peer Client { get; }
        public Peer Server { get; }

        public static async Task<Pair> StartAsync(bool clientTls, bool targetTls, TimeProvider? time = null)
        {
            using var listener = Peer.Listen();
            var address = listener.LocalEndPoint!;
            var relay = await TestRelay.StartAsync(
                targetTls ? TestRelay.Tls(address) : TestRelay.Tcp(address),
                clientTls ? new TlsSettings(TestPki.Default.Identity("relay.test"), null) : null,
                time: time);
            var accepting = Peer.AcceptAsync(listener, targetTls);
            var client = await Peer.ConnectAsync(relay.Address, clientTls);
            return new Pair(relay, client, await accepting);
        }

        public async Task EndsAsync(CloseReason reason, int? toTarget = null, int? toClient = null)
        {
            var end = await Relay.EndAsync();
            Assert.Equal(reason.Name(), end.Fields["reason"]);
            if (toTarget is not null) Assert.Equal((long)toTarget, end.Fields["toTarget"]);
            if (toClient is not null) Assert.Equal((long)toClient, end.Fields["toClient"]);
            await Eventually.TrueAsync(() => Relay.Service.Connections.Count == 0, () => "the connection stayed in the table");
        }

        public async ValueTask DisposeAsync()
        {
            Client.Dispose();
            Server.Dispose();
            await Relay.DisposeAsync();
        }
    }
}
