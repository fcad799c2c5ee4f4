using System.Diagnostics;
using System.Net;

namespace JunctionRelay.Load.Workloads;

/// <summary>
/// Many connections that stand and say nothing, as licensed jobs do: each proven by one echo when opened, and by another after the time
/// that they were held.
/// </summary>
internal sealed class Idle(IPEndPoint to, int connections) : Workload(to)
{
    public override void Open(Tally tally) => OpenProven(connections, Order.Echo, tally);

    /// <summary>Proves every connection once more, a few at a time; <paramref name="window"/> bounds only how long that may take.</summary>
    public override void Run(TimeSpan window, Tally tally)
    {
        var begin = Stopwatch.GetTimestamp();
        var left = new Queue<Flow>(Flows);
        var waiting = 0;
        if (!Pump(Done, Handle, window + Patience))
        {
            foreach (var flow in Flows.Where(flow => flow.Waiting).ToArray())
                Fail(flow, tally, $"{To} gave no answer on a connection that had been idle");
        }
        tally.Time = Stopwatch.GetElapsedTime(begin);

        bool Done()
        {
            while (waiting < 64 && left.TryDequeue(out var flow))
            {
                if (!IsAlive(flow))
                    continue;
                flow.StartedAt = Stopwatch.GetTimestamp();
                if (SendMessage(flow, tally))
                    waiting++;
            }
            return waiting <= 0;
        }

        void Handle(Flow flow, uint events)
        {
            var asked = flow.Waiting;
            if (ReceiveMessage(flow, tally))
            {
                tally.Units++;
                tally.Latencies.Add(Stopwatch.GetElapsedTime(flow.StartedAt));
            }
            // One that broke although nothing was asked of it counts as failed, not as answered.
            if (asked && (!IsAlive(flow) || !flow.Waiting))
                waiting--;
        }
    }
}
