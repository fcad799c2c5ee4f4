using System.Text;

namespace JunctionRelay.App.Demo;

/// <summary>lmgrd's redirect: host, NUL, port in four bytes, and the seven bytes that were seen behind it.</summary>
internal sealed record WireRedirect(string Host, int Port)
{
    private const int Type = 0x0113;

    public static WireRead<WireRedirect> Read(ReadOnlySpan<byte> bytes)
    {
        var read = WireFrame.Read(bytes);
        if (read.Message is not { } frame) return new(null, read.Bytes, read.Garbled);
        var end = Array.IndexOf(frame.Payload, (byte)0);
        return frame.Type == Type && end > 0 && frame.Payload.Length >= end + 5 && WireFrame.Number(frame.Payload[(end + 1)..(end + 5)]) is > 0 and <= 65535 and var port
            ? new(new WireRedirect(Encoding.ASCII.GetString(frame.Payload, 0, end), port), read.Bytes) : WireRead<WireRedirect>.No($"a frame of type 0x{frame.Type:x4} is no redirect");
    }

    public byte[] ToBytes() => new WireFrame(Type, [.. Encoding.ASCII.GetBytes(Host), 0, .. WireFrame.Bytes(Port, 4), 0, 0, 0, 0, 0, (byte)'T', (byte)'D']).ToBytes();
}
