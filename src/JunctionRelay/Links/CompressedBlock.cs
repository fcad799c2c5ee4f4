using System.Buffers;
using System.Buffers.Binary;
using System.IO.Compression;

namespace JunctionRelay.Links;

/// <summary>What one look at the bytes of a compressed stream finds.</summary>
internal enum CompressedRead
{
    /// <summary>Bytes of a block were taken.</summary>
    Taken,
    /// <summary>More must come first.</summary>
    Incomplete,
    /// <summary>The reader has no room for the block; it must take something first.</summary>
    NoRoom,
    /// <summary>These bytes are none of a compressed stream's.</summary>
    Wrong,
}

/// <summary>
/// The blocks of a compressed stream (<c>docs/link-protocol.md</c>, section 6): layout, write, read; no state, no I/O. Each block stands for itself: nothing of a stream lies in memory between
/// two, what makes one block larger tells nothing about another, and none can grow beyond its bound.
/// </summary>
internal static class CompressedBlock
{
    /// <summary>The longest block, before and after: of text, nine tenths of what 64 KiB would save, in a quarter of the memory.</summary>
    public const int MostBytes = 16 * 1024;

    /// <summary>Form, length, and what the block makes when it is read.</summary>
    public const int HeaderBytes = 5;

    /// <summary>Form and length.</summary>
    public const int StoredHeaderBytes = 3;

    /// <summary>Fewer bytes hardly ever shrink by more than the header costs.</summary>
    public const int LeastBytes = 128;

    private const byte Stored = 0;
    private const byte Brotli = 1;

    // The cheapest quality that looks further back than a moment; the window holds one block. Measured on text in blocks of 16 KiB: 0.40 of the size
    // for 18 ms of processor time per MB; quality 1: 0.43 for 9, quality 4: 0.39 for 23; reading it 4 ms.
    private const int Quality = 2;
    private const int WindowBits = 15;

    /// <summary>Writes <paramref name="bytes"/> as they are; returns the length of the block.</summary>
    public static int Store(ReadOnlySpan<byte> bytes, Span<byte> to)
    {
        to[0] = Stored;
        BinaryPrimitives.WriteUInt16BigEndian(to[1..], (ushort)bytes.Length);
        bytes.CopyTo(to[StoredHeaderBytes..]);
        return StoredHeaderBytes + bytes.Length;
    }

    /// <summary>Writes <paramref name="bytes"/> compressed; returns the length of the block, or 0 when that would not save an eighth or be longer than <paramref name="most"/>.</summary>
    public static int Compress(ReadOnlySpan<byte> bytes, Span<byte> to, int most)
    {
        var room = Math.Min(bytes.Length - bytes.Length / 8, most) - HeaderBytes;
        if (room <= 0 || !BrotliEncoder.TryCompress(bytes, to.Slice(HeaderBytes, room), out var length, Quality, WindowBits))
            return 0;
        to[0] = Brotli;
        BinaryPrimitives.WriteUInt16BigEndian(to[1..], (ushort)length);
        BinaryPrimitives.WriteUInt16BigEndian(to[3..], (ushort)bytes.Length);
        return HeaderBytes + length;
    }

    /// <summary>
    /// Takes one block, or of a stored one as much as there is and has room, from the front of <paramref name="from"/>.
    /// </summary>
    /// <param name="stored">Of a stored block that was taken in part: what is still to come of it.</param>
    /// <param name="saved">By how much the block was longer before.</param>
    public static CompressedRead Read(ref ReadOnlySequence<byte> from, Span<byte> to, ref int stored, out int written, out int saved)
    {
        (written, saved) = (0, 0);
        if (from.IsEmpty)
            return CompressedRead.Incomplete;
        if (stored > 0)
            return TakeStored(ref from, to, ref stored, out written);

        Span<byte> header = stackalloc byte[HeaderBytes];
        header = header[..(int)Math.Min(HeaderBytes, from.Length)];
        from.Slice(0, header.Length).CopyTo(header);
        if (header[0] is not (Stored or Brotli))
            return CompressedRead.Wrong;
        if (header.Length < StoredHeaderBytes)
            return CompressedRead.Incomplete;
        var length = BinaryPrimitives.ReadUInt16BigEndian(header[1..]);
        if (length is 0 or > MostBytes)
            return CompressedRead.Wrong;
        if (header[0] == Stored)
        {
            from = from.Slice(StoredHeaderBytes);
            stored = length;
            return from.IsEmpty ? CompressedRead.Taken : TakeStored(ref from, to, ref stored, out written);
        }

        if (header.Length < HeaderBytes)
            return CompressedRead.Incomplete;
        var plain = BinaryPrimitives.ReadUInt16BigEndian(header[3..]);
        if (plain is 0 or > MostBytes)
            return CompressedRead.Wrong;
        if (from.Length < HeaderBytes + length)
            return CompressedRead.Incomplete;
        if (plain > to.Length)
            return CompressedRead.NoRoom;
        if (!Decompress(from.Slice(HeaderBytes, length), to[..plain]))
            return CompressedRead.Wrong;
        from = from.Slice(HeaderBytes + length);
        (written, saved) = (plain, Math.Max(0, plain - length - HeaderBytes));
        return CompressedRead.Taken;
    }

    private static CompressedRead TakeStored(ref ReadOnlySequence<byte> from, Span<byte> to, ref int stored, out int written)
    {
        written = (int)Math.Min(Math.Min(stored, to.Length), from.Length);
        if (written == 0)
            return CompressedRead.NoRoom;
        from.Slice(0, written).CopyTo(to);
        from = from.Slice(written);
        stored -= written;
        return CompressedRead.Taken;
    }

    // It fills what was promised to the last byte, or it is wrong; it can never write beyond.
    private static bool Decompress(in ReadOnlySequence<byte> from, Span<byte> to)
    {
        if (from.IsSingleSegment)
            return BrotliDecoder.TryDecompress(from.FirstSpan, to, out var direct) && direct == to.Length;
        var together = ArrayPool<byte>.Shared.Rent((int)from.Length);
        from.CopyTo(together);
        var isRight = BrotliDecoder.TryDecompress(together.AsSpan(0, (int)from.Length), to, out var written) && written == to.Length;
        ArrayPool<byte>.Shared.Return(together);
        return isRight;
    }
}
