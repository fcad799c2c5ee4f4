using System.Net.Sockets;
using JunctionRelay.Scenarios.Harness;

namespace JunctionRelay.Scenarios;

/// <summary>
/// Much data over many connections in both directions at once, among them one that writes single bytes and one whose reader stops: every byte
/// arrives equal, the stopped reader's sender is held back, and the junction's memory stays bounded.
/// </summary>
[Collection(Alone.Name)]
public sealed class PatternedGigabyteBothWays
{
    private const int Connections = 200;
    private const int SingleBytes = 20_000;
    private const long Mebibyte = 1 << 20;

    // Two sockets of 6 MiB at most in each of three hops (tcp_wmem and tcp_rmem) and our own buffers: a sender that got further was not held back.
    private const long MostInFlight = 48 * Mebibyte;
    private const long ForStoppedReader = 256 * Mebibyte;
    private const long MostMemory = 320 * Mebibyte;

    private static readonly long Each = Scale.Of(ci: 128 * Mebibyte, full: 1024 * Mebibyte) / Connections;
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(3);

    private static readonly PatternedBytes Up = new(seed: 1);
    private static readonly PatternedBytes Down = new(seed: 2);

    [Theory]
    [InlineData("one junction")]
    [InlineData("pair with TLS between")]
    public async Task Every_byte_is_equal_and_memory_is_bounded(string topology)
    {
        using var folder = new TemporaryFolder();
        using var authority = new TestCertificates(folder);
        await using var plain = new Server(Each, Each);
        await using var single = new Server(SingleBytes, SingleBytes);
        await using var stopped = new Server(0, ForStoppedReader);
        var junctions = new List<JunctionProcess>();
        var ports = await Relay(topology, folder, authority, junctions, plain.Port, single.Port, stopped.Port);
        try
        {
            using var reader = await Loopback.Connect(ports[2]);
            var many = Enumerable.Range(0, Connections).Select(_ => Exchange(ports[0], Each)).ToList();
            many.Add(Exchange(ports[1], SingleBytes, chunk: 1));
            await Task.WhenAll(many).Within(Patience, "all connections exchange all bytes", () => string.Join('\n', junctions.Select(j => j.Program.Said())));

            await Deadline.Until(() => stopped.Sent > 0, Deadline.Soon, "the stopped reader's sender has begun");
            Assert.True(stopped.Sent < MostInFlight, $"Nobody reads, yet the sender got rid of {stopped.Sent} bytes.");
            await Down.Receive(reader, 0, ForStoppedReader).Within(Patience, "the stopped reader reads on");
            reader.Shutdown(SocketShutdown.Send);
            await PatternedBytes.End(reader).Within(Deadline.Soon, "the end of the stopped reader");

            foreach (var junction in junctions)
            {
                var ended = await junction.Ended(Connections + 2);
                Assert.Equal(Connections, ended.Count(c => c.Relay == "plain" && (c.ToTarget, c.ToClient) == (Each, Each)));
                Assert.Single(ended, c => c.Relay == "single" && (c.ToTarget, c.ToClient) == (SingleBytes, SingleBytes));
                Assert.Single(ended, c => c.Relay == "stopped" && (c.ToTarget, c.ToClient) == (0, ForStoppedReader));
                Assert.All(ended, c => Assert.True(c.Reason is "client-closed" or "target-closed", c.Text));
                Assert.True(junction.PeakMemoryBytes < MostMemory, $"The junction held up to {junction.PeakMemoryBytes / Mebibyte} MiB.");
            }

            Assert.Empty(plain.Failures.Concat(single.Failures).Concat(stopped.Failures));
        }
        catch (SocketException e)
        {
            Assert.Fail($"{e.Message}\n{string.Join('\n', junctions.Select(j => j.Trouble()))}\n{string.Join('\n', plain.Failures.Select(f => f.Message))}");
        }
        finally
        {
            foreach (var junction in junctions)
                await junction.DisposeAsync();
        }
    }

    // Starts the topology's junctions and returns where its clients connect, a port for each target.
    private static async Task<int[]> Relay(
        string topology, TemporaryFolder folder, TestCertificates authority, List<JunctionProcess> junctions, params int[] targets)
    {
        var ports = Array.ConvertAll(targets, _ => FreePort.Next());
        if (topology == "one junction")
        {
            junctions.Add(await JunctionProcess.Start(Config(identity: "", "", ports, "", targets)));
            return ports;
        }

        var between = Array.ConvertAll(targets, _ => FreePort.Next());
        junctions.Add(await JunctionProcess.Start(Config(Identity("far.test"), "tls://", between, "", targets)));
        junctions.Add(await JunctionProcess.Start(Config(Identity("near.test"), "", ports, "tls://", between, """, "tls": { "serverName": "far.test" }""")));
        return ports;

        string Identity(string name)
        {
            var files = authority.Issue(name);
            return $$"""
                "identity": { "certificate": "{{files.Certificate}}", "key": "{{files.Key}}", "trust": "{{authority.Trust}}" },
                """;
        }
    }

    private static string Config(string identity, string listenScheme, int[] listen, string targetScheme, int[] target, string more = "")
    {
        string[] names = ["plain", "single", "stopped"];
        var relays = names.Select((name, i) => $$"""
            "{{name}}": { "listen": ["{{listenScheme}}127.0.0.1:{{listen[i]}}"], "target": ["{{targetScheme}}127.0.0.1:{{target[i]}}"], "healthInterval": "0"{{more}} }
            """);
        return $$"""{ {{identity}} "relays": { {{string.Join(",\n", relays)}} } }""";
    }

    private static async Task Exchange(int port, long bytes, int chunk = 128 * 1024)
    {
        using var socket = await Loopback.Connect(port);
        await Task.WhenAll(Send(), Down.Receive(socket, 0, bytes));
        await PatternedBytes.End(socket);

        async Task Send()
        {
            await Up.Send(socket, 0, bytes, chunk);
            socket.Shutdown(SocketShutdown.Send);
        }
    }

    // The other half of the exchange; what goes wrong here is kept for the test to see.
    private sealed class Server : IAsyncDisposable
    {
        private readonly LoopbackServer _server;
        private readonly long _expected;
        private readonly long _toSend;
        private long _sent;

        public Server(long expected, long toSend)
        {
            _expected = expected;
            _toSend = toSend;
            _server = new LoopbackServer(Serve);
        }

        public int Port => _server.Port;

        public long Sent => Interlocked.Read(ref _sent);

        public System.Collections.Concurrent.ConcurrentQueue<Exception> Failures { get; } = new();

        public ValueTask DisposeAsync() => _server.DisposeAsync();

        private async Task Serve(Socket socket)
        {
            try
            {
                await Task.WhenAll(Send(socket), Receive(socket));
            }
            catch (Exception e)
            {
                Failures.Enqueue(e);
            }
        }

        private async Task Receive(Socket socket)
        {
            await Up.Receive(socket, 0, _expected);
            await PatternedBytes.End(socket);
        }

        private async Task Send(Socket socket)
        {
            const long Piece = 256 * 1024;
            for (long from = 0; from < _toSend; from += Piece)
            {
                var to = Math.Min(from + Piece, _toSend);
                await Down.Send(socket, from, to);
                Interlocked.Add(ref _sent, to - from);
            }

            socket.Shutdown(SocketShutdown.Send);
        }
    }
}
