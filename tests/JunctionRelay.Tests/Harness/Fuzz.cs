using System.Globalization;

namespace JunctionRelay.Tests.Harness;

/// <summary>How many cases each fuzz test makes: JUNCTION_FUZZ_CASES, for nights and weekends.</summary>
internal static class Fuzz
{
    public static int Cases { get; } =
        int.TryParse(Environment.GetEnvironmentVariable("JUNCTION_FUZZ_CASES"), NumberStyles.None, CultureInfo.InvariantCulture, out var cases) ? cases : 20_000;
}
