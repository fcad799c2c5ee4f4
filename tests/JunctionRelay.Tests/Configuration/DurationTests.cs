using JunctionRelay.Configuration;

namespace JunctionRelay.Tests.Configuration;

public sealed class DurationTests
{
    [Theory]
    [InlineData("0", 0)]
    [InlineData("0s", 0)]
    [InlineData("500ms", 500)]
    [InlineData("90s", 90_000)]
    [InlineData("5m", 300_000)]
    [InlineData("12h", 43_200_000)]
    [InlineData("1000h", 3_600_000_000)]
    public void A_number_and_its_unit_is_a_duration(string text, long milliseconds)
    {
        Assert.True(Duration.TryParse(text, out var duration));
        Assert.Equal(TimeSpan.FromMilliseconds(milliseconds), duration);
    }

    [Theory]
    [InlineData("")]
    [InlineData("10")]
    [InlineData("s")]
    [InlineData("-1s")]
    [InlineData("+1s")]
    [InlineData("1.5s")]
    [InlineData("1 s")]
    [InlineData(" 1s")]
    [InlineData("1S")]
    [InlineData("1d")]
    [InlineData("1m30s")]
    [InlineData("00:01:00")]
    [InlineData("1001h")]
    [InlineData("9223372036854775807ms")]
    [InlineData("99999999999999999999s")]
    public void Anything_else_is_none(string text) => Assert.False(Duration.TryParse(text, out _));
}
