using System.Text;
using JunctionRelay.Licensing;

namespace JunctionRelay.Tests.Licensing;

public sealed class FlexLmRedirectTests
{
    private static readonly byte[] ToLic = FlexLmVectors.Bytes(FlexLmVectors.RedirectToLic);

    [Fact]
    public void Both_published_vectors_are_written_byte_for_byte()
    {
        Assert.Equal(FlexLmVectors.RedirectToLic, Hex(new FlexLmRedirect { Host = "lic.example.org", Port = 40000 }));
        Assert.Equal(FlexLmVectors.RedirectToRelay, Hex(new FlexLmRedirect { Host = "relay.example.net", Port = 27101 }));
    }

    [Fact]
    public void Host_port_and_unknown_bytes_are_read()
    {
        var parse = FlexLmRedirect.Parse(ToLic);

        Assert.Equal((FlexLmParseState.Parsed, 47), (parse.State, parse.Bytes));
        Assert.Equal(("lic.example.org", 40000), (parse.Message!.Host, parse.Message.Port));
        Assert.Equal("000000004100000000000000", Convert.ToHexStringLower(parse.Message.HeaderRest.Span));
        Assert.Equal("00000000005444", Convert.ToHexStringLower(parse.Message.Tail.Span));
    }

    [Fact]
    public void Rewriting_the_first_vector_gives_the_second() =>
        Assert.Equal(
            FlexLmVectors.RedirectToRelay, Hex(FlexLmRedirect.Parse(ToLic).Message! with { Host = "relay.example.net", Port = 27101 }));

    [Fact]
    public void Rewriting_keeps_what_is_not_understood()
    {
        var rest = Enumerable.Range(1, 12).Select(i => (byte)i).ToArray();
        var original = new FlexLmRedirect { Host = "a", Port = 1, HeaderRest = rest, Tail = new byte[] { 9, 8, 7, 6, 5, 4, 3, 2, 1 } };

        var rewritten = FlexLmRedirect.Parse((FlexLmRedirect.Parse(original.ToBytes()).Message! with { Host = "b.c" }).ToBytes()).Message!;

        Assert.Equal("b.c", rewritten.Host);
        Assert.Equal(rest, rewritten.HeaderRest.ToArray());
        Assert.Equal(original.Tail.ToArray(), rewritten.Tail.ToArray());
    }

    [Fact]
    public void New_port_under_the_old_sums_is_refused()
    {
        var bytes = ToLic.ToArray();
        bytes[39]++;
        Assert.Equal(FlexLmParseState.NotFlexLm, FlexLmRedirect.Parse(bytes).State);
    }

    [Fact]
    public void Redirect_cut_at_any_length_asks_for_more()
    {
        for (var length = 0; length < ToLic.Length; length++)
            Assert.Equal(FlexLmParseState.NeedMore, FlexLmRedirect.Parse(ToLic.AsSpan(0, length)).State);
    }

    [Fact]
    public void Frame_of_another_type_is_no_redirect() =>
        Assert.Contains("0x0146", FlexLmRedirect.Parse(new FlexLmFrame { Type = 0x0146 }.ToBytes()).Why, StringComparison.Ordinal);

    [Theory]
    [InlineData("", "ends before its port")]
    [InlineData("host without an end", "ends before its port")]
    [InlineData("host\0\0\0\0", "ends before its port")]
    [InlineData("\0\0\0\u0069\u00dd", "0 characters")]
    [InlineData("a b\0\0\0\u0069\u00dd", "character 0x20")]
    [InlineData("a\u001b[2J\0\0\0\u0069\u00dd", "character 0x1b")]
    [InlineData("caf\u00e9\0\0\0\u0069\u00dd", "character 0xe9")]
    [InlineData("host\0\0\0\0\0", "port 0")]
    [InlineData("host\0\0\u0001\0\0", "port 65536")]
    [InlineData("host\0\u00ff\u00ff\u00ff\u00ff", "port 4294967295")]
    public void Payload_that_makes_no_sense_is_refused_with_a_reason(string payload, string expected)
    {
        var frame = new FlexLmFrame { Type = FlexLmRedirect.FrameType, Payload = Encoding.Latin1.GetBytes(payload) };

        var parse = FlexLmRedirect.Parse(frame.ToBytes());

        Assert.Equal(FlexLmParseState.NotFlexLm, parse.State);
        Assert.Contains(expected, parse.Why, StringComparison.Ordinal);
    }

    [Fact]
    public void Host_and_tail_have_limits()
    {
        var longest = new FlexLmRedirect { Host = new string('h', FlexLmRedirect.MaxHostBytes), Port = 1, Tail = new byte[FlexLmRedirect.MaxTailBytes] };
        Assert.Equal(FlexLmParseState.Parsed, FlexLmRedirect.Parse(longest.ToBytes()).State);

        Assert.Throws<ArgumentException>(() => (longest with { Host = longest.Host + "h" }).ToBytes());
        Assert.Throws<ArgumentException>(() => (longest with { Tail = new byte[FlexLmRedirect.MaxTailBytes + 1] }).ToBytes());
        Assert.Throws<ArgumentException>(() => (longest with { Port = 0 }).ToBytes());
        Assert.Throws<ArgumentException>(() => (longest with { Port = 65536 }).ToBytes());

        byte[] payload = [(byte)'h', 0, 0, 0, 0, 1, .. new byte[FlexLmRedirect.MaxTailBytes + 1]];
        Assert.Contains("follow", FlexLmRedirect.Parse(new FlexLmFrame { Type = 0x0113, Payload = payload }.ToBytes()).Why, StringComparison.Ordinal);
    }

    [Fact]
    public void Addresses_are_hosts_too() =>
        Assert.Equal("fd00::17", FlexLmRedirect.Parse(new FlexLmRedirect { Host = "fd00::17", Port = 27000 }.ToBytes()).Message!.Host);

    private static string Hex(FlexLmRedirect redirect) => Convert.ToHexStringLower(redirect.ToBytes());
}
