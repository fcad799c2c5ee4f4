using System.Diagnostics;
using System.Net;

namespace JunctionRelay.Load.Workloads;

/// <summary>
/// Connect, one request of 150 bytes, its answer, close (ours first), <paramref name="atOnce"/> of them at any time. A unit is
/// <paramref name="inTurn"/> of these one after the other: one for connect-request-close, two for a license checkout (lmgrd, then the
/// vendor daemon that it named).
/// </summary>
internal sealed class Connects(IPEndPoint to, int atOnce, int inTurn) : Workload(to)
{
    private readonly Dictionary<Flow, int> _turn = [];

    /// <summary>Nothing is held between windows.</summary>
    public override void Open(Tally tally)
    {
    }

    public override void Run(TimeSpan window, Tally tally)
    {
        var begin = Stopwatch.GetTimestamp();
        var end = begin + (long)(window.TotalSeconds * Stopwatch.Frequency);
        for (var i = 0; i < atOnce; i++)
            Begin(1, Stopwatch.GetTimestamp());
        if (!Pump(() => Flows.Count == 0, Handle, window + Patience))
        {
            foreach (var flow in Flows.ToArray())
                Fail(flow, tally, $"{To} gave no answer within {Patience.TotalSeconds} s");
        }
        tally.Time = Stopwatch.GetElapsedTime(begin);
        _turn.Clear();

        void Begin(int turn, long startedAt)
        {
            var flow = Connect();
            flow.StartedAt = startedAt;
            if (inTurn > 1)
                _turn[flow] = turn;
        }

        void Handle(Flow flow, uint events)
        {
            var failed = tally.Failed;
            if (!flow.Connected)
            {
                if (IsConnected(flow, events, tally))
                    SendOrder(flow, Order.Echo, tally);
            }
            else if (ReceiveMessage(flow, tally))
            {
                Close(flow);
                if (inTurn > 1 && _turn.Remove(flow, out var turn) && turn < inTurn)
                {
                    Begin(turn + 1, flow.StartedAt);
                    return;
                }
                var now = Stopwatch.GetTimestamp();
                tally.Units++;
                tally.Latencies.Add(Stopwatch.GetElapsedTime(flow.StartedAt, now));
                if (now < end)
                    Begin(1, Stopwatch.GetTimestamp());
            }
            // A failure is not retried at once for ever: 1,000 of them are a result too.
            if (tally.Failed > failed && tally.Failed < 1000 && Stopwatch.GetTimestamp() < end)
                Begin(1, Stopwatch.GetTimestamp());
        }
    }
}
