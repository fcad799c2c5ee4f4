using System.Buffers;
using System.Buffers.Binary;
using System.Text;
using JunctionRelay.Connections;
using JunctionRelay.Links;
using JunctionRelay.Tests.Harness;

namespace JunctionRelay.Tests.Links;

/// <summary>Streams that are compressed inside a link: the same bytes, fewer of them, no later, and everything else as without.</summary>
public sealed class CompressionTests
{
    private const int OneBlock = CompressedBlock.MostBytes;

    [Theory]
    [InlineData("text", 1, 1_000_000)]
    [InlineData("random", 2, 1_000_000)]
    [InlineData("mixed", 3, 2_000_000)]
    [InlineData("text", 4, 1)]
    [InlineData("text", 5, 0)]
    public async Task Every_byte_arrives_both_ways(string kind, int seed, int length)
    {
        await using var pair = await new LinkPair(seed).StartAsync();
        var (client, target) = await OpenAsync(pair);
        Assert.True(target.Open.IsCompressed);
        var (there, back) = (Content(kind, seed, length), Content(kind, seed + 100, length));
        var results = await Task.WhenAll(ReadAsync(target), ReadAsync(client), WriteAsync(client, there, seed), WriteAsync(target, back, seed)).WaitAsync(Eventually.Deadline);
        Assert.Equal(there, results[0]);
        Assert.Equal(back, results[1]);
        await SettledAsync(pair);
    }

    [Fact]
    public async Task Text_shrinks_and_random_bytes_cost_next_to_nothing()
    {
        await using var pair = await new LinkPair().StartAsync();
        var (text, textTarget) = await OpenAsync(pair);
        await Task.WhenAll(WriteAsync(text, Content("text", 1, 400_000), 1), ReadAsync(textTarget)).WaitAsync(Eventually.Deadline);
        Assert.True(text.Ledger.Written < 200_000, $"400000 bytes of text became {text.Ledger.Written}");
        // Both ends count what they have sent and got.
        Assert.Equal(400_000 - text.Ledger.Written, pair.Cloud.SavedBytes, 4000d);
        Assert.Equal(pair.Cloud.SavedBytes, pair.Hq.SavedBytes);

        var saved = pair.Cloud.SavedBytes;
        var (random, randomTarget) = await OpenAsync(pair);
        await Task.WhenAll(WriteAsync(random, Content("random", 2, 1_000_000), 1), ReadAsync(randomTarget)).WaitAsync(Eventually.Deadline);
        Assert.InRange(random.Ledger.Written, 1_000_000, 1_005_000);
        Assert.Equal(saved, pair.Cloud.SavedBytes);
    }

    [Fact]
    public async Task Text_behind_a_megabyte_of_random_bytes_is_found_again()
    {
        await using var pair = await new LinkPair().StartAsync();
        var (client, target) = await OpenAsync(pair);
        var content = Content("random", 1, 1_000_000).Concat(Content("text", 2, 4_000_000)).ToArray();
        await Task.WhenAll(WriteAsync(client, content, 1), ReadAsync(target)).WaitAsync(Eventually.Deadline);
        Assert.InRange(client.Ledger.Written, 1_000_000, 4_000_000);
    }

    [Fact]
    public async Task Every_write_is_sent_at_once()
    {
        await using var pair = await new LinkPair().StartAsync();
        var (client, target) = await OpenAsync(pair);
        for (var i = 0; i < 500; i++)
        {
            // Sizes around those at which a try begins.
            var word = Content("text", i, i % 3 == 0 ? 1 : 100 + i % 64);
            await client.Output.WriteAsync(word);
            Assert.Equal(word, await TakeAsync(target, word.Length));
            await target.Output.WriteAsync(word);
            Assert.Equal(word, await TakeAsync(client, word.Length));
        }
    }

