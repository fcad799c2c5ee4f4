namespace JunctionRelay.Licensing;

/// <summary>The two sums that guard FlexNet messages.</summary>
/// <remarks>
/// Source: public observation. The CRC's parameters (width 14, polynomial 0x2E97, reflected in and out, start 0, no final xor) are named by
/// <c>ressy/flexnet</c>, its reflected constant 0x3A5D by <c>rapid7/metasploit-framework</c>; recomputed on the published packets of
/// <c>jtfrey/flexlm-logging-proxy</c> (CRC 0x125A) and <c>mageni/mageni</c> (CRC 0x189D).
/// </remarks>
internal static class FlexLmChecksum
{
    // 0x2E97 with its 14 bits mirrored, for a register that shifts right.
    private const int ReflectedPolynomial = 0x3A5D;

    private static readonly ushort[] Table = BuildTable();

    /// <summary>The 14-bit CRC; 0x3076 for the ASCII digits 1 to 9.</summary>
    public static ushort Crc(ReadOnlySpan<byte> bytes)
    {
        var crc = 0;
        foreach (var b in bytes)
            crc = Table[(crc ^ b) & 0xFF] ^ (crc >> 8);
        return (ushort)crc;
    }

    /// <summary>The check byte that a message carries at offset 1: the sum of all other <paramref name="bytes"/>, modulo 256.</summary>
    public static byte CheckByte(ReadOnlySpan<byte> bytes)
    {
        var sum = 0;
        foreach (var b in bytes)
            sum += b;
        return (byte)(sum - bytes[1]);
    }

    private static ushort[] BuildTable()
    {
        var table = new ushort[256];
        for (var i = 0; i < table.Length; i++)
        {
            var crc = i;
            for (var bit = 0; bit < 8; bit++)
                crc = (crc >> 1) ^ ((crc & 1) * ReflectedPolynomial);
            table[i] = (ushort)crc;
        }

        return table;
    }
}
