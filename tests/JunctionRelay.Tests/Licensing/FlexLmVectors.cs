using JunctionRelay.Licensing;

namespace JunctionRelay.Tests.Licensing;

/// <summary>Known messages. All synthetic (the published ones: <see cref="PublishedPacketTests"/>); sums computed independently of this code, header rest and tail as in the one published packet.</summary>
internal static class FlexLmVectors
{
    public const string RedirectToLic =
        "2f471381002f01130000000041000000000000006c69632e6578616d706c652e6f72670000009c4000000000005444";

    public const string RedirectToRelay =
        "2f28284b0031011300000000410000000000000072656c61792e6578616d706c652e6e657400000069dd00000000005444";

    public static FlexLmHello Alice { get; } = new()
    {
        User = "alice",
        Host = "node01",
        Vendor = "demod",
        Display = "/dev/pts/0",
        ProcessId = "4242",
        Platform = "x64_lsb",
        VersionMajor = 11,
        VersionMinor = 16,
    };

    /// <summary>Alice's hello, spelled out field by field rather than taken from the code under test.</summary>
    public const string AliceHello =
        "68be3133"
        + "616c696365" + "00000000000000000000000000000000"
        + "6e6f64653031" + "000000000000000000000000000000000000000000000000000000"
        + "64656d6f64" + "000000000000"
        + "2f6465762f7074732f30" + "0000000000000000000000000000000000000000000000"
        + "54" + "000000000000000000000000"
        + "34323432" + "00000000000000"
        + "7836345f6c7362" + "000000000000"
        + "0b10"
        + "373800" + "313400";

    public static byte[] Bytes(string hex) => Convert.FromHexString(hex);
}
