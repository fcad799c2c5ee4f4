[assembly: System.Runtime.Versioning.SupportedOSPlatform("linux")]

// Each scenario runs several processes: two at once fill two cores, more only make deadlines lie.
[assembly: CollectionBehavior(MaxParallelThreads = 2)]

namespace JunctionRelay.Scenarios;

/// <summary>Scenarios that measure time, memory or descriptors run while nothing else does.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class Alone
{
    public const string Name = "alone";
}
