using System.Buffers.Binary;
using System.Diagnostics;
using System.Net;
using JunctionRelay.Load.Sockets;

namespace JunctionRelay.Load.Workloads;

/// <summary>
/// Request and answer of 150 bytes on connections that stand: what a relay adds to a round trip. Beside them <paramref name="stalled"/> more, to which the backend
/// sends for ever and which are never read.
/// </summary>
internal sealed class PingPong(IPEndPoint to, int connections, int stalled) : Workload(to)
{
    private readonly HashSet<Flow> _stalled = [];

    public override void Open(Tally tally)
    {
        OpenProven(stalled, Order.Pull, tally);
        _stalled.UnionWith(Flows);
        Span<byte> limit = stackalloc byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(limit, long.MaxValue);
        foreach (var flow in _stalled)
        {
            Tcp.Send(flow.File, limit);
            Await(flow, 0);
        }

        OpenProven(connections, Order.Echo, tally);
    }

    public override void Run(TimeSpan window, Tally tally)
    {
        var begin = Stopwatch.GetTimestamp();
        var end = begin + (long)(window.TotalSeconds * Stopwatch.Frequency);
        var waiting = 0;
        foreach (var flow in Flows.Where(flow => !_stalled.Contains(flow)).ToArray())
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
            if (_stalled.Contains(flow))
            {
                Fail(flow, tally, $"{To} ended a connection because nobody read it");
                return;
            }
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
