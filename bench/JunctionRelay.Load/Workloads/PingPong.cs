using System.Diagnostics;
using System.Net;

namespace JunctionRelay.Load.Workloads;

/// <summary>Request and answer of 150 bytes on connections that stand: what a relay adds to a round trip.</summary>
internal sealed class PingPong(IPEndPoint to, int connections) : Workload(to)
{
    public override void Open(Tally tally) => OpenProven(connections, Order.Echo, tally);

    public override void Run(TimeSpan window, Tally tally)
    {
        var begin = Stopwatch.GetTimestamp();
        var end = begin + (long)(window.TotalSeconds * Stopwatch.Frequency);
        var waiting = 0;
        foreach (var flow in Flows.ToArray())
            Ask(flow, begin);
        if (!Pump(() => waiting <= 0, Handle, window + Patience))
        {
            foreach (var flow in Flows.Where(flow => flow.Waiting).ToArray())
                Fail(flow, tally, $"{To} gave no answer within {Patience.TotalSeconds} s");
        }
        tally.Time = Stopwatch.GetElapsedTime(begin);

        void Ask(Flow flow, long now)
        {
            flow.StartedAt = now;
            if (SendMessage(flow, tally))
                waiting++;
        }

        void Handle(Flow flow, uint events)
        {
            var failed = tally.Failed;
            if (!ReceiveMessage(flow, tally))
            {
                waiting -= tally.Failed - failed;
                return;
            }
            var now = Stopwatch.GetTimestamp();
            waiting--;
            tally.Units++;
            tally.Latencies.Add(Stopwatch.GetElapsedTime(flow.StartedAt, now));
            if (now < end)
                Ask(flow, now);
        }
    }
}
