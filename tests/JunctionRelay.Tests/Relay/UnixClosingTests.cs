using System.Net.Sockets;
using System.Text;
using JunctionRelay.Configuration;
using JunctionRelay.Tests.Configuration;
using JunctionRelay.Tests.Harness;

namespace JunctionRelay.Tests.Relay;

/// <summary>What docs/closing.md says of unix sockets, which have no reset: from a unix socket to a unix socket, plain and TLS in every mix.</summary>
public sealed class UnixClosingTests
{
    private static readonly byte[] Request = Encoding.ASCII.GetBytes("a request of the client");
    private static readonly byte[] Answer = Encoding.ASCII.GetBytes("an answer of the server, a little longer");

    [Theory, MemberData(nameof(ClosingTests.Mixes), MemberType = typeof(ClosingTests))]
    public async Task Half_close_keeps_the_answer_flowing(bool clientTls, bool targetTls, bool clientFirst)
    {
        await using var pair = await Pair.StartAsync(clientTls, targetTls);
        var (first, second) = pair.InOrder(clientFirst);
        await first.SendAsync(Request);
        await first.EndAsync();
        Assert.Equal((Encoding.ASCII.GetString(Request), SeenEnd.Clean), Seen(await second.ReadToEndAsync()));

        var large = Enumerable.Range(0, 3_000_000).Select(i => (byte)(i % 251)).ToArray();
        var reading = first.ReadToEndAsync();
        await second.SendAsync(large);
        await second.EndAsync();
        var (answer, end) = await reading;
        Assert.Equal(SeenEnd.Clean, end);
        Assert.True(large.AsSpan().SequenceEqual(answer));
        await pair.EndsAsync(clientFirst ? "client-closed" : "target-closed", clientFirst ? Request.Length : large.Length, clientFirst ? large.Length : Request.Length);
    }

    [Theory, MemberData(nameof(ClosingTests.Mixes), MemberType = typeof(ClosingTests))]
    public async Task Who_dies_over_tls_is_told_from_who_ends_and_who_dies_without_it_is_not(bool clientTls, bool targetTls, bool clientFirst)
    {
        await using var pair = await Pair.StartAsync(clientTls, targetTls);
        var (first, second) = pair.InOrder(clientFirst);
        var (firstTls, secondTls) = clientFirst ? (clientTls, targetTls) : (targetTls, clientTls);
        await Pair.ExchangeAsync(first, second);

        first.Reset();
        // An end of stream is all that there is; TLS shows by its close_notify whether it was meant.
        Assert.Equal(("", firstTls && secondTls ? SeenEnd.Truncated : SeenEnd.Clean), Seen(await second.ReadToEndAsync()));
        if (!firstTls) await second.EndAsync();
        var reason = (clientFirst ? "client" : "target") + (firstTls ? "-truncated" : "-closed");
        await pair.EndsAsync(reason, clientFirst ? Request.Length : Answer.Length, clientFirst ? Answer.Length : Request.Length);
    }

    [Theory, MemberData(nameof(ClosingTests.Mixes), MemberType = typeof(ClosingTests))]
    public async Task Who_sends_to_the_dead_is_cut(bool clientTls, bool targetTls, bool clientFirst)
    {
        await using var pair = await Pair.StartAsync(clientTls, targetTls);
        var (first, second) = pair.InOrder(clientFirst);
        await Pair.ExchangeAsync(first, second);
        first.Reset();
        var cut = await Assert.ThrowsAnyAsync<IOException>(async () =>
        {
            while (true) await second.SendAsync(new byte[64 * 1024]);
        });
        Assert.Equal(SocketError.Shutdown, Assert.IsType<SocketException>(cut.GetBaseException()).SocketErrorCode);   // EPIPE
        var firstTls = clientFirst ? clientTls : targetTls;
        var reason = (string)(await pair.Relay.EndAsync()).Fields["reason"]!;
        var who = clientFirst ? "client" : "target";
        Assert.Contains(reason, firstTls ? new[] { $"{who}-truncated", $"{who}-reset" } : [$"{who}-reset"]);
    }

