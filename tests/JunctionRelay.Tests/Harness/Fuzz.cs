using System.Globalization;

namespace JunctionRelay.Tests.Harness;

/// <summary>How many cases each fuzz test makes: JUNCTION_FUZZ_CASES, for nights and weekends; JUNCTION_FUZZ_FROM is the first, where a night goes on with another's work.</summary>
internal static class Fuzz
{
    public static int Cases { get; } = Of("JUNCTION_FUZZ_CASES", 20_000);

    public static int First { get; } = Of("JUNCTION_FUZZ_FROM", 0);

    private static int Of(string variable, int otherwise) =>
        int.TryParse(Environment.GetEnvironmentVariable(variable), NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : otherwise;
}
