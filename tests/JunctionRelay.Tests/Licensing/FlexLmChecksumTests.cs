using JunctionRelay.Licensing;

namespace JunctionRelay.Tests.Licensing;

public sealed class FlexLmChecksumTests
{
    [Fact]
    public void Crc_of_the_nine_digits_is_the_published_parameters_check_value() =>
        Assert.Equal(0x3076, FlexLmChecksum.Crc("123456789"u8));

    [Fact]
    public void Crc_of_nothing_is_zero() => Assert.Equal(0, FlexLmChecksum.Crc([]));

    [Fact]
    public void Crc_agrees_with_a_bit_by_bit_calculation_in_the_unreflected_form()
    {
        var random = new Random(14);
        var bytes = new byte[300];
        random.NextBytes(bytes);

        Assert.Equal(BitByBit(bytes), FlexLmChecksum.Crc(bytes));
    }

    [Fact]
    public void Check_byte_sums_everything_but_itself_modulo_256()
    {
        Assert.Equal(0x47, FlexLmChecksum.CheckByte(FlexLmVectors.Bytes(FlexLmVectors.RedirectToLic).AsSpan(0, 20)));
        Assert.Equal(0x03, FlexLmChecksum.CheckByte([0xFF, 0x99, 0x03, 0x01]));
    }

    // Width 14, polynomial 0x2E97, reflected in and out, written as the parameters are defined.
    private static int BitByBit(byte[] bytes)
    {
        var crc = 0;
        foreach (var b in bytes)
        {
            for (var bit = 0; bit < 8; bit++)
            {
                var feedback = ((crc >> 13) ^ (b >> bit)) & 1;
                crc = ((crc << 1) & 0x3FFF) ^ (feedback * 0x2E97);
            }
        }

        var mirrored = 0;
        for (var bit = 0; bit < 14; bit++)
            mirrored |= ((crc >> bit) & 1) << (13 - bit);
        return mirrored;
    }
}
