using JunctionRelay.Licensing;

namespace JunctionRelay.Tests.Licensing;

/// <summary>lmgrd's answer to a client that asks for no vendor.</summary>
public sealed class FlexLmServerAnswerTests
{
    [Fact]
    public void It_is_read_as_it_was_written()
    {
        var answer = new FlexLmServerAnswer("lic1.example.org", "demod");
        var bytes = answer.ToFrame().ToBytes();
        Assert.Equal(0x010e, bytes[6] << 8 | bytes[7]);
        Assert.Equal(24, bytes.AsSpan().IndexOf("lic1"u8));
        Assert.Equal(answer, FlexLmServerAnswer.Read(FlexLmFrame.Parse(bytes).Message!));
    }

    [Theory]
    [InlineData("")]
    [InlineData("\0\0\0\0")]
    [InlineData("\v\u0010\0\0host")]
    [InlineData("\v\u0010\0\0host\0")]
    [InlineData("\v\u0010\0\0ho\u001bst\0demod\0")]
    [InlineData("\v\u0010\0\0host\0a-daemon-of-a-long-name\0")]
    public void What_names_nobody_is_none(string payload) =>
        Assert.Null(FlexLmServerAnswer.Read(new FlexLmFrame { Type = FlexLmServerAnswer.FrameType, Payload = System.Text.Encoding.Latin1.GetBytes(payload) }));
}
