using System.Buffers;
using JunctionRelay.Links;
using JunctionRelay.Tests.Harness;

namespace JunctionRelay.Tests.Links;

/// <summary>
/// Compressed streams that no honest peer would send, in pieces of any length. Each case is made from its number, so a failure names all that is needed to see it again.
/// JUNCTION_FUZZ_CASES sets how many are tried.
/// </summary>
public sealed class CompressedBlockFuzzTests
{
    [Fact]
    public void Blocks_of_any_bytes_never_throw_nor_write_beyond()
    {
        var ends = new int[4];
        var (stream, room) = (new byte[64 * 1024], new byte[DecompressingReader.MostPlainBytes + 1]);
        for (var number = 0; number < Fuzz.Cases; number++)
        {
            var random = new Random(number);
            try
            {
                var (length, plain) = Make(random, stream);
                var isHonest = number % 4 == 0;
                if (!isHonest)
                    Damage(random, stream, ref length);
                ends[(int)Read(random, Pieces(random, stream.AsMemory(0, length)), room, isHonest ? plain : null)]++;
            }
            catch (Exception fault)
            {
                Assert.Fail($"case {number}: {fault}");
            }
        }

        // Nothing was out of the question, but no block for which this had no room.
        Assert.True(ends[(int)CompressedRead.Incomplete] > Fuzz.Cases / 10 && ends[(int)CompressedRead.Wrong] > Fuzz.Cases / 10, string.Join(", ", ends));
    }

    private static CompressedRead Read(Random random, ReadOnlySequence<byte> from, byte[] room, List<byte>? honest)
    {
        var stored = 0;
        var all = new List<byte>();
        while (true)
        {
            var most = random.Next(CompressedBlock.MostBytes, room.Length);
            var (before, guard) = (from.Length, (byte)random.Next(256));
            room[most] = guard;
            var found = CompressedBlock.Read(ref from, room.AsSpan(0, most), ref stored, out var written, out var saved);
            Assert.Equal(guard, room[most]);
            Assert.True(written <= most && stored is >= 0 and <= CompressedBlock.MostBytes && saved >= 0 && from.Length <= before);
            all.AddRange(room.AsSpan(0, written));
            if (found == CompressedRead.Taken)
            {
                Assert.True(from.Length < before, "nothing was taken");
                continue;
            }

            Assert.NotEqual(CompressedRead.NoRoom, found);
            if (honest is not null)
            {
                Assert.True(found == CompressedRead.Incomplete && from.IsEmpty && stored == 0);
                Assert.Equal(honest, all);
            }

            return found;
        }
    }

    // A few blocks as a writer makes them.
    private static (int Length, List<byte> Plain) Make(Random random, byte[] to)
    {
        var (length, plain) = (0, new List<byte>());
        for (var blocks = random.Next(1, 4); blocks > 0; blocks--)
        {
            var content = new byte[random.Next(1, random.Next(8) == 0 ? CompressedBlock.MostBytes + 1 : 400)];
            for (var i = 0; i < content.Length; i++)
                content[i] = (byte)(random.Next(5) == 0 ? random.Next(256) : 'a' + i % 7);
            var compressed = random.Next(3) == 0 ? 0 : CompressedBlock.Compress(content, to.AsSpan(length), 12 * 1024);
            length += compressed > 0 ? compressed : CompressedBlock.Store(content, to.AsSpan(length));
            plain.AddRange(content);
        }

        return (length, plain);
    }

    private static void Damage(Random random, byte[] bytes, ref int length)
    {
        // Headers are few among many bytes: the first is hit more often than its share.
        for (var change = random.Next(1, 4); change > 0; change--)
            bytes[random.Next(random.Next(2) == 0 ? Math.Min(length, 8) : length)] = (byte)random.Next(random.Next(2) == 0 ? 4 : 256);
        if (random.Next(3) == 0)
            length = random.Next(length + 1);
    }

    private static ReadOnlySequence<byte> Pieces(Random random, Memory<byte> bytes)
    {
        if (bytes.Length < 2 || random.Next(2) == 0)
            return new ReadOnlySequence<byte>(bytes);
        var cut = random.Next(1, bytes.Length);
        var first = new Piece(bytes[..cut], 0);
        return new ReadOnlySequence<byte>(first, 0, first.Before(bytes[cut..]), bytes.Length - cut);
    }

    private sealed class Piece : ReadOnlySequenceSegment<byte>
    {
        public Piece(ReadOnlyMemory<byte> memory, long start) => (Memory, RunningIndex) = (memory, start);

        public Piece Before(ReadOnlyMemory<byte> next)
        {
            var piece = new Piece(next, RunningIndex + Memory.Length);
            Next = piece;
            return piece;
        }
    }
}
