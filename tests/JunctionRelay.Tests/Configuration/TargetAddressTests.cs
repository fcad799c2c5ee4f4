using JunctionRelay.Configuration;

namespace JunctionRelay.Tests.Configuration;

public sealed class TargetAddressTests
{
    [Theory]
    [InlineData("lic1.corp:27000", "", "lic1.corp", 27000, 27000)]
    [InlineData("server:9095-9144", "", "server", 9095, 9144)]
    [InlineData("10.0.0.7:8990", "", "10.0.0.7", 8990, 8990)]
    [InlineData("[fd00::7]:8990", "", "fd00::7", 8990, 8990)]
    [InlineData("[fe80::1%1]:22", "", "fe80::1%1", 22, 22)]
    [InlineData("tcp://lic:1", "", "lic", 1, 1)]
    [InlineData("tls://backend:7443", "tls", "backend", 7443, 7443)]
    [InlineData("tls://server:1-3", "tls", "server", 1, 3)]
    [InlineData("_svc.my-host.corp.:65535", "", "_svc.my-host.corp.", 65535, 65535)]
    public void A_host_and_a_port_are_understood(string text, string scheme, string host, int first, int last)
    {
        Assert.Equal(new TargetAddress(scheme, host, new PortRange(first, last), null, null), TargetAddress.Read(text, out var flaw));
        Assert.Equal(default, flaw);
    }

    [Fact]
    public void Unix_sockets_and_links_are_understood()
    {
        Assert.Equal(new TargetAddress("", "", default, "/run/x", null), TargetAddress.Read("unix:/run/x", out _));
        Assert.Equal(new TargetAddress("tls", "", default, "x", null), TargetAddress.Read("tls://unix:x", out _));
        Assert.Equal(new TargetAddress("link", "hq", default, null, "lmgrd"), TargetAddress.Read("link://hq/lmgrd", out _));
    }

    [Theory]
    [InlineData("lic1.corp", "'lic1.corp' has no port")]
    [InlineData("27000@lic1", "'27000@lic1' is how a license variable is written")]
    [InlineData("*:80", "'*' is no destination")]
    [InlineData("lic:0", "0 is no port to connect to")]
    [InlineData("1.2.3:80", "'1.2.3' is no IPv4 address")]
    [InlineData("1.2.3.400:80", "'1.2.3.400' is no IPv4 address")]
    [InlineData("fe80::1", "'fe80::1' is an IPv6 address without brackets")]
    [InlineData("li c:80", "'li c' is no host name")]
    [InlineData("a..b:80", "'a..b' is no host name")]
    [InlineData("user@host:80", "'user@host' is no host name")]
    [InlineData("https://lic:80", "'https://' is no kind of target")]
    [InlineData("socks5://lic:80", "'socks5://' is no kind of target")]
    [InlineData("link://hq", "'link://hq' is no service behind a link")]
    [InlineData("link://hq/a/b", "'b' has no port")]
    public void What_is_no_address_is_refused_with_its_flaw(string text, string what)
    {
        Assert.Null(TargetAddress.Read(text, out var flaw));
        Assert.Equal(what, flaw.What);
        Assert.NotEmpty(flaw.Remedy);
    }
}
