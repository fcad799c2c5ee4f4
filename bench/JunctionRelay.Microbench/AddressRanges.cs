using System.Net;
using BenchmarkDotNet.Attributes;
using JunctionRelay.Policies;

namespace JunctionRelay.Microbench;

/// <summary>
/// Only this shows how the check of a client's address grows with the number of ranges: it is done for every connection before anything
/// else is, also for those of a flood. To compare with: a loopback connect costs about 15 µs.
/// </summary>
public class AddressRanges
{
    private readonly IPAddress _last = IPAddress.Parse("10.9.255.1");
    private readonly IPAddress _lastMapped = IPAddress.Parse("::ffff:10.9.255.1");
    private readonly IPAddress _stranger = IPAddress.Parse("192.0.2.1");
    private readonly IPAddress _linkLocalStranger = IPAddress.Parse("fe80::1%2");
    private CidrSet _ranges = null!;

    [Params(1, 16, 256)]
    public int Ranges { get; set; }

    [GlobalSetup]
    public void Setup() => _ranges = new CidrSet(Enumerable.Range(0, Ranges).Reverse().Select(i => new IPNetwork(new IPAddress([10, 9, (byte)(255 - i), 0]), 24)));

    /// <summary>The dearest hit: the last range.</summary>
    [Benchmark(Baseline = true)]
    public bool InTheLast() => _ranges.Contains(_last);

    /// <summary>An IPv4 client of a dual-stack listener: the address is rewritten first.</summary>
    [Benchmark]
    public bool InTheLastMapped() => _ranges.Contains(_lastMapped);

    [Benchmark]
    public bool Stranger() => _ranges.Contains(_stranger);

    /// <summary>The interface number of a link-local address is taken off first.</summary>
    [Benchmark]
    public bool LinkLocalStranger() => _ranges.Contains(_linkLocalStranger);
}
