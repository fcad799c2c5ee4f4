using JunctionRelay.Load.Sockets;

namespace JunctionRelay.Load.Costs;

/// <summary>One process of a relay (of a pair there are two), with all that it started.</summary>
internal sealed record RelayProcess(string Label, int Pid)
{
    private const double TicksPerSecond = 100;   // USER_HZ, fixed in the kernel's interface
    private const double SecondsPerNanosecond = 1e-9;

    /// <summary>
    /// CPU seconds used so far, user and system, all threads, dead ones too. From the process's CPU clock (nanoseconds; any process may
    /// read it: clock_getcpuclockid(3)), or from /proc/PID/stat (10 ms ticks) where that fails. Children that have ended: 10 ms ticks.
    /// </summary>
    public double CpuSeconds()
    {
        double sum = 0;
        foreach (var pid in ProcessTree.Of(Pid))
        {
            var (own, endedChildren) = ProcessTree.Ticks(pid);
            sum += (ReadClock(pid) ?? own / TicksPerSecond) + endedChildren / TicksPerSecond;
        }
        return sum;
    }

    public long ResidentBytes() => ProcessTree.Of(Pid).Sum(ProcessTree.ResidentBytes);

    private static unsafe double? ReadClock(int pid)
    {
        const int CpuClockOfProcess = 2;   // CPUCLOCK_SCHED; the bits above are the inverted pid
        var time = stackalloc long[2];
        return Libc.GetClock((~pid << 3) | CpuClockOfProcess, time) == 0 ? time[0] + (time[1] * SecondsPerNanosecond) : null;
    }
}
