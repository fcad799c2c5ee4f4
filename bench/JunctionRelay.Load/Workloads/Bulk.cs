using System.Buffers.Binary;
using System.Diagnostics;
using System.Net;
using JunctionRelay.Load.Sockets;

namespace JunctionRelay.Load.Workloads;

/// <summary>
/// As many bytes as the relay carries, one way: <paramref name="mode"/> push (compared by the backend, confirmed in steps) or pull
/// (compared here). Only confirmed bytes count, over the time until their confirmation.
/// </summary>
internal sealed class Bulk(IPEndPoint to, byte mode, int connections) : Workload(to)
{
    /// <summary>Pull: so much is granted ahead, enough that a relay never waits for us (16 MiB are 10 ms of 1.6 GB/s).</summary>
    private const long Lead = 4 * Order.Step;

    public override void Open(Tally tally) => OpenProven(connections, mode, tally);

    public override void Run(TimeSpan window, Tally tally)
    {
        var begin = Stopwatch.GetTimestamp();
        var end = begin + (long)(window.TotalSeconds * Stopwatch.Frequency);
        var ending = false;
        var before = Flows.Sum(flow => flow.Confirmed);
        foreach (var flow in Flows.ToArray())
        {
            flow.Waiting = true;
            if (mode is Order.Pull)
            {
                Grant(flow, tally);
                continue;
            }
            flow.Limit = long.MaxValue;
            Push(flow, tally);
        }
        if (!Pump(Done, Handle, window + Patience))
        {
            foreach (var flow in Flows.Where(flow => flow.Waiting).ToArray())
                Fail(flow, tally, $"bytes to or from {To} were not confirmed within {Patience.TotalSeconds} s");
        }
        tally.Time = Stopwatch.GetElapsedTime(begin);
        tally.Units = Flows.Sum(flow => flow.Confirmed) - before;

        bool Done()
        {
            if (!ending && Stopwatch.GetTimestamp() >= end)
                ending = End();
            return ending && !Flows.Exists(flow => flow.Waiting);
        }

        bool End()
        {
            // Push ends on a whole step, since only those are confirmed; pull ends where it was granted to.
            foreach (var flow in Flows)
            {
                if (mode is Order.Push)
                    flow.Limit = (flow.Sent + Order.Step - 1) / Order.Step * Order.Step;
                Settle(flow);
            }
            return true;
        }

        void Settle(Flow flow) => flow.Waiting = !ending || flow.Confirmed < flow.Limit;

        void Handle(Flow flow, uint events)
        {
            if ((events & (Poller.Readable | Poller.Broken)) != 0)
            {
                if (mode is Order.Push ? !ReceiveConfirmation(flow, tally) : !ReceiveBulk(flow, tally))
                    return;
                Settle(flow);
                if (mode is Order.Pull && !ending && flow.Limit - flow.Confirmed <= Lead - Order.Step && !Grant(flow, tally))
                    return;
            }
            if ((events & Poller.Writable) != 0)
                Push(flow, tally);
        }
    }

    private bool Push(Flow flow, Tally tally)
    {
        var length = (int)Math.Min(Pattern.MaxLength, flow.Limit - flow.Sent);
        if (length > 0)
        {
            var sent = Tcp.Send(flow.File, Pattern.At(flow.Seed, flow.Sent, length));
            if (sent < 0 && sent != -Libc.EAgain)
            {
                Fail(flow, tally, Tcp.Explain($"send to {To}", -sent));
                return false;
            }
            flow.Sent += Math.Max(0, sent);
        }
        Await(flow, flow.Sent < flow.Limit ? Poller.Readable | Poller.Writable : Poller.Readable);
        return true;
    }

    private bool ReceiveConfirmation(Flow flow, Tally tally)
    {
        // Confirmations are 8 bytes each; Received counts their bytes, so that one in pieces is put together again.
        var have = (int)(flow.Received % 8);
        var small = flow.Small.AsSpan();
        var received = Tcp.Receive(flow.File, small[have..]);
        if (received <= 0)
            return received == -Libc.EAgain || Ended(flow, received, tally);
        flow.Received += received;
        if (have + received < 8)
            return true;
        var total = BinaryPrimitives.ReadInt64LittleEndian(small);
        if (total > flow.Confirmed && total <= flow.Sent)
        {
            flow.Confirmed = total;
            return true;
        }
        Fail(flow, tally, $"altered bytes at or after offset {(total < 0 ? -1 - total : flow.Confirmed)} of a connection to {To}");
        return false;
    }

    private bool ReceiveBulk(Flow flow, Tally tally)
    {
        var received = Tcp.Receive(flow.File, Buffer);
        if (received <= 0)
            return received == -Libc.EAgain || Ended(flow, received, tally);
        if (flow.Confirmed + received > flow.Limit || !Pattern.Matches(Buffer.AsSpan(0, received), flow.Seed, flow.Confirmed))
        {
            Fail(flow, tally, $"altered bytes at or after offset {flow.Confirmed} of a connection to {To}");
            return false;
        }
        flow.Confirmed += received;
        return true;
    }

    private bool Grant(Flow flow, Tally tally)
    {
        flow.Limit = (flow.Confirmed / Order.Step * Order.Step) + Lead;
        Span<byte> limit = stackalloc byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(limit, flow.Limit);
        if (Tcp.Send(flow.File, limit) == limit.Length)
            return true;
        Fail(flow, tally, $"{To} did not take {limit.Length} bytes at once");
        return false;
    }
}
