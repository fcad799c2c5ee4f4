using System.Text;
using JunctionRelay.Licensing;

namespace JunctionRelay.Tests.Licensing;

/// <summary>
/// What strangers have published, field by field, and the sums that their packets bear: an lmgrd's redirect and the hello before it (<c>jtfrey/flexlm-logging-proxy</c>, README.md,
/// captured in February 2024) and a probe (<c>mageni/mageni</c>, gb_flexlm_lmgrd_comp_stack_bof_vuln.nasl, 2012). Neither knew of the other, nor of this code.
/// </summary>
public sealed class PublishedPacketTests
{
    [Fact]
    public void The_captured_redirect_bears_the_sums_that_are_computed_here()
    {
        var bytes = new FlexLmRedirect { Host = "mathworks.lm.udel.edu", Port = 40000 }.ToBytes();
        Assert.Equal(53, bytes.Length);
        Assert.Equal([0x2f, 0x25, 0x12, 0x5a, 0x00, 0x35, 0x01, 0x13], bytes[..8]);
        Assert.Equal(FlexLmParseState.Parsed, FlexLmRedirect.Parse(bytes).State);
    }

    [Fact]
    public void The_captured_hello_has_the_check_byte_that_is_computed_here()
    {
        var hello = FlexLmVectors.Alice with { User = "frey", Host = "login01", Vendor = "MLM", Display = "/dev/pts/73", ProcessId = "35174" };
        var bytes = hello.ToBytes();
        Assert.Equal(147, bytes.Length);
        Assert.Equal([0x68, 0x38, 0x31, 0x33], bytes[..4]);
        Assert.Equal("x64_lsb", Encoding.ASCII.GetString(bytes, 126, 7));
    }

    [Fact]
    public void The_probe_of_16384_bytes_bears_the_sums_that_are_computed_here()
    {
        var bytes = new FlexLmFrame { Type = 0, Payload = Enumerable.Repeat((byte)'a', 16364).ToArray() }.ToBytes();
        Assert.Equal(16384, bytes.Length);
        Assert.Equal([0x2f, 0x24, 0x18, 0x9d, 0x40, 0x00], bytes[..6]);
    }
}
