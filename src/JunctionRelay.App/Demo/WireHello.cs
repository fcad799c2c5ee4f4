using System.Text;

namespace JunctionRelay.App.Demo;

/// <summary>The 147 bytes with which a FlexNet client introduces itself to lmgrd and to the vendor daemon; an empty vendor asks for lmgrd itself.</summary>
internal sealed record WireHello
{
    public const int Bytes = 147;

    // Offset and size of each text, whose last byte is NUL.
    private static readonly (int At, int Size) UserField = (4, 21), HostField = (25, 33), VendorField = (58, 11), DisplayField = (69, 33), PidField = (115, 11), PlatformField = (126, 13);

    public static int MostInUser => UserField.Size - 1;

    public static int MostInHost => HostField.Size - 1;

    public static int MostInVendor => VendorField.Size - 1;

    public required string User { get; init; }

    public required string Host { get; init; }

    public required string Vendor { get; init; }

    public string Display { get; init; } = "";

    public string ProcessId { get; init; } = "";

    public static WireRead<WireHello> Read(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length > 0 && bytes[0] != 'h') return WireRead<WireHello>.No($"a hello begins with 0x68, not 0x{bytes[0]:x2}");
        if (bytes.Length < Bytes) return WireRead<WireHello>.Need(Bytes);
        var hello = bytes[..Bytes].ToArray();
        if (WireSums.Check(hello) is var check && hello[1] != check) return WireRead<WireHello>.No($"the hello's check byte is 0x{hello[1]:x2}, not 0x{check:x2}");
        if (hello[2] != '1' || hello[3] != '3') return WireRead<WireHello>.No("the hello is not of revision 13");
        return new(
            new WireHello { User = Text(hello, UserField), Host = Text(hello, HostField), Vendor = Text(hello, VendorField), Display = Text(hello, DisplayField), ProcessId = Text(hello, PidField) }, Bytes);
    }

    /// <summary>As a client of FlexNet 11.16 on Linux says it. A text that is too long for its field is a mistake of ours.</summary>
    public byte[] ToBytes()
    {
        var hello = new byte[Bytes];
        (hello[0], hello[2], hello[3]) = ((byte)'h', (byte)'1', (byte)'3');
        foreach (var ((at, size), text) in new[] { (UserField, User), (HostField, Host), (VendorField, Vendor), (DisplayField, Display), (PidField, ProcessId), (PlatformField, "x64_lsb") })
        {
            var encoded = Encoding.UTF8.GetBytes(text);
            if (encoded.Length >= size) throw new InvalidOperationException($"\"{text}\" is longer than the {size - 1} bytes of its field.");
            encoded.CopyTo(hello, at);
        }

        hello[102] = (byte)'T';
        (hello[139], hello[140]) = (11, 16);
        Encoding.ASCII.GetBytes("78\014\0").CopyTo(hello, 141);
        hello[1] = WireSums.Check(hello);
        return hello;
    }

    private static string Text(byte[] hello, (int At, int Size) field) => Encoding.UTF8.GetString(hello, field.At, field.Size - 1).Split('\0')[0];
}
