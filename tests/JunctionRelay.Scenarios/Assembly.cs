[assembly: System.Runtime.Versioning.SupportedOSPlatform("linux")]

// Each scenario runs several processes, and half of its time it waits for one of them: four at once fill two cores, more only make deadlines lie.
[assembly: CollectionBehavior(MaxParallelThreads = 4)]

namespace JunctionRelay.Scenarios;

/// <summary>
/// .NET reads a child's output by a thread of the pool that waits for it: with dozens of programs the pool, which grows by one or two threads a second, has none left for the tests,
/// and what a program printed long ago is not seen.
/// </summary>
internal static class ThreadsForPrograms
{
    private const int Most = 512;

#pragma warning disable CA2255 // this is an application as far as the pool is concerned
    [System.Runtime.CompilerServices.ModuleInitializer]
#pragma warning restore CA2255
    public static void Prepare() => ThreadPool.SetMinThreads(Most, Most);
}

/// <summary>Scenarios that measure time, memory or descriptors run while nothing else does.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class Alone
{
    public const string Name = "alone";
}
