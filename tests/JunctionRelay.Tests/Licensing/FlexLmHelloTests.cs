using System.Text;
using JunctionRelay.Licensing;

namespace JunctionRelay.Tests.Licensing;

public sealed class FlexLmHelloTests
{
    private static readonly byte[] Alice = FlexLmVectors.Bytes(FlexLmVectors.AliceHello);

    [Fact]
    public void Hello_is_written_byte_for_byte_as_published()
    {
        Assert.Equal(FlexLmHello.LengthBytes, Alice.Length);
        Assert.Equal(FlexLmVectors.AliceHello, Convert.ToHexStringLower(FlexLmVectors.Alice.ToBytes()));
    }

    [Fact]
    public void Every_field_is_read()
    {
        var parse = FlexLmHello.Parse(Alice);

        Assert.Equal(FlexLmParseState.Parsed, parse.State);
        Assert.Equal(147, parse.Bytes);
        var hello = parse.Message!;
        Assert.Equal("13", hello.Revision);
        Assert.Equal("alice", hello.User);
        Assert.Equal("node01", hello.Host);
        Assert.Equal("demod", hello.Vendor);
        Assert.Equal("/dev/pts/0", hello.Display);
        Assert.Equal("54000000000000000000000000", Convert.ToHexStringLower(hello.Unknown.Span));
        Assert.Equal("4242", hello.ProcessId);
        Assert.Equal("x64_lsb", hello.Platform);
        Assert.Equal((11, 16), (hello.VersionMajor, hello.VersionMinor));
        Assert.Equal("373800313400", Convert.ToHexStringLower(hello.Trailer.Span));
    }

    [Fact]
    public void Fields_filled_to_their_limit_come_back_whole()
    {
        var full = FlexLmVectors.Alice with
        {
            User = new string('u', FlexLmHello.MaxUserBytes),
            Host = new string('h', FlexLmHello.MaxHostBytes),
            Vendor = new string('v', FlexLmHello.MaxVendorBytes),
            Display = new string('d', FlexLmHello.MaxDisplayBytes),
            Unknown = Enumerable.Range(200, 13).Select(i => (byte)i).ToArray(),
        };

        var back = FlexLmHello.Parse(full.ToBytes()).Message!;

        Assert.Equal((full.User, full.Host, full.Vendor, full.Display), (back.User, back.Host, back.Vendor, back.Display));
        Assert.Equal(full.Unknown.ToArray(), back.Unknown.ToArray());
    }

    [Fact]
    public void Text_that_does_not_fit_names_its_field()
    {
        var tooLong = FlexLmVectors.Alice with { User = new string('u', FlexLmHello.MaxUserBytes + 1) };
        var withNul = FlexLmVectors.Alice with { Vendor = "a\0b" };

        Assert.Equal("User", Assert.Throws<ArgumentException>(() => tooLong.ToBytes()).ParamName);
        Assert.Equal("Vendor", Assert.Throws<ArgumentException>(() => withNul.ToBytes()).ParamName);
    }

    [Fact]
    public void Hello_cut_at_any_length_asks_for_the_rest()
    {
        for (var length = 0; length < Alice.Length; length++)
        {
            var parse = FlexLmHello.Parse(Alice.AsSpan(0, length));
            Assert.Equal((FlexLmParseState.NeedMore, 147), (parse.State, parse.Bytes));
        }
    }

    [Fact]
    public void Bytes_after_the_hello_are_left_alone()
    {
        var parse = FlexLmHello.Parse([.. Alice, 1, 2, 3]);
        Assert.Equal((FlexLmParseState.Parsed, 147), (parse.State, parse.Bytes));
    }

    [Fact]
    public void Any_flipped_bit_is_refused()
    {
        for (var bit = 0; bit < Alice.Length * 8; bit++)
        {
            var damaged = Alice.ToArray();
            damaged[bit / 8] ^= (byte)(1 << (bit % 8));

            var parse = FlexLmHello.Parse(damaged);

            Assert.Equal(FlexLmParseState.NotFlexLm, parse.State);
            Assert.False(string.IsNullOrEmpty(parse.Why));
        }
    }

    [Fact]
    public void Other_protocols_are_told_apart_by_their_first_bytes()
    {
        Assert.Equal(FlexLmParseState.NotFlexLm, FlexLmHello.Parse("GET / HTTP/1.1\r\n"u8).State);
        Assert.Equal(FlexLmParseState.NotFlexLm, FlexLmHello.Parse("help\r\n"u8).State);
        Assert.Equal(FlexLmParseState.NotFlexLm, FlexLmHello.Parse([0x16, 0x03, 0x01]).State);
    }

    [Fact]
    public void Text_without_its_final_NUL_is_refused_by_name()
    {
        var bytes = Alice.ToArray();
        bytes.AsSpan(4, 21).Fill((byte)'x');
        bytes[1] = FlexLmChecksum.CheckByte(bytes);

        Assert.Contains("user", FlexLmHello.Parse(bytes).Why, StringComparison.Ordinal);
    }

    [Fact]
    public void What_a_stranger_calls_itself_cannot_steer_a_terminal()
    {
        var bytes = Alice.ToArray();
        Encoding.Latin1.GetBytes("a\n\x1b[2J\x9b\xff").CopyTo(bytes, 4);
        bytes[1] = FlexLmChecksum.CheckByte(bytes);

        var user = FlexLmHello.Parse(bytes).Message!.User;

        Assert.StartsWith("a", user, StringComparison.Ordinal);
        Assert.DoesNotContain(user, char.IsControl);
    }

    [Fact]
    public void Names_beyond_ASCII_survive() =>
        Assert.Equal("zoë", FlexLmHello.Parse((FlexLmVectors.Alice with { User = "zoë" }).ToBytes()).Message!.User);
}
