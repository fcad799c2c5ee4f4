using System.Buffers.Binary;

namespace JunctionRelay.Licensing;

/// <summary>A message in the framing that FlexNet servers speak since about version 11.10.</summary>
/// <remarks>
/// <code>
/// offset  size
///      0     1  0x2f
///      1     1  check byte over the other 19 bytes of this header, the CRC among them (FlexLmChecksum.CheckByte)
///      2     2  CRC over bytes 4 to the end (FlexLmChecksum.Crc)          all numbers are big endian
///      4     2  length of the whole frame, these 20 bytes included
///      6     2  message type
///      8    12  meaning unknown (requests: a Unix time at 8; replies: a token or zeros, once 0x41 at 12); kept as it came
///     20     n  payload
/// </code>
/// Source: public observation (<c>jtfrey/flexlm-logging-proxy</c>, <c>ressy/flexnet</c>, <c>prusswan/flexnet</c>, <c>mageni/mageni</c>,
/// <c>rapid7/metasploit-framework</c>). lmgrd up to 11.9.1 overflows its stack on a frame longer than it expects, hence nothing here trusts a length.
/// </remarks>
internal sealed class FlexLmFrame
{
    public const int HeaderBytes = 20;

    /// <summary>The longest frame that the 16-bit length can state: what a reader must be ready to hold.</summary>
    public const int MaxBytes = ushort.MaxValue;

    /// <summary>Length of <see cref="HeaderRest"/>.</summary>
    public const int HeaderRestBytes = 12;

    private const byte Marker = 0x2f;
    private const int LengthOffset = 4, TypeOffset = 6, RestOffset = 8;

    /// <summary>The message type at offset 6.</summary>
    public required ushort Type { get; init; }

    /// <summary>Bytes 8 to 19, whose meaning is unknown.</summary>
    public ReadOnlyMemory<byte> HeaderRest { get; init; } = new byte[HeaderRestBytes];

    /// <summary>What follows the header.</summary>
    public ReadOnlyMemory<byte> Payload { get; init; }

    /// <summary>Whether this can be the start of a frame and of nothing else that is known.</summary>
    public static bool Begins(ReadOnlySpan<byte> bytes) => bytes.Length > 0 && bytes[0] == Marker;

    /// <summary>Reads what the header at the start of <paramref name="bytes"/> says of its frame; the frame itself need not be there yet, and its CRC is not checked.</summary>
    public static FlexLmParse<FlexLmFrameHead> ReadHead(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length > 0 && bytes[0] != Marker)
            return FlexLmParse.NotFlexLm<FlexLmFrameHead>($"a frame begins with 0x2f, not 0x{bytes[0]:x2}");
        if (bytes.Length < HeaderBytes)
            return FlexLmParse.NeedMore<FlexLmFrameHead>(HeaderBytes);

        // The header has its own sum, so a damaged length is found before anybody waits for 64 KiB that will never come.
        var sum = FlexLmChecksum.CheckByte(bytes[..HeaderBytes]);
        if (bytes[1] != sum)
            return FlexLmParse.NotFlexLm<FlexLmFrameHead>($"the frame's check byte is 0x{bytes[1]:x2} and should be 0x{sum:x2}");
        int length = BinaryPrimitives.ReadUInt16BigEndian(bytes[LengthOffset..]);
        return length < HeaderBytes
            ? FlexLmParse.NotFlexLm<FlexLmFrameHead>($"the frame claims {length} bytes, less than its {HeaderBytes}-byte header")
            : FlexLmParse.Parsed(new FlexLmFrameHead(BinaryPrimitives.ReadUInt16BigEndian(bytes[TypeOffset..]), length), HeaderBytes);
    }

    /// <summary>Reads the frame at the start of <paramref name="bytes"/>; the frame owns a copy.</summary>
    public static FlexLmParse<FlexLmFrame> Parse(ReadOnlySpan<byte> bytes)
    {
        var head = ReadHead(bytes);
        if (head.Message is not { Length: var length })
            return new FlexLmParse<FlexLmFrame>(head.State, null, head.Bytes, head.Why);
        if (bytes.Length < length)
            return FlexLmParse.NeedMore<FlexLmFrame>(length);

        bytes = bytes[..length];
        var claimed = BinaryPrimitives.ReadUInt16BigEndian(bytes[2..]);
        var crc = FlexLmChecksum.Crc(bytes[LengthOffset..]);
        if (claimed != crc)
            return FlexLmParse.NotFlexLm<FlexLmFrame>($"the frame's CRC is 0x{claimed:x4} and should be 0x{crc:x4}");

        return FlexLmParse.Parsed(
            new FlexLmFrame
            {
                Type = BinaryPrimitives.ReadUInt16BigEndian(bytes[TypeOffset..]),
                HeaderRest = bytes[RestOffset..HeaderBytes].ToArray(),
                Payload = bytes[HeaderBytes..].ToArray(),
            },
            length);
    }

    /// <summary>Writes the frame with its length, CRC and check byte. Throws <see cref="ArgumentException"/> for a payload that the length cannot state.</summary>
    public byte[] ToBytes()
    {
        if (HeaderRest.Length != HeaderRestBytes)
            throw new ArgumentException($"A frame's header rest is {HeaderRestBytes} bytes; got {HeaderRest.Length}.", nameof(HeaderRest));
        if (Payload.Length > MaxBytes - HeaderBytes)
            throw new ArgumentException($"A frame's payload is at most {MaxBytes - HeaderBytes} bytes; got {Payload.Length}.", nameof(Payload));

        var bytes = new byte[HeaderBytes + Payload.Length];
        bytes[0] = Marker;
        BinaryPrimitives.WriteUInt16BigEndian(bytes.AsSpan(LengthOffset), (ushort)bytes.Length);
        BinaryPrimitives.WriteUInt16BigEndian(bytes.AsSpan(TypeOffset), Type);
        HeaderRest.Span.CopyTo(bytes.AsSpan(RestOffset));
        Payload.Span.CopyTo(bytes.AsSpan(HeaderBytes));
        BinaryPrimitives.WriteUInt16BigEndian(bytes.AsSpan(2), FlexLmChecksum.Crc(bytes.AsSpan(LengthOffset)));
        bytes[1] = FlexLmChecksum.CheckByte(bytes.AsSpan(0, HeaderBytes));
        return bytes;
    }
}

/// <summary>What a frame's header says: its type, and the length of the whole frame.</summary>
internal sealed record FlexLmFrameHead(ushort Type, int Length);
