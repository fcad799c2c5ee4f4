using JunctionRelay.Load.Sockets;

namespace JunctionRelay.Load.Costs;

/// <summary>CPU seconds of each process of a relay between two points at which it has nothing left to do.</summary>
internal sealed class CpuMeter(IReadOnlyList<RelayProcess> processes)
{
    private double[] _begin = [];

    public void Start() => _begin = WhenQuiet();

    /// <summary>Seconds since <see cref="Start"/> by process, in their order; includes what the relay did after the window (tearing down).</summary>
    public double[] Stop() => [.. WhenQuiet().Zip(_begin, (end, begin) => end - begin)];

    /// <summary>Reads when a relay has used next to nothing for 20 ms, at the latest after 400 ms: tear-down belongs to what caused it.</summary>
    private unsafe double[] WhenQuiet()
    {
        var last = Read();
        for (var i = 0; i < 20 && processes.Count > 0; i++)
        {
            _ = Libc.Poll(null, 0, 20);
            var now = Read();
            var quiet = now.Sum() - last.Sum() < 0.0002;
            last = now;
            if (quiet)
                break;
        }
        return last;
    }

    private double[] Read() => [.. processes.Select(process => process.CpuSeconds())];
}
