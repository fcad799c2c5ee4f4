namespace JunctionRelay.Scenarios.Harness;

/// <summary>
/// How much of each quantity a run moves. <c>JUNCTION_SCALE=full</c> moves what the promises name (1 GiB, 100 MB); <c>ci</c>, the default,
/// moves enough to show the same thing in minutes on two cores.
/// </summary>
internal static class Scale
{
    private const string Variable = "JUNCTION_SCALE";

    private static readonly bool Full = Environment.GetEnvironmentVariable(Variable) switch
    {
        "full" => true,
        "ci" or "" or null => false,
        var other => throw new InvalidOperationException($"{Variable} is '{other}'; it may be 'ci' (the default) or 'full'."),
    };

    /// <summary>The quantity for this run.</summary>
    public static T Of<T>(T ci, T full) => Full ? full : ci;
}
