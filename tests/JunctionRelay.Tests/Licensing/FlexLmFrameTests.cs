using JunctionRelay.Licensing;

namespace JunctionRelay.Tests.Licensing;

public sealed class FlexLmFrameTests
{
    private static readonly byte[] Published = FlexLmVectors.Bytes(FlexLmVectors.RedirectToLic);

    [Fact]
    public void Frame_is_taken_apart_and_put_together_again_byte_for_byte()
    {
        var parse = FlexLmFrame.Parse(Published);

        Assert.Equal((FlexLmParseState.Parsed, 47), (parse.State, parse.Bytes));
        Assert.Equal(0x0113, parse.Message!.Type);
        Assert.Equal("000000004100000000000000", Convert.ToHexStringLower(parse.Message.HeaderRest.Span));
        Assert.Equal(27, parse.Message.Payload.Length);
        Assert.Equal(Published, parse.Message.ToBytes());
    }

    [Fact]
    public void Header_bytes_of_unknown_meaning_are_kept()
    {
        var rest = Enumerable.Range(240, FlexLmFrame.HeaderRestBytes).Select(i => (byte)i).ToArray();
        var frame = new FlexLmFrame { Type = 0x0146, HeaderRest = rest, Payload = new byte[] { 1, 2, 3 } };

        var back = FlexLmFrame.Parse(frame.ToBytes()).Message!;

        Assert.Equal(0x0146, back.Type);
        Assert.Equal(rest, back.HeaderRest.ToArray());
        Assert.Equal([1, 2, 3], back.Payload.ToArray());
    }

    [Fact]
    public void Frame_cut_at_any_length_says_how_much_it_needs()
    {
        for (var length = 0; length < Published.Length; length++)
        {
            var parse = FlexLmFrame.Parse(Published.AsSpan(0, length));
            Assert.Equal((FlexLmParseState.NeedMore, length < 20 ? 20 : 47), (parse.State, parse.Bytes));
        }
    }

    [Fact]
    public void Bytes_after_the_frame_are_left_alone()
    {
        var parse = FlexLmFrame.Parse([.. Published, .. Published]);
        Assert.Equal((FlexLmParseState.Parsed, 47), (parse.State, parse.Bytes));
    }

    [Fact]
    public void Any_flipped_bit_is_refused_and_never_waited_for()
    {
        for (var bit = 0; bit < Published.Length * 8; bit++)
        {
            var damaged = Published.ToArray();
            damaged[bit / 8] ^= (byte)(1 << (bit % 8));

            var parse = FlexLmFrame.Parse(damaged);

            Assert.Equal(FlexLmParseState.NotFlexLm, parse.State);
            Assert.False(string.IsNullOrEmpty(parse.Why));
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(19)]
    public void Length_below_the_header_is_refused(byte length)
    {
        var bytes = Published.ToArray();
        bytes[5] = length;
        bytes[1] = FlexLmChecksum.CheckByte(bytes.AsSpan(0, 20));

        Assert.Contains("header", FlexLmFrame.Parse(bytes).Why, StringComparison.Ordinal);
    }

    [Fact]
    public void Empty_and_longest_payloads_both_travel()
    {
        var empty = new FlexLmFrame { Type = 1 }.ToBytes();
        var longest = new FlexLmFrame { Type = 2, Payload = new byte[FlexLmFrame.MaxBytes - FlexLmFrame.HeaderBytes] }.ToBytes();

        Assert.Equal(20, FlexLmFrame.Parse(empty).Bytes);
        Assert.Equal(65535, FlexLmFrame.Parse(longest).Bytes);
        Assert.Equal(65535, FlexLmFrame.Parse(longest.AsSpan(0, 20)).Bytes);
    }

    [Fact]
    public void Payload_that_no_length_can_state_is_not_written() =>
        Assert.Throws<ArgumentException>(() => new FlexLmFrame { Type = 1, Payload = new byte[FlexLmFrame.MaxBytes] }.ToBytes());
}
