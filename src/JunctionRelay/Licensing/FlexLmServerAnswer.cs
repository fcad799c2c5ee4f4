using System.Text;

namespace JunctionRelay.Licensing;

/// <summary>lmgrd's answer to a hello that names no vendor: the master of the servers, and a daemon of its.</summary>
/// <remarks>
/// <code>
/// frame of type 0x010e (FlexLmFrame), whose payload is
///   4 bytes: the server's FlexNet version, major and minor, and two of unknown meaning
///   host name of the master, NUL       in a redundant triad clients ask that one next
///   daemon's name, NUL
/// </code>
/// Source: public observation (<c>ressy/flexnet</c>, <c>prusswan/flexnet</c>).
/// </remarks>
internal sealed record FlexLmServerAnswer(string Master, string Daemon)
{
    /// <summary>The frame type.</summary>
    public const ushort FrameType = 0x010e;

    private const int VersionBytes = 4;

    /// <summary>The answer, or null when the frame is none, or names what can be no host or no daemon.</summary>
    public static FlexLmServerAnswer? Read(FlexLmFrame frame)
    {
        if (frame.Type != FrameType || frame.Payload.Length <= VersionBytes)
            return null;
        var texts = Encoding.Latin1.GetString(frame.Payload.Span[VersionBytes..]).Split('\0');
        return texts.Length >= 3 && LicenseNames.IsHost(texts[0]) && texts[1].Length is > 0 and <= FlexLmHello.MaxVendorBytes && texts[1].All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.')
            ? new FlexLmServerAnswer(texts[0], texts[1]) : null;
    }

    /// <summary>The frame that says it, of version 11.16; throws for what <see cref="Read"/> would refuse.</summary>
    public FlexLmFrame ToFrame()
    {
        var frame = new FlexLmFrame { Type = FrameType, Payload = new byte[] { 11, 16, 0, 0 }.Concat(Encoding.ASCII.GetBytes($"{Master}\0{Daemon}\0")).ToArray() };
        return Read(frame) == this ? frame : throw new ArgumentException($"\"{Master}\" or \"{Daemon}\" is no name.");
    }
}
