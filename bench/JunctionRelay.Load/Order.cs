using System.Buffers.Binary;

namespace JunctionRelay.Load;

/// <summary>
/// The first eight bytes of every connection, client to backend: what the connection is for.
/// <code>
///  0      1..3    4..7
///  mode   "JRL"   seed, little-endian
/// </code>
/// Echo: the backend returns every byte, these eight included. Push: it answers 'R', compares what follows, and at every
/// <see cref="Step"/> bytes returns the total so far (8 bytes, little-endian; negative = the first byte that differed, as -1 - offset).
/// Pull: it answers 'R' and sends up to each limit it is given (8 bytes, little-endian, an absolute offset).
/// Offsets count from the end of the order, but for echo from its beginning.
/// </summary>
internal static class Order
{
    public const int Length = 8;
    public const byte Echo = (byte)'E', Push = (byte)'U', Pull = (byte)'D';
    public const byte Ready = (byte)'R';

    /// <summary>Bulk is confirmed and granted in steps: few enough that their traffic stays under 1 % of the relay's work.</summary>
    public const int Step = 4 << 20;

    public static void Write(Span<byte> into, byte mode, uint seed)
    {
        into[0] = mode;
        "JRL"u8.CopyTo(into[1..]);
        BinaryPrimitives.WriteUInt32LittleEndian(into[4..], seed);
    }

    /// <summary>False for anything that is not ours: a probe, a stray, a relay that altered the bytes.</summary>
    public static bool TryRead(ReadOnlySpan<byte> from, out byte mode, out uint seed)
    {
        mode = from[0];
        seed = BinaryPrimitives.ReadUInt32LittleEndian(from[4..]);
        return mode is Echo or Push or Pull && from[1..4].SequenceEqual("JRL"u8);
    }
}