    [Theory]
    [InlineData(CutKind.Reset, 1)]
    [InlineData(CutKind.End, 2)]
    public async Task Cuts_are_seen_by_nobody(CutKind kind, int seed)
    {
        const int Streams = 16;
        const int Bytes = 512 * 1024;
        var random = new Random(seed);
        await using var pair = new LinkPair(seed);
        pair.OnDial = connection =>
        {
            if (pair.Dials is > 1 and < 100)
                connection.CutAfter(random.Next(1, 24 * 1024), random.Next(1, 24 * 1024), kind);
        };
        await pair.StartAsync();
        var all = new List<Task>();
        for (var i = 0; i < Streams; i++)
        {
            var (client, target) = await OpenAsync(pair);
            all.AddRange([
                Pattern.SendAsync(client, 2 * i, Bytes, seed), Pattern.CheckAsync(target, 2 * i, Bytes),
                Pattern.SendAsync(target, 2 * i + 1, Bytes, seed), Pattern.CheckAsync(client, 2 * i + 1, Bytes),
            ]);
            if (i == Streams / 2)
                pair.Connection!.Cut(kind);
        }

        await Task.WhenAll(all).WaitAsync(TimeSpan.FromSeconds(60));
        Assert.True(pair.Cloud.Resumes > 10, $"only {pair.Cloud.Resumes} resumes: the test cuts nothing");
        await SettledAsync(pair);
    }

    [Fact]
    public async Task An_end_and_a_reset_mean_what_they_mean()
    {
        await using var pair = await new LinkPair().StartAsync();
        var (client, target) = await OpenAsync(pair);
        var question = Content("text", 1, 3000);
        await client.Output.WriteAsync(question);
        await client.CompleteOutputAsync();
        Assert.Equal(question, await ReadAsync(target).WaitAsync(Eventually.Deadline));
        // Half-closed: the answer still comes, and then the reset, not an end.
        await target.Output.WriteAsync(question);
        Assert.Equal(question, await TakeAsync(client, question.Length));
        target.Abort(CloseReason.TargetReset);
        var broken = await Assert.ThrowsAsync<ConnectionBrokenException>(() => ReadAsync(client).WaitAsync(Eventually.Deadline));
        Assert.Equal(CloseReason.TargetReset, broken.Told);
        await SettledAsync(pair);
    }

    [Fact]
    public async Task What_nobody_takes_is_not_delivered_and_stays_inside_the_window()
    {
        await using var pair = await new LinkPair().StartAsync();
        var (client, target) = await OpenAsync(pair);
        var writing = client.Output.WriteAsync(new byte[50_000_000]).AsTask();
        await Eventually.StableAsync(() => (int)target.Ledger.Received);
        Assert.False(writing.IsCompleted);
        Assert.True((await target.Input.ReadAsync()).Buffer.Length <= DecompressingReader.MostPlainBytes);
        Assert.Equal(0, target.Ledger.Delivered);
        Assert.True(pair.Hq.ReceiveBudget.Taken <= pair.HqOptions.InitialWindow + DecompressingReader.MostPlainBytes, $"{pair.Hq.ReceiveBudget.Taken} bytes are promised");
        target.Abort(CloseReason.ClientLeft);
        await Assert.ThrowsAsync<ConnectionBrokenException>(() => writing.WaitAsync(Eventually.Deadline));
        await SettledAsync(pair);
    }

    [Fact]
    public async Task A_reader_that_looks_without_taking_gets_more()
    {
        await using var pair = await new LinkPair().StartAsync();
        var (client, target) = await OpenAsync(pair);
        var content = Content("text", 1, OneBlock + 500);
        for (var sent = 0; sent < content.Length; sent += 700)
        {
            await client.Output.WriteAsync(content.AsMemory(sent, Math.Min(700, content.Length - sent)));
            var wanted = Math.Min(sent + 700, content.Length);
            while (true)
            {
                var read = await target.Input.ReadAsync().AsTask().WaitAsync(Eventually.Deadline);
                var seen = read.Buffer.ToArray();
                Assert.Equal(0, target.Ledger.Delivered);
                // The last look is the one that takes.
                target.Input.AdvanceTo(seen.Length == content.Length ? read.Buffer.End : read.Buffer.Start, read.Buffer.End);
                Assert.Equal(content[..seen.Length], seen);
                if (seen.Length == wanted)
                    break;
            }
        }

        Assert.Equal(target.Ledger.Received, target.Ledger.Delivered);
    }

