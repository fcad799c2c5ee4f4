using System.Buffers.Binary;
using System.Text;

namespace JunctionRelay.Licensing;

/// <summary>lmgrd's answer to a hello that names a vendor: the host and port of that vendor's daemon, where the client connects next.</summary>
/// <remarks>
/// <code>
/// frame of type 0x0113 (FlexLmFrame), whose payload is
///   host name, NUL
///   port, 32-bit big endian
///   tail, meaning unknown: 00 00 00 00 00 54 44 wherever it was published
/// </code>
/// Source: public observation (<c>jtfrey/flexlm-logging-proxy</c>: one packet printed, the same tail seen from several servers; <c>ressy/flexnet</c> and
/// <c>prusswan/flexnet</c> for the type). To rewrite one, use <c>with { Host = …, Port = … }</c>: header rest and tail stay as the server wrote them.
/// Whether every client accepts a rewritten redirect is not known.
/// </remarks>
internal sealed record FlexLmRedirect
{
    /// <summary>The frame type.</summary>
    public const ushort FrameType = 0x0113;

    /// <summary>The longest DNS name in text form (RFC 1035, section 2.3.4: 255 octets on the wire).</summary>
    public const int MaxHostBytes = 253;

    /// <summary>Length of the tail in published packets.</summary>
    public const int PublishedTailBytes = 7;

    /// <summary>Above this a tail is taken for something that is no redirect. Longer tails than the published one may come with newer servers, and host and port
    /// in front of them are as good as ever.</summary>
    public const int MaxTailBytes = 256;

    /// <summary>The longest redirect, as a frame.</summary>
    public const int MaxBytes = FlexLmFrame.HeaderBytes + MaxHostBytes + 1 + PortField + MaxTailBytes;

    private const int PortField = 4;

    /// <summary>The host that the client is told to dial: ASCII letters, digits and <c>- . _ :</c> only, at most <see cref="MaxHostBytes"/>.</summary>
    public required string Host { get; init; }

    /// <summary>The vendor daemon's port, 1 to 65535.</summary>
    public required int Port { get; init; }

    /// <summary>Bytes 8 to 19 of the frame; for a redirect of our own, those of the published packet.</summary>
    public ReadOnlyMemory<byte> HeaderRest { get; init; } = new byte[] { 0, 0, 0, 0, 0x41, 0, 0, 0, 0, 0, 0, 0 };

    /// <summary>What follows the port; for a redirect of our own, the published tail.</summary>
    public ReadOnlyMemory<byte> Tail { get; init; } = new byte[] { 0, 0, 0, 0, 0, 0x54, 0x44 };

    /// <summary>
    /// Nothing in it is new: its tail is the one that was seen of several servers. Whether one of its unknown bytes depends on host and port, nobody knows; where one is
    /// another than ever before, it would be a guess that none does.
    /// </summary>
    public bool IsAsPublished => Tail.Span.SequenceEqual<byte>([0, 0, 0, 0, 0, 0x54, 0x44]);

    /// <summary>Reads the redirect at the start of <paramref name="bytes"/>. A frame of another type is <see cref="FlexLmParseState.NotFlexLm"/>: no redirect.</summary>
    public static FlexLmParse<FlexLmRedirect> Parse(ReadOnlySpan<byte> bytes)
    {
        var frame = FlexLmFrame.Parse(bytes);
        return frame.State switch
        {
            FlexLmParseState.NeedMore => FlexLmParse.NeedMore<FlexLmRedirect>(frame.Bytes),
            FlexLmParseState.NotFlexLm => FlexLmParse.NotFlexLm<FlexLmRedirect>(frame.Why!),
            _ => Read(frame.Message!, frame.Bytes),
        };
    }

    /// <summary>The frame that carries this redirect. Throws <see cref="ArgumentException"/> for a host or port that <see cref="Parse"/> would refuse.</summary>
    public FlexLmFrame ToFrame()
    {
        if (Fault(Host) is { } fault)
            throw new ArgumentException($"A redirect's {fault}.", nameof(Host));
        if (Port is < 1 or > ushort.MaxValue)
            throw new ArgumentException($"A redirect's port is between 1 and {ushort.MaxValue}; got {Port}.", nameof(Port));
        if (Tail.Length > MaxTailBytes)
            throw new ArgumentException($"A redirect's tail is at most {MaxTailBytes} bytes; got {Tail.Length}.", nameof(Tail));

        var payload = new byte[Host.Length + 1 + PortField + Tail.Length];
        Encoding.ASCII.GetBytes(Host, payload);
        BinaryPrimitives.WriteUInt32BigEndian(payload.AsSpan(Host.Length + 1), (uint)Port);
        Tail.Span.CopyTo(payload.AsSpan(Host.Length + 1 + PortField));
        return new FlexLmFrame { Type = FrameType, HeaderRest = HeaderRest, Payload = payload };
    }

    /// <summary>The redirect as it goes over the wire.</summary>
    public byte[] ToBytes() => ToFrame().ToBytes();

    private static FlexLmParse<FlexLmRedirect> Read(FlexLmFrame frame, int frameBytes)
    {
        if (frame.Type != FrameType)
            return FlexLmParse.NotFlexLm<FlexLmRedirect>($"a redirect's type is 0x{FrameType:x4}, this frame's 0x{frame.Type:x4}");

        var payload = frame.Payload.Span;
        var end = payload.IndexOf((byte)0);
        if (end < 0 || payload.Length - end - 1 < PortField)
            return FlexLmParse.NotFlexLm<FlexLmRedirect>("the redirect ends before its port");

        // Latin-1 maps each byte to the character of the same number, so the check below sees exactly what was sent.
        var host = Encoding.Latin1.GetString(payload[..end]);
        if (Fault(host) is { } fault)
            return FlexLmParse.NotFlexLm<FlexLmRedirect>($"the redirect's {fault}");
        var port = BinaryPrimitives.ReadUInt32BigEndian(payload[(end + 1)..]);
        if (port is < 1 or > ushort.MaxValue)
            return FlexLmParse.NotFlexLm<FlexLmRedirect>($"the redirect's port {port} is out of range");
        var tail = payload[(end + 1 + PortField)..];
        if (tail.Length > MaxTailBytes)
            return FlexLmParse.NotFlexLm<FlexLmRedirect>($"{tail.Length} bytes follow the redirect's port, more than {MaxTailBytes}");

        return FlexLmParse.Parsed(
            new FlexLmRedirect { Host = host, Port = (int)port, HeaderRest = frame.HeaderRest, Tail = tail.ToArray() }, frameBytes);
    }

    // The name is dialled, resolved and logged, so only what occurs in names and addresses may pass.
    private static string? Fault(string host)
    {
        if (host.Length is 0 or > MaxHostBytes)
            return $"host name has {host.Length} characters; 1 to {MaxHostBytes} are possible";
        foreach (var c in host)
        {
            if (!char.IsAsciiLetterOrDigit(c) && c is not ('-' or '.' or '_' or ':'))
                return $"host name contains the character 0x{(int)c:x2}";
        }

        return null;
    }
}
