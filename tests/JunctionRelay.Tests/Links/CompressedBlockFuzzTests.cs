using System.Buffers;
using System.Buffers.Binary;
using System.IO.Compression;
using JunctionRelay.Links;
using JunctionRelay.Tests.Harness;

namespace JunctionRelay.Tests.Links;

/// <summary>
/// Compressed streams that no honest peer would send, in pieces of any length. Each case is made from its number, so a failure names all that is needed to see it again.
/// JUNCTION_FUZZ_CASES sets how many are tried, JUNCTION_FUZZ_FROM the first.
/// </summary>
public sealed class CompressedBlockFuzzTests
{
    private const int FewBytes = 400;

    // To compress costs a hundred times what reading does: nearly all cases begin with blocks that were made once.
    private const int OneInMadeAnew = 100;

    private static readonly Block[] Seeds = [.. Enumerable.Range(0, 256).Select(number => Seed(new Random(number)))];

    [Fact]
    public void Blocks_of_any_bytes_never_throw_nor_write_beyond()
    {
        var (ends, passed) = (new int[4], 0);
        var (stream, plain, room) = (new byte[64 * 1024], new byte[64 * 1024], new byte[DecompressingReader.MostPlainBytes + 1]);
        for (var number = Fuzz.First; number < Fuzz.First + Fuzz.Cases; number++)
        {
            var random = new Random(number);
            try
            {
                var (length, promised) = Make(random, stream, plain);
                var isHonest = number % 4 == 0;
                if (!isHonest)
                    Damage(random, stream, ref length);
                var (end, read) = Read(random, Pieces(random, stream.AsMemory(0, length)), room, isHonest ? plain.AsSpan(0, promised) : []);
                Assert.True(!isHonest || (end == CompressedRead.Incomplete && read == promised), "an honest stream was not read to its end");
                ends[(int)end]++;
                passed += !isHonest && end == CompressedRead.Wrong && read > 0 ? 1 : 0;
            }
            catch (Exception fault)
            {
                Assert.Fail($"case {number}: {fault}");
            }
        }

        // Nothing was out of the question, but no block for which this had no room; and what is damaged shows behind blocks that are whole as well as at once.
        Assert.True(
            ends[(int)CompressedRead.Incomplete] > Fuzz.Cases / 10 && ends[(int)CompressedRead.Wrong] > Fuzz.Cases / 10 && passed > Fuzz.Cases / 20, $"{string.Join(", ", ends)}, {passed} read in part");
    }

    // To the end that it comes to, now and then as it arrives. What is read of an honest stream is what was meant, byte for byte; of another nothing is.
    private static (CompressedRead End, int Read) Read(Random random, ReadOnlySequence<byte> whole, byte[] room, ReadOnlySpan<byte> honest)
    {
        var (stored, read, taken) = (0, 0, 0L);
        var arrived = random.Next(4) == 0 ? random.NextInt64(whole.Length + 1) : whole.Length;
        while (true)
        {
            var most = random.Next(CompressedBlock.MostBytes, room.Length);
            var from = whole.Slice(taken, arrived - taken);
            var (before, guard) = (from.Length, (byte)random.Next(256));
            room.AsSpan().Fill(guard);
            var found = CompressedBlock.Read(ref from, room.AsSpan(0, most), ref stored, out var written, out var saved);
            // What is wrong may have filled its room before it was.
            Assert.True(room.AsSpan(found == CompressedRead.Wrong ? most : written).IndexOfAnyExcept(guard) < 0, "it was written beyond");
            Assert.True(written <= most && stored is >= 0 and <= CompressedBlock.MostBytes && saved >= 0 && from.Length <= before);
            Assert.True(honest.IsEmpty || (written <= honest.Length - read && room.AsSpan(0, written).SequenceEqual(honest.Slice(read, written))), "other bytes than were written");
            Assert.True(found != CompressedRead.NoRoom, "there was room");
            Assert.True(found != CompressedRead.Taken || from.Length < before, "nothing was taken");
            Assert.True(found == CompressedRead.Taken || (from.Length == before && written == 0), "something was taken");
            (read, taken) = (read + written, taken + before - from.Length);
            if (found == CompressedRead.Incomplete && arrived < whole.Length)
                arrived = random.NextInt64(arrived, whole.Length) + 1;
            else if (found != CompressedRead.Taken)
                return (honest.IsEmpty || (taken == whole.Length && stored == 0) ? found : CompressedRead.Wrong, read);
        }
    }