    [Theory]
    [InlineData(true, false)]
    [InlineData(false, true)]
    public async Task With_a_peer_that_cannot_the_stream_is_plain(bool cloud, bool hq)
    {
        await using var pair = await new LinkPair(
            1, o => o with { Features = cloud ? LinkFeatures.Compression : LinkFeatures.None }, o => o with { Features = hq ? LinkFeatures.Compression : LinkFeatures.None }).StartAsync();
        var (client, target) = await OpenAsync(pair);
        Assert.False(target.Open.IsCompressed);
        var content = Content("text", 1, 50_000);
        var results = await Task.WhenAll(ReadAsync(target), WriteAsync(client, content, 1)).WaitAsync(Eventually.Deadline);
        Assert.Equal(content, results[0]);
        Assert.Equal(content.Length, client.Ledger.Written);
    }

    public static TheoryData<string, byte[], bool> Wrong => new()
    {
        { "no such form", [2, 0, 1, 0], false },
        { "no length", [0, 0, 0], false },
        { "a stored block too long", [0, 0x40, 1], false },
        { "a compressed block too long", [1, 0x40, 1, 0, 1], false },
        { "one that makes nothing", [1, 0, 1, 0, 0, 0], false },
        { "one that makes too much", Brotli(new byte[OneBlock + 1], OneBlock + 1), false },
        { "one that makes more than it says", Brotli(new byte[OneBlock], 100), false },
        { "a thousandfold bomb", Brotli(new byte[16_000_000], OneBlock), false },
        { "one that makes less than it says", Brotli(new byte[100], 101), false },
        { "no Brotli", [1, 0, 4, 0, 100, 0xFF, 0xFF, 0xFF, 0xFF], false },
        { "an end within a header", [0], true },
        { "an end behind a header", [0, 0, 5], true },
        { "an end within a stored block", [0, 0, 5, 1, 2], true },
        { "an end within a compressed block", Brotli(new byte[1000], 1000)[..^1], true },
    };

    [Theory]
    [MemberData(nameof(Wrong))]
    public async Task What_is_no_block_resets_its_stream_alone(string what, byte[] bytes, bool ends)
    {
        var listener = new LinkListener("hq");
        await using var pair = new LinkPair();
        await using var peer = new RawPeer(new LinkAcceptor(pair.HqOptions, pair.HqDirectory, listener));
        Assert.Equal(LinkFeatures.Compression, (await peer.GreetAsync()).Features);
        await peer.SendAsync(Compressed(1));
        byte[] right = [0, 0, 5, .. "right"u8];
        await peer.SendAsync(RawPeer.Data(1, 0, [.. right, .. bytes]));
        if (ends)
        {
            var offset = new byte[8];
            BinaryPrimitives.WriteInt64BigEndian(offset, right.Length + bytes.Length);
            await peer.SendAsync(RawPeer.Frame(LinkFrameType.End, 1, offset));
        }

        var stream = (LinkStream)(await listener.AcceptAsync().AsTask().WaitAsync(Eventually.Deadline))!;
        var broken = await Assert.ThrowsAsync<ConnectionBrokenException>(() => ReadAsync(stream).WaitAsync(Eventually.Deadline));
        Assert.True(broken.Told == CloseReason.LinkViolation, what);
        var (_, payload) = await peer.ReadAsync(LinkFrameType.Reset);
        var (reason, text) = LinkFrame.ReadReason(payload);
        Assert.Equal(CloseReason.LinkViolation, reason);
        Assert.StartsWith("compressed stream 1 ", text, StringComparison.Ordinal);
        // The session lives on.
        await peer.SendAsync(RawPeer.Open(3));
        Assert.NotNull(await listener.AcceptAsync().AsTask().WaitAsync(Eventually.Deadline));
        stream.Session.End(CloseReason.Stopping);
        await listener.DisposeAsync();
    }

    [Fact]
    public async Task Blocks_that_come_byte_by_byte_are_whole_in_the_end()
    {
        var listener = new LinkListener("hq");
        await using var pair = new LinkPair();
        await using var peer = new RawPeer(new LinkAcceptor(pair.HqOptions, pair.HqDirectory, listener));
        await peer.GreetAsync();
        await peer.SendAsync(Compressed(1));
        byte[] bytes = [0, 0, 5, .. "right"u8, .. Brotli(Encoding.ASCII.GetBytes(new string('x', 200)), 200)];
        for (var i = 0; i < bytes.Length; i++)
            await peer.SendAsync(RawPeer.Data(1, i, bytes[i]));
        var stream = (LinkStream)(await listener.AcceptAsync().AsTask().WaitAsync(Eventually.Deadline))!;
        Assert.Equal("right" + new string('x', 200), Encoding.ASCII.GetString(await TakeAsync(stream, 205)));
        stream.Session.End(CloseReason.Stopping);
        await listener.DisposeAsync();
    }