    [Theory, InlineData(false, false), InlineData(false, true), InlineData(true, false), InlineData(true, true)]
    public async Task Who_dies_with_bytes_unread_is_told_from_who_ends(bool secondTls, bool clientFirst)
    {
        await using var pair = await Pair.StartAsync(clientTls: !clientFirst && secondTls, targetTls: clientFirst && secondTls);
        var (first, second) = pair.InOrder(clientFirst);
        await second.SendAsync(Answer);
        Assert.Equal(Answer[..1], await first.ReadAsync(1));
        first.Reset();
        Assert.Equal(("", secondTls ? SeenEnd.Truncated : SeenEnd.Clean), Seen(await second.ReadToEndAsync()));
        await pair.EndsAsync(clientFirst ? "client-reset" : "target-reset", clientFirst ? 0 : Answer.Length, clientFirst ? Answer.Length : 0);
    }

    private static (string Text, SeenEnd End) Seen((byte[] Bytes, SeenEnd End) seen) => (Encoding.ASCII.GetString(seen.Bytes), seen.End);

    /// <summary>A client and a server, and between them a relay as a configuration describes it.</summary>
    private sealed class Pair : IAsyncDisposable
    {
        private readonly ConfigFolder _folder;

        private Pair(ConfigFolder folder, TestRelay relay, Peer client, Peer server) => (_folder, Relay, Client, Server) = (folder, relay, client, server);

        public TestRelay Relay { get; }
        public Peer Client { get; }
        public Peer Server { get; }

        public (Peer First, Peer Second) InOrder(bool clientFirst) => clientFirst ? (Client, Server) : (Server, Client);

        public static async Task<Pair> StartAsync(bool clientTls, bool targetTls)
        {
            var folder = new ConfigFolder();
            var config = folder.Write("junction.json", $$"""
                { "relays": { "a": {
                    "listen": ["{{(clientTls ? "tls://" : "")}}unix:in.sock"], "target": ["{{(targetTls ? "tls://" : "")}}unix:out.sock"], "healthInterval": "0"{{Tls()}}
                } } }
                """).Config();
            using var listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
            listener.Bind(new UnixDomainSocketEndPoint(folder.Path("out.sock")));
            listener.Listen();
            var relay = await TestRelay.StartAsync(Assert.Single(RelayPlanBuilder.Build(config, folder.Root, TimeProvider.System).Relays));
            var accepting = Peer.AcceptAsync(listener, targetTls);
            var client = await Peer.ConnectAsync(relay.Address, clientTls);
            return new Pair(folder, relay, client, await accepting);

            string Tls()
            {
                var said = new List<string>();
                if (clientTls) said.Add(""" "certificate": "certs/server.crt", "key": "certs/server.key" """);
                if (targetTls) said.Add(""" "trust": "certs/ca.crt", "serverName": "upstream.test" """);
                if (clientTls && targetTls) said.Add(""" "clientCertificate": "none" """);
                return said.Count == 0 ? "" : $$""", "tls": { {{string.Join(',', said)}} }""";
            }
        }

        // Both have read what there is, also what TLS had to say after its handshake: a close that leaves bytes unread is told otherwise.
        public static async Task ExchangeAsync(Peer first, Peer second)
        {
            await first.SendAsync(Request);
            Assert.Equal(Request, await second.ReadAsync(Request.Length));
            await second.SendAsync(Answer);
            Assert.Equal(Answer, await first.ReadAsync(Answer.Length));
        }

        public async Task EndsAsync(string reason, long toTarget, long toClient)
        {
            var end = await Relay.EndAsync();
            Assert.Equal((reason, toTarget, toClient), (end.Fields["reason"], end.Fields["toTarget"], end.Fields["toClient"]));
            await Eventually.TrueAsync(() => Relay.Service.Connections.Count == 0, () => "the connection stayed in the table");
        }

        public async ValueTask DisposeAsync()
        {
            Client.Dispose();
            Server.Dispose();
            await Relay.DisposeAsync();
            _folder.Dispose();
        }
    }
}
