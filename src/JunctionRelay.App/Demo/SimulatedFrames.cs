using System.Buffers.Binary;

namespace JunctionRelay.App.Demo;

/// <summary>
/// What a simulated vendor daemon and its client say to each other after the hello. THIS IS NOT FLEXNET: a real vendor daemon encrypts
/// everything from here on, in a way that is not public. Only the 0x2f framing is borrowed, because its CRC shows any byte that a relay damaged.
/// </summary>
/// <remarks>
/// <code>
/// type    direction          payload, big endian
/// 0x5301  daemon to client   granted: number of the seat (8)
/// 0x5302  daemon to client   denied: FlexNet's error code (4, signed), then the daemon ends the connection
/// 0x5303  client to daemon   heartbeat: any number (8)
/// 0x5304  daemon to client   heartbeat's answer: the same number (8)
/// </code>
/// </remarks>
internal static class SimulatedFrames
{
    public const ushort Granted = 0x5301;
    public const ushort Denied = 0x5302;
    public const ushort Heartbeat = 0x5303;
    public const ushort HeartbeatAnswer = 0x5304;

    /// <summary>The longest of these frames; whoever claims more is no client of ours.</summary>
    public const int MaxBytes = WireFrame.HeaderBytes + sizeof(long);

    public static byte[] Write(ushort type, long number)
    {
        var payload = new byte[sizeof(long)];
        BinaryPrimitives.WriteInt64BigEndian(payload, number);
        return new WireFrame(type, payload).ToBytes();
    }

    public static byte[] WriteDenied(int flexLmError)
    {
        var payload = new byte[sizeof(int)];
        BinaryPrimitives.WriteInt32BigEndian(payload, flexLmError);
        return new WireFrame(Denied, payload).ToBytes();
    }

    /// <summary>The number in a frame of the given type; null when the frame is another.</summary>
    public static long? Number(WireFrame frame, ushort type) =>
        frame.Type == type && frame.Payload.Length == sizeof(long) ? BinaryPrimitives.ReadInt64BigEndian(frame.Payload) : null;

    /// <summary>The error code of a refusal; null when the frame is none.</summary>
    public static int? DeniedError(WireFrame frame) =>
        frame.Type == Denied && frame.Payload.Length == sizeof(int) ? BinaryPrimitives.ReadInt32BigEndian(frame.Payload) : null;
}
