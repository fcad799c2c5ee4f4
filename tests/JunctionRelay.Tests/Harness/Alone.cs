namespace JunctionRelay.Tests.Harness;

/// <summary>Tests with clocks of their own in them (pings every half second, fairness in frames) run while nothing else does.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class Alone
{
    public const string Name = "alone";
}
