using System.Net;
using JunctionRelay.Connections;
using JunctionRelay.Tests.Harness;

namespace JunctionRelay.Tests.Relay;

/// <summary>Every byte arrives once, in order, unchanged, however it is sent.</summary>
public sealed class BytesTests
{
    [Theory]
    [InlineData(false, 1, 3_000)]
    [InlineData(false, 7_919, 20_000_000)]
    [InlineData(false, 262_144, 100_000_000)]
    [InlineData(true, 1, 1_000)]
    [InlineData(true, 7_919, 10_000_000)]
    [InlineData(true, 262_144, 50_000_000)]
    public async Task A_pattern_passes_both_ways_at_once(bool tls, int writeSize, int total)
    {
        using var upstream = Peer.Listen();
        await using var relay = await TestRelay.StartAsync(
            tls ? TestRelay.Tls(upstream.LocalEndPoint!) : TestRelay.Tcp(upstream.LocalEndPoint!),
            tls ? new TlsSettings(TestPki.Default.Identity("relay.test"), null) : null);
        var accepting = Peer.AcceptAsync(upstream, tls);
        using var client = await Peer.ConnectAsync(relay.Address, tls);
        using var server = await accepting;
        await Task.WhenAll(
            Pattern.SendAsync(client, seed: 1, writeSize, total), Pattern.CheckAsync(server, seed: 1, total),
            Pattern.SendAsync(server, seed: 2, writeSize, total), Pattern.CheckAsync(client, seed: 2, total));
    }

    [Fact]
    public async Task Two_hundred_connections_at_once_do_not_mix()
    {
        using var upstream = Peer.Listen();
        await using var relay = await TestRelay.StartAsync(TestRelay.Tcp(upstream.LocalEndPoint!));
        await Task.WhenAll(Enumerable.Range(0, 200).Select(_ => OneAsync()));

        async Task OneAsync()
        {
            using var client = await Peer.ConnectAsync(relay.Address);
            using var server = await Peer.AcceptAsync(upstream);
            // Which client this server belongs to is told by its first bytes.
            var seed = ((IPEndPoint)client.LocalEndPoint).Port;
            var serverSeed = 0;
            await client.SendAsync(BitConverter.GetBytes(seed));
            serverSeed = BitConverter.ToInt32(await server.ReadAsync(4));
            await Task.WhenAll(
                Pattern.SendAsync(client, seed, 4_096, 300_000), Pattern.CheckAsync(server, serverSeed, 300_000),
                Pattern.SendAsync(server, serverSeed, 4_096, 300_000), Pattern.CheckAsync(client, seed, 300_000));
        }
    }

    [Fact]
    public async Task A_reader_that_stops_stops_the_sender_and_then_gets_everything()
    {
        using var upstream = Peer.Listen();
        await using var relay = await TestRelay.StartAsync(TestRelay.Tcp(upstream.LocalEndPoint!));
        using var client = await Peer.ConnectAsync(relay.Address);
        using var server = await Peer.AcceptAsync(upstream);
        const int total = 200_000_000;
        // What two pairs of socket buffers hold at most (tcp_rmem and tcp_wmem, 6 and 4 MB by default), and what is on its way through the relay.
        const int buffers = 64_000_000;
        var sent = 0;
        var sending = Pattern.SendAsync(client, 3, 65_536, total, now => Volatile.Write(ref sent, now));
        await Stuck();
        Assert.True(Volatile.Read(ref sent) < buffers, $"{sent} of {total} bytes vanished into a relay whose reader had stopped");
        await Pattern.CheckAsync(server, 3, total);
        await sending;

        // Until the sender gets rid of nothing more.
        async Task Stuck()
        {
            for (var (before, calm) = (-1, 0); calm < 20; calm = before == Volatile.Read(ref sent) ? calm + 1 : 0)
            {
                before = Volatile.Read(ref sent);
                await Task.WhenAny(sending, Task.Delay(25));
            }
        }
    }

    private static class Pattern
    {
        public static async Task SendAsync(Peer peer, int seed, int writeSize, int total, Action<int>? tell = null)
        {
            var buffer = new byte[writeSize];
            for (var sent = 0; sent < total; sent += writeSize)
            {
                var length = Math.Min(writeSize, total - sent);
                Fill(buffer.AsSpan(0, length), seed, sent);
                await peer.SendAsync(buffer.AsMemory(0, length));
                tell?.Invoke(sent + length);
            }
        }

        public static async Task CheckAsync(Peer peer, int seed, int total)
        {
            var expected = new byte[65_536];
            for (var at = 0; at < total; at += expected.Length)
            {
                var got = await peer.ReadAsync(Math.Min(expected.Length, total - at));
                Fill(expected.AsSpan(0, got.Length), seed, at);
                Assert.True(got.AsSpan().SequenceEqual(expected.AsSpan(0, got.Length)), $"wrong bytes between {at} and {at + got.Length} of {total}");
            }
        }

        // A sequence whose period is no multiple of any buffer.
        private static void Fill(Span<byte> bytes, int seed, int at)
        {
            for (var i = 0; i < bytes.Length; i++) bytes[i] = (byte)((at + i) % 251 + seed);
        }
    }
}
