using System.Text;

namespace JunctionRelay.Licensing;

/// <summary>
/// The first message of a FlexNet client on each of its two connections, to lmgrd and to the vendor daemon: who it is, in clear.
/// </summary>
/// <remarks>
/// <code>
/// offset  size
///      0     1  0x68 'h'
///      1     1  check byte over all other 146 bytes (FlexLmChecksum.CheckByte)
///      2     2  ASCII "13"
///      4    21  user                         texts are NUL padded, the last byte of a field is always NUL
///     25    33  client host name
///     58    11  vendor daemon; empty when lmgrd itself is asked
///     69    33  display or tty
///    102    13  meaning unknown; begins with 'T' in captures
///    115    11  process id, decimal ASCII
///    126    13  platform, e.g. x64_lsb
///    139     2  client's FlexNet version, major and minor (0x0b 0x10 = 11.16)
///    141     6  meaning unknown; "78\0" "14\0" in captures
///    147        end
/// </code>
/// Source: public observation (<c>jtfrey/flexlm-logging-proxy</c>, <c>prusswan/flexnet</c>, <c>ressy/flexnet</c>). A relay passes the client's own bytes
/// on; <see cref="ToBytes"/> is for those who are a client themselves. Texts are the client's claims: good for audit, proof of nothing.
/// </remarks>
internal sealed record FlexLmHello
{
    /// <summary>Length of every hello, in bytes.</summary>
    public const int LengthBytes = 147;

    public const int MaxUserBytes = UserField - 1;
    public const int MaxHostBytes = HostField - 1;
    public const int MaxVendorBytes = VendorField - 1;
    public const int MaxDisplayBytes = DisplayField - 1;

    private const byte Marker = (byte)'h';
    private const int UserOffset = 4, UserField = 21;
    private const int HostOffset = 25, HostField = 33;
    private const int VendorOffset = 58, VendorField = 11;
    private const int DisplayOffset = 69, DisplayField = 33;
    private const int UnknownOffset = 102, UnknownField = 13;
    private const int ProcessIdOffset = 115, ProcessIdField = 11;
    private const int PlatformOffset = 126, PlatformField = 13;
    private const int VersionOffset = 139;
    private const int TrailerOffset = 141, TrailerField = 6;

    /// <summary>The login name, at most <see cref="MaxUserBytes"/> bytes.</summary>
    public required string User { get; init; }

    /// <summary>The client machine's own name, at most <see cref="MaxHostBytes"/> bytes.</summary>
    public required string Host { get; init; }

    /// <summary>The vendor daemon that is wanted, at most <see cref="MaxVendorBytes"/> bytes; empty for lmgrd itself.</summary>
    public required string Vendor { get; init; }

    /// <summary>The terminal or X display, at most <see cref="MaxDisplayBytes"/> bytes.</summary>
    public string Display { get; init; } = "";

    /// <summary>The process id as the client wrote it.</summary>
    public string ProcessId { get; init; } = "";

    /// <summary>The client's platform in FlexNet's spelling.</summary>
    public string Platform { get; init; } = "x64_lsb";

    /// <summary>Major part of the client's FlexNet version.</summary>
    public byte VersionMajor { get; init; } = 11;

    /// <summary>Minor part of the client's FlexNet version.</summary>
    public byte VersionMinor { get; init; } = 16;

    /// <summary>The two digits at offset 2.</summary>
    public string Revision { get; init; } = "13";

    /// <summary>The 13 bytes at offset 102, as they came.</summary>
    public ReadOnlyMemory<byte> Unknown { get; init; } = new byte[] { (byte)'T', 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 };

    /// <summary>The 6 bytes at offset 141, as they came.</summary>
    public ReadOnlyMemory<byte> Trailer { get; init; } = new byte[] { (byte)'7', (byte)'8', 0, (byte)'1', (byte)'4', 0 };

