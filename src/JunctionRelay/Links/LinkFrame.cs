using System.Buffers.Binary;
using System.Text.Unicode;
using JunctionRelay.Connections;

namespace JunctionRelay.Links;

/// <summary>The kinds of frames (<c>docs/link-protocol.md</c>, section 3). Unknown ones below 0x80 are skipped, others are violations.</summary>
internal enum LinkFrameType : byte
{
    Hello = 0x01,
    Known = 0x02,
    Open = 0x03,
    Data = 0x04,
    Credit = 0x05,
    End = 0x06,
    Reset = 0x07,
    Gone = 0x08,
    Ping = 0x09,
    Pong = 0x0A,
    GoAway = 0x0B,
    Close = 0x0C,
    Unknown = 0x0D,
    Rotate = 0x0E,
}

/// <summary>
/// The header of a frame, and the layout of every frame that has a fixed one: no state and no I/O. Numbers are big-endian.
/// <code>
/// offset  size
/// 0       1     type
/// 1       3     length of the payload
/// 4       4     stream id (0: the session)
/// 8       …     payload; DATA begins with the low half of the first byte's offset
/// </code>
/// </summary>
internal readonly record struct LinkFrame(LinkFrameType Type, int Length, uint Stream)
{
    public const int HeaderBytes = 8;

    /// <summary>Header and offset of DATA: the room that segments leave before their bytes.</summary>
    public const int DataHeaderBytes = HeaderBytes + sizeof(uint);

    /// <summary>A whole DATA frame: two full TLS records. Larger ones gain nothing and make other streams wait (bench: 64 KiB against 32 KiB).</summary>
    public const int MaxDataFrameBytes = 32 * 1024;

    public const int MaxDataBytes = MaxDataFrameBytes - DataHeaderBytes;

    /// <summary>The longest HELLO and OPEN.</summary>
    public const int MaxFieldsBytes = 4096;

    /// <summary>The longest text of a reason.</summary>
    public const int MaxTextBytes = 512;

    public const int CreditBytes = HeaderBytes + 24;
    public const int KnownEntryBytes = 32;
    public const int MaxKnownEntries = 1000;

    private const int KnownHeaderBytes = 8;
    private const int MaxFixedBytes = 64;
    private const int MaxKnownBytes = KnownHeaderBytes + KnownEntryBytes * 1024;

    /// <summary>The longest frame of any kind: what a read buffer must hold.</summary>
    public const int MaxFrameBytes = HeaderBytes + MaxKnownBytes;

    private const byte FirstMandatory = 0x80;

    /// <summary>Reads the first eight bytes of <paramref name="bytes"/>.</summary>
    public static LinkFrame ReadHeader(ReadOnlySpan<byte> bytes) =>
        new((LinkFrameType)bytes[0], (int)(BinaryPrimitives.ReadUInt32BigEndian(bytes) & 0xFFFFFF), BinaryPrimitives.ReadUInt32BigEndian(bytes[4..]));

    /// <summary>The frame is of a kind that this version knows.</summary>
    public bool IsKnownType => Type is >= LinkFrameType.Hello and <= LinkFrameType.Rotate;

    /// <summary>What is wrong with this header, or null. Asked before a byte of the payload is waited for.</summary>
    public string? Violation()
    {
        if (!IsKnownType)
        {
            return (byte)Type >= FirstMandatory ? $"frame of unknown mandatory type 0x{(byte)Type:x2}"
                : Length > MaxDataFrameBytes ? $"frame of unknown type 0x{(byte)Type:x2} with {Length} bytes, more than {MaxDataFrameBytes}"
                : null;
        }

        var (shortest, longest) = PayloadBounds(Type);
        if (Length < shortest || Length > longest)
            return $"{Type} with {Length} bytes, not {shortest} to {longest}";
        if (IsOfSession(Type) != (Stream == 0))
            return $"{Type} with stream id {Stream}";
        return null;
    }

    private static (int Shortest, int Longest) PayloadBounds(LinkFrameType type) => type switch
    {
        LinkFrameType.Hello or LinkFrameType.Open => (0, MaxFieldsBytes),
        LinkFrameType.Known => (KnownHeaderBytes, MaxKnownBytes),
        LinkFrameType.Data => (sizeof(uint) + 1, sizeof(uint) + MaxDataBytes),
        LinkFrameType.Credit => (24, MaxFixedBytes),
        LinkFrameType.End or LinkFrameType.Ping or LinkFrameType.Pong => (8, MaxFixedBytes),
        LinkFrameType.Reset or LinkFrameType.Close => (2, 2 + MaxTextBytes),
        LinkFrameType.Unknown => (1, MaxFixedBytes),
        _ => (0, MaxFixedBytes),
    };

    private static bool IsOfSession(LinkFrameType type) => type is LinkFrameType.Hello or LinkFrameType.Known or LinkFrameType.Ping or LinkFrameType.Pong
        or LinkFrameType.GoAway or LinkFrameType.Close or LinkFrameType.Unknown or LinkFrameType.Rotate;

    // Writing. Each returns the number of bytes written, header included.

    public static int WriteHeader(Span<byte> to, LinkFrameType type, int length, uint stream)
    {
        BinaryPrimitives.WriteUInt32BigEndian(to, (uint)type << 24 | (uint)length);
        BinaryPrimitives.WriteUInt32BigEndian(to[4..], stream);
        return HeaderBytes;
    }

    /// <summary>Header and offset of DATA; the <paramref name="length"/> bytes follow.</summary>
    public static int WriteDataHeader(Span<byte> to, uint stream, long offset, int length)
    {
        WriteHeader(to, LinkFrameType.Data, sizeof(uint) + length, stream);
        BinaryPrimitives.WriteUInt32BigEndian(to[HeaderBytes..], (uint)offset);
        return DataHeaderBytes;
    }

    public static int WriteCredit(Span<byte> to, uint stream, in KnownStream told)
    {
        WriteHeader(to, LinkFrameType.Credit, 24, stream);
        WriteOffsets(to[HeaderBytes..], told);
        return CreditBytes;
    }

    /// <summary>A frame of one number: END, PING, PONG.</summary>
    public static int WriteNumber(Span<byte> to, LinkFrameType type, uint stream, long number)
    {
        WriteHeader(to, type, sizeof(long), stream);
        BinaryPrimitives.WriteInt64BigEndian(to[HeaderBytes..], number);
        return HeaderBytes + sizeof(long);
    }

    /// <summary>A frame without payload: GONE, GO-AWAY, ROTATE.</summary>
    public static int WriteEmpty(Span<byte> to, LinkFrameType type, uint stream) => WriteHeader(to, type, 0, stream);

    public static int WriteUnknown(Span<byte> to, byte type)
    {
        WriteHeader(to, LinkFrameType.Unknown, 1, 0);
        to[HeaderBytes] = type;
        return HeaderBytes + 1;
    }

    /// <summary>RESET or CLOSE; a text beyond <see cref="MaxTextBytes"/> is cut.</summary>
    public static int WriteReason(Span<byte> to, LinkFrameType type, uint stream, CloseReason reason, string? text)
    {
        var payload = to[HeaderBytes..];
        BinaryPrimitives.WriteUInt16BigEndian(payload, (ushort)reason);
        Utf8.FromUtf16(text, payload.Slice(2, MaxTextBytes), out _, out var written);
        WriteHeader(to, type, 2 + written, stream);
        return HeaderBytes + 2 + written;
    }

    /// <summary>Header of a KNOWN with <paramref name="entries"/> entries, which follow by <see cref="WriteKnownEntry"/>.</summary>
    public static int WriteKnownHeader(Span<byte> to, int entries, bool last, uint highest)
    {
        WriteHeader(to, LinkFrameType.Known, KnownHeaderBytes + entries * KnownEntryBytes, 0);
        BinaryPrimitives.WriteUInt32BigEndian(to[HeaderBytes..], last ? 1u : 0u);
        BinaryPrimitives.WriteUInt32BigEndian(to[(HeaderBytes + 4)..], highest);
        return HeaderBytes + KnownHeaderBytes;
    }

    public static int WriteKnownEntry(Span<byte> to, uint stream, in KnownStream state)
    {
        BinaryPrimitives.WriteUInt32BigEndian(to, stream);
        BinaryPrimitives.WriteUInt32BigEndian(to[4..], state.Reset ? 1u : 0u);
        WriteOffsets(to[8..], state);
        return KnownEntryBytes;
    }

    private static void WriteOffsets(Span<byte> to, in KnownStream told)
    {
        BinaryPrimitives.WriteInt64BigEndian(to, told.Received);
        BinaryPrimitives.WriteInt64BigEndian(to[8..], told.Delivered);
        BinaryPrimitives.WriteInt64BigEndian(to[16..], told.Limit);
    }

    // Reading payloads whose length Violation has found right. Offsets above 2^63 read as negative ones, which every rule refuses.

    public static uint ReadDataOffset(ReadOnlySpan<byte> payload) => BinaryPrimitives.ReadUInt32BigEndian(payload);

    public static KnownStream ReadCredit(ReadOnlySpan<byte> payload) => ReadOffsets(payload, reset: false);

    public static long ReadNumber(ReadOnlySpan<byte> payload) => BinaryPrimitives.ReadInt64BigEndian(payload);

    public static (CloseReason Reason, string Text) ReadReason(ReadOnlySpan<byte> payload)
    {
        var reason = (CloseReason)BinaryPrimitives.ReadUInt16BigEndian(payload);
        return (Enum.IsDefined(reason) ? reason : CloseReason.OtherReason, LinkFieldsReader.Printable(payload[2..]));
    }

    /// <summary>The head of a KNOWN and how many entries follow, or null when its length fits no number of entries.</summary>
    public static (bool Last, uint Highest, int Entries)? ReadKnownHeader(ReadOnlySpan<byte> payload)
    {
        if ((payload.Length - KnownHeaderBytes) % KnownEntryBytes != 0)
            return null;
        var flags = BinaryPrimitives.ReadUInt32BigEndian(payload);
        return ((flags & 1) != 0, BinaryPrimitives.ReadUInt32BigEndian(payload[4..]), (payload.Length - KnownHeaderBytes) / KnownEntryBytes);
    }

    public static (uint Stream, KnownStream State) ReadKnownEntry(ReadOnlySpan<byte> payload, int index)
    {
        var entry = payload.Slice(KnownHeaderBytes + index * KnownEntryBytes, KnownEntryBytes);
        return (BinaryPrimitives.ReadUInt32BigEndian(entry), ReadOffsets(entry[8..], reset: (entry[7] & 1) != 0));
    }

    private static KnownStream ReadOffsets(ReadOnlySpan<byte> from, bool reset) => new(
        reset,
        BinaryPrimitives.ReadInt64BigEndian(from),
        BinaryPrimitives.ReadInt64BigEndian(from[8..]),
        BinaryPrimitives.ReadInt64BigEndian(from[16..]));
}
