// Most tests wait for a socket or a timer most of their time: four at once fill two cores.
[assembly: CollectionBehavior(MaxParallelThreads = 4)]

namespace JunctionRelay.Tests;

/// <summary>Tests that search for seconds without a wait (the model of the link, fuzzing) each hold a thread of the pool, which would have one per core and grows slowly: the others' work shall find one.</summary>
internal static class ThreadsForSearches
{
    private const int Most = 32;

#pragma warning disable CA2255 // this is an application as far as the pool is concerned
    [System.Runtime.CompilerServices.ModuleInitializer]
#pragma warning restore CA2255
    public static void Prepare() => ThreadPool.SetMinThreads(Most, Most);
}