    private static byte[] Compressed(uint stream)
    {
        var bytes = new byte[8192];
        return bytes[..(LinkPair.Open() with { IsCompressed = true }).Write(bytes, stream)];
    }

    // A block of form 1 whose header may say anything.
    private static byte[] Brotli(byte[] content, int says)
    {
        var packed = new byte[content.Length + 100];
        Assert.True(System.IO.Compression.BrotliEncoder.TryCompress(content, packed, out var length));
        return [1, (byte)(length >> 8), (byte)length, (byte)(says >> 8), (byte)says, .. packed[..length]];
    }

    private static async Task<(LinkStream Cloud, LinkStream Hq)> OpenAsync(LinkPair pair)
    {
        Assert.True(pair.Cloud.TryOpen(LinkPair.Open() with { IsCompressed = true }, out var cloud, out var refused), $"refused: {refused}");
        return (cloud, Assert.IsType<LinkStream>(await pair.HqListener.AcceptAsync().AsTask().WaitAsync(Eventually.Deadline)));
    }

    private static async Task SettledAsync(LinkPair pair)
    {
        await Eventually.TrueAsync(() => pair.Cloud.StreamCount == 0 && pair.Hq.StreamCount == 0, () => $"{pair.Cloud.StreamCount} and {pair.Hq.StreamCount} streams are left");
        Assert.Equal(0, pair.Cloud.SendBudget.Taken + pair.Cloud.ReceiveBudget.Taken + pair.Hq.SendBudget.Taken + pair.Hq.ReceiveBudget.Taken);
    }

    private static byte[] Content(string kind, int seed, int length)
    {
        var random = new Random(seed);
        var content = new byte[length];
        if (kind == "random")
            random.NextBytes(content);
        for (var at = 0; kind != "random" && at < length;)
        {
            var isText = kind == "text" || random.Next(2) == 0;
            var piece = isText ? Encoding.ASCII.GetBytes($"  task t{random.Next(10_000)} # state:complete dur:00:{random.Next(60):00}:{random.Next(60):00} flag:message\n") : new byte[random.Next(1, 60_000)];
            if (!isText)
                random.NextBytes(piece);
            piece.AsSpan(0, Math.Min(piece.Length, length - at)).CopyTo(content.AsSpan(at));
            at += piece.Length;
        }

        return content;
    }

    // By both ways that a PipeWriter has. Returns nothing, so that it can be awaited beside a reader.
    private static async Task<byte[]> WriteAsync(Connection connection, byte[] content, int seed)
    {
        var random = new Random(seed);
        for (var sent = 0; sent < content.Length;)
        {
            var length = Math.Min(random.Next(1, random.Next(2) == 0 ? 300 : 200_000), content.Length - sent);
            if (random.Next(2) == 0)
            {
                await connection.Output.WriteAsync(content.AsMemory(sent, length));
            }
            else
            {
                content.AsSpan(sent, length).CopyTo(connection.Output.GetSpan(length));
                connection.Output.Advance(length);
                if (random.Next(3) > 0)
                    await connection.Output.FlushAsync();
            }

            sent += length;
        }

        await connection.CompleteOutputAsync();
        return [];
    }

    private static async Task<byte[]> ReadAsync(Connection connection)
    {
        var all = new List<byte>();
        while (true)
        {
            var read = await connection.Input.ReadAsync();
            all.AddRange(read.Buffer.ToArray());
            connection.Input.AdvanceTo(read.Buffer.End);
            if (read.IsCompleted)
                return [.. all];
        }
    }

    private static async Task<byte[]> TakeAsync(Connection connection, int length)
    {
        var all = new List<byte>();
        while (all.Count < length)
        {
            var read = await connection.Input.ReadAsync().AsTask().WaitAsync(Eventually.Deadline);
            all.AddRange(read.Buffer.ToArray());
            connection.Input.AdvanceTo(read.Buffer.End);
            Assert.False(read.IsCompleted);
        }

        return [.. all];
    }
}
