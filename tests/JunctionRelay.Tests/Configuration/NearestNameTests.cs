using JunctionRelay.Configuration;

namespace JunctionRelay.Tests.Configuration;

public sealed class NearestNameTests
{
    private static readonly string[] Known = ["listen", "target", "allow", "tls", "connectTimeout"];

    [Theory]
    [InlineData("listne", "listen")]
    [InlineData("LISTENS", "listen")]
    [InlineData("tagret", "target")]
    [InlineData("tsl", "tls")]
    [InlineData("tl", "tls")]
    [InlineData("connectionTimeout", "connectTimeout")]
    [InlineData("bandwidth", null)]
    public void A_close_name_is_suggested_and_a_distant_one_is_not(string typed, string? expected) => Assert.Equal(expected, NearestName.To(typed, Known));

    [Fact]
    public void Nothing_is_near_where_nothing_is_known() => Assert.Null(NearestName.To("x", []));
}