    // A few blocks as a writer makes them.
    private static (int Length, int Plain) Make(Random random, byte[] to, byte[] plain)
    {
        var (length, promised) = (0, 0);
        for (var blocks = random.Next(1, 4); blocks > 0; blocks--)
        {
            if (random.Next(OneInMadeAnew) == 0)
            {
                var content = plain.AsSpan(promised, random.Next(1, random.Next(8) == 0 ? CompressedBlock.MostBytes + 1 : FewBytes));
                Fill(random, content);
                length += Write(content, to.AsSpan(length));
                promised += content.Length;
                continue;
            }

            var seed = Seeds[random.Next(Seeds.Length)];
            seed.Wire.CopyTo(to, length);
            seed.Plain.CopyTo(plain, promised);
            (length, promised) = (length + seed.Wire.Length, promised + seed.Plain.Length);
        }

        return (length, promised);
    }

    // As our writer makes it, or stored, or as another encoder would have it: any quality and window is Brotli.
    private static Block Seed(Random random)
    {
        var plain = new byte[random.Next(1, random.Next(8) == 0 ? CompressedBlock.MostBytes + 1 : FewBytes)];
        Fill(random, plain);
        var wire = new byte[CompressedBlock.MostBytes + CompressedBlock.HeaderBytes];
        if (random.Next(3) == 0)
            return new Block(wire[..CompressedBlock.Store(plain, wire)], plain);
        if (random.Next(2) == 0)
            return new Block(wire[..Write(plain, wire)], plain);
        if (!BrotliEncoder.TryCompress(plain, wire.AsSpan(CompressedBlock.HeaderBytes), out var length, random.Next(12), random.Next(10, 25)))
            return new Block(wire[..CompressedBlock.Store(plain, wire)], plain);
        wire[0] = 1;
        BinaryPrimitives.WriteUInt16BigEndian(wire.AsSpan(1), (ushort)length);
        BinaryPrimitives.WriteUInt16BigEndian(wire.AsSpan(3), (ushort)plain.Length);
        return new Block(wire[..(CompressedBlock.HeaderBytes + length)], plain);
    }

    private static int Write(ReadOnlySpan<byte> content, Span<byte> to) =>
        CompressedBlock.Compress(content, to, 12 * 1024) is > 0 and var compressed ? compressed : CompressedBlock.Store(content, to);

    // Text with more or less noise in it.
    private static void Fill(Random random, Span<byte> content)
    {
        var noise = random.Next(1, 30);
        random.NextBytes(content);
        for (var i = 0; i < content.Length; i++)
            content[i] = content[i] % noise == 0 ? content[i] : (byte)('a' + i % 7);
    }

    private static void Damage(Random random, byte[] bytes, ref int length)
    {
        for (var change = random.Next(1, 4); change > 0; change--)
        {
            // Headers are few among many bytes: the first is hit more often than its share.
            var at = random.Next(random.Next(2) == 0 ? Math.Min(length, 8) : length);
            switch (random.Next(6))
            {
                case 0:
                    bytes[at] ^= (byte)(1 << random.Next(8));
                    break;
                case 1:
                    // A piece of another block.
                    var other = Seeds[random.Next(Seeds.Length)].Wire.AsSpan();
                    other = other[random.Next(other.Length)..];
                    other[..Math.Min(other.Length, length - at)].CopyTo(bytes.AsSpan(at));
                    break;
                case 2 when length > 1:
                    // A piece is missing.
                    var missing = random.Next(1, Math.Min(length - at, 16) + 1);
                    missing = Math.Min(missing, length - 1);
                    bytes.AsSpan(at + missing, Math.Max(0, length - at - missing)).CopyTo(bytes.AsSpan(at));
                    length -= missing;
                    break;
                default:
                    bytes[at] = (byte)random.Next(random.Next(2) == 0 ? 4 : 256);
                    break;
            }
        }

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

    private sealed record Block(byte[] Wire, byte[] Plain);

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