    /// <summary>Reads the hello at the start of <paramref name="bytes"/>.</summary>
    public static FlexLmParse<FlexLmHello> Parse(ReadOnlySpan<byte> bytes)
    {
        // Whatever can be told from the first bytes is told at once: a stranger that speaks first and then waits must not be waited for.
        if (bytes.Length > 0 && bytes[0] != Marker)
            return FlexLmParse.NotFlexLm<FlexLmHello>($"a hello begins with 0x68, not 0x{bytes[0]:x2}");
        for (var i = 2; i < UserOffset && i < bytes.Length; i++)
        {
            if (!char.IsAsciiDigit((char)bytes[i]))
                return FlexLmParse.NotFlexLm<FlexLmHello>($"a hello has a digit at offset {i}, not 0x{bytes[i]:x2}");
        }

        if (bytes.Length < LengthBytes)
            return FlexLmParse.NeedMore<FlexLmHello>(LengthBytes);

        bytes = bytes[..LengthBytes];
        var sum = FlexLmChecksum.CheckByte(bytes);
        if (bytes[1] != sum)
            return FlexLmParse.NotFlexLm<FlexLmHello>($"the hello's check byte is 0x{bytes[1]:x2} and should be 0x{sum:x2}");
        foreach (var (name, offset, field) in TextFields)
        {
            if (bytes[offset + field - 1] != 0)
                return FlexLmParse.NotFlexLm<FlexLmHello>($"the hello's {name} does not end with NUL");
        }

        return FlexLmParse.Parsed(
            new FlexLmHello
            {
                Revision = Encoding.ASCII.GetString(bytes[2..UserOffset]),
                User = ReadText(bytes.Slice(UserOffset, UserField)),
                Host = ReadText(bytes.Slice(HostOffset, HostField)),
                Vendor = ReadText(bytes.Slice(VendorOffset, VendorField)),
                Display = ReadText(bytes.Slice(DisplayOffset, DisplayField)),
                Unknown = bytes.Slice(UnknownOffset, UnknownField).ToArray(),
                ProcessId = ReadText(bytes.Slice(ProcessIdOffset, ProcessIdField)),
                Platform = ReadText(bytes.Slice(PlatformOffset, PlatformField)),
                VersionMajor = bytes[VersionOffset],
                VersionMinor = bytes[VersionOffset + 1],
                Trailer = bytes.Slice(TrailerOffset, TrailerField).ToArray(),
            },
            LengthBytes);
    }

    /// <summary>Writes the hello with its check byte. Throws <see cref="ArgumentException"/> for a text that does not fit its field.</summary>
    public byte[] ToBytes()
    {
        var bytes = new byte[LengthBytes];
        bytes[0] = Marker;
        Write(bytes.AsSpan(2, 2), nameof(Revision), Encoding.ASCII.GetBytes(Revision), Revision.Length == 2 && Revision.All(char.IsAsciiDigit));
        WriteText(bytes.AsSpan(UserOffset, UserField), nameof(User), User);
        WriteText(bytes.AsSpan(HostOffset, HostField), nameof(Host), Host);
        WriteText(bytes.AsSpan(VendorOffset, VendorField), nameof(Vendor), Vendor);
        WriteText(bytes.AsSpan(DisplayOffset, DisplayField), nameof(Display), Display);
        Write(bytes.AsSpan(UnknownOffset, UnknownField), nameof(Unknown), Unknown.Span, Unknown.Length == UnknownField);
        WriteText(bytes.AsSpan(ProcessIdOffset, ProcessIdField), nameof(ProcessId), ProcessId);
        WriteText(bytes.AsSpan(PlatformOffset, PlatformField), nameof(Platform), Platform);
        bytes[VersionOffset] = VersionMajor;
        bytes[VersionOffset + 1] = VersionMinor;
        Write(bytes.AsSpan(TrailerOffset, TrailerField), nameof(Trailer), Trailer.Span, Trailer.Length == TrailerField);
        bytes[1] = FlexLmChecksum.CheckByte(bytes);
        return bytes;
    }

    private static readonly (string Name, int Offset, int Field)[] TextFields =
    [
        ("user", UserOffset, UserField), ("host name", HostOffset, HostField), ("vendor", VendorOffset, VendorField),
        ("display", DisplayOffset, DisplayField), ("process id", ProcessIdOffset, ProcessIdField), ("platform", PlatformOffset, PlatformField),
    ];

    // A stranger's text ends in logs and terminals: control characters and broken UTF-8 become U+FFFD here, once.
    private static string ReadText(ReadOnlySpan<byte> field)
    {
        var text = Encoding.UTF8.GetString(field[..field.IndexOf((byte)0)]);
        return text.Any(char.IsControl) ? string.Concat(text.Select(c => char.IsControl(c) ? '\uFFFD' : c)) : text;
    }

    private static void WriteText(Span<byte> field, string name, string text)
    {
        var encoded = Encoding.UTF8.GetBytes(text);
        Write(field, name, encoded, encoded.Length < field.Length && !encoded.Contains((byte)0));
    }

    private static void Write(Span<byte> field, string name, ReadOnlySpan<byte> value, bool fits)
    {
        if (!fits)
            throw new ArgumentException($"A hello's {name} must fit {field.Length} bytes (texts: {field.Length - 1}, without NUL); got {value.Length}.", name);
        value.CopyTo(field);
    }
}
