using BenchmarkDotNet.Attributes;
using JunctionRelay.Licensing;

namespace JunctionRelay.Microbench;

/// <summary>
/// Only this shows what reading along costs a relay with <c>"protocol": "flexlm"</c> per checkout (a hello and a redirect), and the most
/// that a stranger can make it spend: a longest frame whose CRC is wrong only in the end, or bytes that are no FlexNet at all.
/// </summary>
public class FrameParsing
{
    private readonly byte[] _hello = new FlexLmHello { User = "alice", Host = "node01", Vendor = "demod", Display = "/dev/pts/0", ProcessId = "4242" }.ToBytes();
    private readonly byte[] _redirect = new FlexLmRedirect { Host = "lic.example.org", Port = 40_000 }.ToBytes();
    private readonly byte[] _longestDamaged = new FlexLmFrame { Type = FlexLmRedirect.FrameType, Payload = new byte[FlexLmFrame.MaxBytes - FlexLmFrame.HeaderBytes] }.ToBytes();
    private readonly byte[] _stranger = [0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xfc, 0x03, 0x03];   // a TLS client's first bytes

    [GlobalSetup]
    public void Setup()
    {
        _longestDamaged[^1] ^= 1;   // the last byte: the header's own sum still holds, the CRC over the whole does not
        Expect(FlexLmHello.Parse(_hello).State == FlexLmParseState.Parsed, "the hello");
        Expect(FlexLmRedirect.Parse(_redirect).State == FlexLmParseState.Parsed, "the redirect");
        Expect(FlexLmFrame.Parse(_longestDamaged).Why!.Contains("CRC", StringComparison.Ordinal), "the damaged frame");
        Expect(FlexLmHello.Parse(_stranger).State == FlexLmParseState.NotFlexLm, "the stranger");

        static void Expect(bool holds, string what)
        {
            if (!holds)
                throw new InvalidOperationException($"{what} is not what this benchmark is about");
        }
    }

    [Benchmark]
    public int Hello() => FlexLmHello.Parse(_hello).Bytes;

    [Benchmark]
    public int Redirect() => FlexLmRedirect.Parse(_redirect).Bytes;

    [Benchmark]
    public int RedirectRewritten() => (FlexLmRedirect.Parse(_redirect).Message! with { Host = "relay", Port = 27_001 }).ToBytes().Length;

    [Benchmark]
    public int LongestDamagedFrame() => FlexLmFrame.Parse(_longestDamaged).Bytes;

    [Benchmark]
    public int Stranger() => FlexLmHello.Parse(_stranger).Bytes;
}
