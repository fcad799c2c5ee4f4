using System.Net;
using JunctionRelay.Configuration;

namespace JunctionRelay.Tests.Configuration;

public sealed class ListenAddressTests
{
    [Theory]
    [InlineData("127.0.0.1:8990", "", "127.0.0.1", 8990, 8990)]
    [InlineData("127.0.0.1:6000-6049", "", "127.0.0.1", 6000, 6049)]
    [InlineData("0.0.0.0:0", "", "0.0.0.0", 0, 0)]
    [InlineData("[::1]:8990", "", "::1", 8990, 8990)]
    [InlineData("[::]:1-65535", "", "::", 1, 65535)]
    [InlineData("[fe80::1%1]:22", "", "fe80::1%1", 22, 22)]
    [InlineData("*:8990", "", null, 8990, 8990)]
    [InlineData("localhost:8990", "", "127.0.0.1", 8990, 8990)]
    [InlineData("tcp://127.0.0.1:8990", "", "127.0.0.1", 8990, 8990)]
    [InlineData("tls://[::]:7000", "tls", "::", 7000, 7000)]
    [InlineData("TLS://*:7000", "tls", null, 7000, 7000)]
    [InlineData("socks5://127.0.0.1:1080", "socks5", "127.0.0.1", 1080, 1080)]
    [InlineData("http://10.128.0.5:3128", "http", "10.128.0.5", 3128, 3128)]
    public void An_address_and_a_port_are_understood(string text, string scheme, string? address, int first, int last)
    {
        var read = ListenAddress.Read(text, out var flaw);
        Assert.Equal(default, flaw);
        Assert.Equal(new ListenAddress(scheme, address is null ? null : IPAddress.Parse(address), new PortRange(first, last), null), read);
        Assert.Equal(last - first + 1, read!.Count);
    }

    [Theory]
    [InlineData("unix:/run/junction/x.sock", "", "/run/junction/x.sock")]
    [InlineData("unix:x.sock", "", "x.sock")]
    [InlineData("unix:///run/x", "", "/run/x")]
    [InlineData("tls://unix:/run/x", "tls", "/run/x")]
    public void A_unix_socket_is_understood(string text, string scheme, string path)
    {
        Assert.Equal(new ListenAddress(scheme, null, default, path), ListenAddress.Read(text, out var flaw));
        Assert.Equal(default, flaw);
    }

    [Theory]
    [InlineData("", "'' has no port")]
    [InlineData("8990", "'8990' is only a port")]
    [InlineData("127.0.0.1", "'127.0.0.1' has no port")]
    [InlineData(":8990", "':8990' has no host")]
    [InlineData("127.0.0.1:", "'' is no port")]
    [InlineData("127.0.0.1:65536", "'65536' is no port")]
    [InlineData("127.0.0.1:-1", "'-1' is no range of ports")]
    [InlineData("127.0.0.1:6049-6000", "'6049-6000' is no range of ports")]
    [InlineData("127.0.0.1:0-9", "'0-9' is no range of ports")]
    [InlineData("127.1:80", "'127.1' is no IPv4 address")]
    [InlineData("010.0.0.1:80", "'010.0.0.1' is no IPv4 address")]
    [InlineData("::1:8990", "'::1:8990' is an IPv6 address without brackets")]
    [InlineData("a:b:80", "'a:b:80' has more than one colon")]
    [InlineData("[::1]", "'[::1]' has no port")]
    [InlineData("[::1:80", "'[::1:80' has no closing bracket")]
    [InlineData("[127.0.0.1]:80", "'[127.0.0.1]' is no IPv6 address")]
    [InlineData("[fe80::1%no-such-if]:22", "'no-such-if' is no network interface of this machine")]
    [InlineData("junction:8990", "'junction' is a name, and a listener needs an address of this machine")]
    [InlineData("ssl://*:80", "'ssl://' is no kind of listener")]
    [InlineData("link://hq/lmgrd", "'link://hq/lmgrd' is a target")]
    [InlineData("unix:", "'unix:' names no path")]
    [InlineData("unix:@junction", "'unix:@junction' is an abstract socket, which everybody on the machine may use")]
    public void What_is_no_address_is_refused_with_its_flaw(string text, string what)
    {
        Assert.Null(ListenAddress.Read(text, out var flaw));
        Assert.Equal(what, flaw.What);
        Assert.NotEmpty(flaw.Remedy);
    }

    [Fact]
    public void A_unix_path_that_the_system_would_cut_is_refused()
    {
        Assert.NotNull(ListenAddress.Read("unix:/" + new string('x', 106), out _));
        Assert.Null(ListenAddress.Read("unix:/" + new string('x', 107), out _));
    }

    [Theory]
    [InlineData("127.0.0.1:80", "127.0.0.1:80", true)]
    [InlineData("127.0.0.1:80", "127.0.0.2:80", false)]
    [InlineData("127.0.0.1:80", "127.0.0.1:81", false)]
    [InlineData("127.0.0.1:80-90", "127.0.0.1:90-99", true)]
    [InlineData("0.0.0.0:80", "127.0.0.1:80", true)]
    [InlineData("0.0.0.0:80", "[::1]:80", false)]
    [InlineData("[::]:80", "127.0.0.1:80", true)]
    [InlineData("[::]:80", "[::1]:80", true)]
    [InlineData("*:80", "0.0.0.0:80", true)]
    [InlineData("*:80", "[::1]:80", true)]
    [InlineData("[::ffff:127.0.0.1]:80", "127.0.0.1:80", true)]
    [InlineData("tls://127.0.0.1:80", "127.0.0.1:80", true)]
    [InlineData("127.0.0.1:0", "127.0.0.1:0", false)]
    [InlineData("unix:/a", "unix:/a", true)]
    [InlineData("unix:/a", "unix:/b", false)]
    [InlineData("unix:/a", "*:80", false)]
    public void Two_listeners_overlap_when_the_system_would_refuse_the_second(string one, string other, bool expected)
    {
        var (a, b) = (ListenAddress.Read(one, out _)!, ListenAddress.Read(other, out _)!);
        Assert.Equal(expected, a.Overlaps(b, v6Only: false, otherV6Only: false));
        Assert.Equal(expected, b.Overlaps(a, v6Only: false, otherV6Only: false));
    }

    [Fact]
    public void An_IPv6_only_listener_leaves_IPv4_to_others()
    {
        var (v6, v4) = (ListenAddress.Read("[::]:80", out _)!, ListenAddress.Read("0.0.0.0:80", out _)!);
        Assert.True(v6.Overlaps(v4, v6Only: false, otherV6Only: false));
        Assert.False(v6.Overlaps(v4, v6Only: true, otherV6Only: false));
        Assert.False(v4.Overlaps(v6, v6Only: false, otherV6Only: true));
    }
}
