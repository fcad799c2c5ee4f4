using JunctionRelay.Configuration;

namespace JunctionRelay.Tests.Configuration;

public sealed class AddressRangeTests
{
    [Theory]
    [InlineData("10.128.0.0/20", "10.128.0.0/20")]
    [InlineData("10.0.0.7", "10.0.0.7/32")]
    [InlineData("0.0.0.0/0", "0.0.0.0/0")]
    [InlineData("fd00::/8", "fd00::/8")]
    [InlineData("::1", "::1/128")]
    public void A_range_or_one_address_is_understood(string text, string expected)
    {
        Assert.Equal(expected, AddressRange.Read(text, out var flaw)?.ToString());
        Assert.Equal(default, flaw);
    }

    [Theory]
    [InlineData("10.0.0.7/8", "'10.0.0.7/8' has bits set beyond its prefix", "write 10.0.0.0/8, or 10.0.0.7/32 for that address alone")]
    [InlineData("fd00::1/64", "'fd00::1/64' has bits set beyond its prefix", "write fd00::/64, or fd00::1/128 for that address alone")]
    [InlineData("10.0.0.0/33", "'/33' is no length of a prefix", "write /0 to /32")]
    [InlineData("10.0.0.0/255.0.0.0", "'/255.0.0.0' is no length of a prefix", "write /0 to /32")]
    [InlineData("10.0.0.0/", "'/' is no length of a prefix", "write /0 to /32")]
    public void A_range_that_means_something_else_is_refused_with_a_remedy(string text, string what, string remedy)
    {
        Assert.Null(AddressRange.Read(text, out var flaw));
        Assert.Equal(new Flaw(what, remedy), flaw);
    }

    [Theory]
    [InlineData("node7")]
    [InlineData("")]
    [InlineData("10.0/16")]
    [InlineData("[::1]")]
    [InlineData("fe80::1%1")]
    public void What_is_no_address_is_refused(string text)
    {
        Assert.Null(AddressRange.Read(text, out var flaw));
        Assert.EndsWith("is no IP address", flaw.What);
    }
}
