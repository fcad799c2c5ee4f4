using System.Text;

namespace JunctionRelay.App.Demo;

/// <summary>lmgrd's answer to a hello without a vendor: its version in four bytes, then the master's name and the daemon's, each with NUL.</summary>
internal sealed record WireMaster(string Host, string Daemon)
{
    private const int Type = 0x010e;

    public static WireRead<WireMaster> Read(ReadOnlySpan<byte> bytes)
    {
        var read = WireFrame.Read(bytes);
        if (read.Message is not { } frame) return new(null, read.Bytes, read.Garbled);
        var names = frame.Payload.Length > 4 ? Encoding.ASCII.GetString(frame.Payload, 4, frame.Payload.Length - 4).Split('\0') : [];
        return frame.Type == Type && names.Length > 2 ? new(new WireMaster(names[0], names[1]), read.Bytes) : WireRead<WireMaster>.No($"a frame of type 0x{frame.Type:x4} names no master");
    }

    public byte[] ToBytes() => new WireFrame(Type, [11, 16, 0, 0, .. Encoding.ASCII.GetBytes($"{Host}\0{Daemon}\0")]).ToBytes();
}
