using JunctionRelay.Load.Costs;
using JunctionRelay.Load.Reports;
using JunctionRelay.Load.Sockets;
using JunctionRelay.Load.Workloads;

namespace JunctionRelay.Load;

/// <summary>How long and how often.</summary>
internal sealed record MeasurementPlan(int Rounds, TimeSpan Prime, TimeSpan WarmUp, TimeSpan Window, TimeSpan Hold);

/// <summary>
/// Measures every case through every relay. Relays take turns within each case, in alternating order, so that a slow phase of the
/// machine meets all of them; every window is preceded by an uncounted one.
/// </summary>
internal sealed class Measurement(MeasurementPlan plan, IReadOnlyList<RelayUnderTest> relays, Action<string> progress)
{
    public List<Sample> Run()
    {
        List<Sample> samples = [];
        var cases = relays.SelectMany(relay => relay.Cases).Distinct().ToList();
        // Memory first, while no relay has pools left over from a load, and once: it repeats within a few per cent.
        foreach (var one in cases.Where(one => one.Kind is LoadCase.Idle))
            samples.AddRange(Through(one, 1));
        // Then once through everything uncounted: a relay that compiles itself as it runs has done so by the first round.
        var loads = cases.Where(one => one.Kind is not LoadCase.Idle).ToList();
        foreach (var relay in relays)
        {
            foreach (var one in loads.Where(relay.Cases.Contains))
                Prime(relay, one);
        }
        for (var round = 1; round <= plan.Rounds; round++)
        {
            foreach (var one in loads)
                samples.AddRange(Through(one, round));
        }
        return samples;
    }

    private void Prime(RelayUnderTest relay, LoadCase one)
    {
        try
        {
            using var workload = one.Create(relay.EndPoint, relay.Behind);
            var tally = new Tally();
            workload.Open(tally);
            workload.Run(plan.Prime, tally);
        }
        catch (LoadException)
        {
            // It will fail in its rounds as well, and be reported there.
        }
    }

    private IEnumerable<Sample> Through(LoadCase one, int round)
    {
        var takers = relays.Where(relay => relay.Cases.Contains(one)).ToList();
        if (round % 2 == 0)
            takers.Reverse();
        foreach (var relay in takers)
        {
            var sample = new Sample(relay, one, round);
            try
            {
                if (one.Kind is LoadCase.Idle)
                    MeasureIdle(sample);
                else
                    MeasureWindow(sample);
            }
            catch (LoadException exception)
            {
                Fail(sample, 1, exception.Message);
            }
            foreach (var dead in relay.Processes.Where(process => !ProcessTree.IsAlive(process.Pid)))
                Fail(sample, 1, $"process {dead.Label} of {relay.Name} ended");
            progress($"round {round}/{plan.Rounds} {one.Name} {relay.Group}/{relay.Name}: {sample.Failure ?? FirstFigure(sample)}");
            yield return sample;
        }
    }

    private void MeasureWindow(Sample sample)
    {
        using var workload = sample.Case.Create(sample.Relay.EndPoint, sample.Relay.Behind);
        var tally = new Tally();
        workload.Open(tally);
        workload.Run(plan.WarmUp, tally);
        tally.Clear();
        var meter = new CpuMeter(sample.Relay.Processes);
        meter.Start();
        workload.Run(plan.Window, tally);
        Fill(sample, tally, meter.Stop());
    }

    private static void Fill(Sample sample, Tally tally, double[] cpu)
    {
        if (tally.Failed > 0)
            Fail(sample, tally.Failed, tally.FirstFailure!);
        if (tally.Units == 0)
        {
            Fail(sample, tally.Failed > 0 ? 0 : 1, $"nothing came through {sample.Relay.EndPoint}");
            return;
        }
        var figures = sample.Figures;
        var perSecond = tally.Units / tally.Time.TotalSeconds;
        // What the CPU is counted for: a GB, 10,000 round trips, 1,000 connections (a checkout is two, and counts as one).
        var (cost, per) = sample.Case.Kind switch
        {
            LoadCase.Push or LoadCase.Pull => (Metric.CpuPerGigabyte, 1e9),
            LoadCase.PingPong => (Metric.CpuPer10000, 1e4),
            _ => (Metric.CpuPer1000, 1e3),
        };
        if (sample.Case.Kind is LoadCase.Checkout)
        {
            figures[Metric.MedianMilliseconds] = tally.Latencies.Percentile(0.5)!.Value / 1000;
        }
        else if (sample.Case.Kind is LoadCase.Push or LoadCase.Pull)
        {
            figures[Metric.GigabytesPerSecond] = perSecond / 1e9;
        }
        else
        {
            figures[sample.Case.Kind is LoadCase.PingPong ? Metric.RequestsPerSecond : Metric.ConnectionsPerSecond] = perSecond;
            figures[Metric.Median] = tally.Latencies.Percentile(0.5)!.Value;
            figures[Metric.Percentile99] = tally.Latencies.Percentile(0.99)!.Value;
        }
        if (cpu.Length == 0)
            return;
        figures[cost] = cpu.Sum() * per / tally.Units;
        foreach (var (process, seconds) in sample.Relay.Processes.Zip(cpu))
            sample.ByProcess[(process.Label, cost)] = seconds * per / tally.Units;
    }

    private void MeasureIdle(Sample sample)
    {
        var tally = new Tally();
        // A few connections before, one after the other: code and first pools are in the base, room for many connections is not.
        using (var warmUp = new Connects(sample.Relay.EndPoint, atOnce: 4, inTurn: 1) { Behind = sample.Relay.Behind })
            warmUp.Run(plan.WarmUp, tally);
        var quiet = new CpuMeter(sample.Relay.Processes);
        quiet.Start();
        var before = Resident(sample);
        using var idle = sample.Case.Create(sample.Relay.EndPoint, sample.Relay.Behind);
        idle.Open(tally);
        Pause(plan.Hold);
        var held = Resident(sample);
        tally.Clear();
        idle.Run(plan.Window, tally);
        if (tally.Failed > 0 || tally.Units != sample.Case.Count)
            Fail(sample, Math.Max(1, tally.Failed), tally.FirstFailure ?? $"{tally.Units} of {sample.Case.Count} idle connections answered");
        if (before.Length == 0)
            return;
        sample.Figures[Metric.KilobytesPerConnection] = (held.Sum() - before.Sum()) / 1024.0 / sample.Case.Count;
        sample.Figures[Metric.BaseMegabytes] = before.Sum() / 1024.0 / 1024.0;
        foreach (var (process, index) in sample.Relay.Processes.Select((process, index) => (process, index)))
        {
            sample.ByProcess[(process.Label, Metric.KilobytesPerConnection)] = (held[index] - before[index]) / 1024.0 / sample.Case.Count;
            sample.ByProcess[(process.Label, Metric.BaseMegabytes)] = before[index] / 1024.0 / 1024.0;
        }
    }

    private static long[] Resident(Sample sample) => [.. sample.Relay.Processes.Select(process => process.ResidentBytes())];

    private static unsafe void Pause(TimeSpan time) => _ = Libc.Poll(null, 0, (int)time.TotalMilliseconds);

    private static void Fail(Sample sample, int count, string reason)
    {
        sample.Failed += count;
        sample.Failure ??= reason;
    }

    private static string FirstFigure(Sample sample)
    {
        var (metric, value) = sample.Figures.FirstOrDefault();
        return metric is null ? "done" : $"{ResultTable.Number(value)} {metric.Unit}";
    }
}
