namespace JunctionRelay.App.Demo;

/// <summary>
/// A frame of FlexNet servers since about 11.10: <c>2f</c>, check byte of the first 20, CRC of all from byte 4, length, type, each big endian, then 12 bytes that are as in the published
/// packet, and the payload.
/// </summary>
internal sealed record WireFrame(int Type, byte[] Payload)
{
    public const int HeaderBytes = 20;

    /// <summary>Reads any frame.</summary>
    public static WireRead<WireFrame> Read(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length > 0 && bytes[0] != 0x2f) return WireRead<WireFrame>.No($"a frame begins with 0x2f, not 0x{bytes[0]:x2}");
        if (bytes.Length < HeaderBytes) return WireRead<WireFrame>.Need(HeaderBytes);
        var header = bytes[..HeaderBytes].ToArray();
        if (WireSums.Check(header) != header[1]) return WireRead<WireFrame>.No("the frame's check byte is wrong");
        var length = Number(header[4..6]);
        if (length < HeaderBytes) return WireRead<WireFrame>.No($"a frame of {length} bytes has no room for its header");
        if (bytes.Length < length) return WireRead<WireFrame>.Need(length);
        var frame = bytes[..length].ToArray();
        return WireSums.Crc(frame[4..]) == Number(frame[2..4]) ? new(new WireFrame(Number(frame[6..8]), frame[HeaderBytes..]), length) : WireRead<WireFrame>.No("the frame's CRC is wrong");
    }

    public byte[] ToBytes()
    {
        byte[] behindCrc = [.. Bytes(HeaderBytes + Payload.Length, 2), .. Bytes(Type, 2), 0, 0, 0, 0, 0x41, 0, 0, 0, 0, 0, 0, 0, .. Payload];
        byte[] frame = [0x2f, 0, .. Bytes(WireSums.Crc(behindCrc), 2), .. behindCrc];
        frame[1] = WireSums.Check(frame[..HeaderBytes]);
        return frame;
    }

    internal static byte[] Bytes(long number, int count) => [.. Enumerable.Range(1, count).Select(i => (byte)(number >> (8 * (count - i))))];

    internal static int Number(IEnumerable<byte> bytes) => bytes.Aggregate(0, (number, b) => (number << 8) | b);
}
