using System.Diagnostics;
using System.Net;
using JunctionRelay.Load.Sockets;

namespace JunctionRelay.Load.Workloads;

/// <summary>
/// One kind of load on one relay: opened once, then run for as many windows as wanted. One thread, one poller. What goes wrong with a
/// flow is counted in the tally and ends that flow only.
/// </summary>
internal abstract class Workload(IPEndPoint to) : IDisposable
{
    /// <summary>How long an answer may be overdue before its flow counts as failed.</summary>
    protected static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    /// <summary>The size of a request, and of its answer: about what a license client sends to begin with.</summary>
    public const int MessageLength = 150;

    /// <summary>So many connections are opened at once; more would overflow a relay's accept queue and time the kernel's SYN retries.</summary>
    private const int OpeningAtOnce = 64;

    private static uint _seeds = 1;
    private Flow?[] _byFile = new Flow?[1024];

    /// <summary>Where an entrance is told to connect, by SOCKS 5; null for a relay that leads there by itself.</summary>
    public IPEndPoint? Behind { get; set; }

    protected IPEndPoint To { get; } = to;

    protected Poller Poller { get; } = new();

    protected byte[] Buffer { get; } = GC.AllocateUninitializedArray<byte>(Pattern.MaxLength, pinned: true);

    protected List<Flow> Flows { get; } = [];

    /// <summary>Opens what the workload holds during its windows, each connection proven by an answer.</summary>
    public abstract void Open(Tally tally);

    /// <summary>Loads the relay for <paramref name="window"/> and fills the tally; returns when everything sent is answered.</summary>
    public abstract void Run(TimeSpan window, Tally tally);

    public void Dispose()
    {
        foreach (var flow in Flows.ToArray())
            Close(flow);
        Poller.Dispose();
    }

    protected Flow Connect()
    {
        // A large odd step: neighbours in time never share a stretch of the pattern.
        _seeds = unchecked(_seeds + 0x9E3779B1u);
        var flow = new Flow(Tcp.Connect(To), _seeds) { Interest = Poller.Writable };
        if (flow.File >= _byFile.Length)
            Array.Resize(ref _byFile, Math.Max(flow.File + 1, _byFile.Length * 2));
        _byFile[flow.File] = flow;
        Flows.Add(flow);
        Poller.Add(flow.File, flow.Interest);
        return flow;
    }

    protected bool IsAlive(Flow flow) => _byFile[flow.File] == flow;

    protected void Close(Flow flow)
    {
        _byFile[flow.File] = null;
        Flows.Remove(flow);
        Tcp.Close(flow.File);
    }

    protected void Fail(Flow flow, Tally tally, string reason)
    {
        tally.Fail(reason);
        _byFile[flow.File] = null;
        Flows.Remove(flow);
        Tcp.Abort(flow.File);
    }

    protected void Await(Flow flow, uint interest)
    {
        if (flow.Interest == interest)
            return;
        flow.Interest = interest;
        Poller.Change(flow.File, interest);
    }

    /// <summary>Hands every event to <paramref name="handle"/> until <paramref name="done"/>, or until <paramref name="limit"/> has passed; false then.</summary>
    protected bool Pump(Func<bool> done, Action<Flow, uint> handle, TimeSpan limit)
    {
        var begin = Stopwatch.GetTimestamp();
        while (!done())
        {
            var count = Poller.Wait(100);
            for (var i = 0; i < count; i++)
            {
                if (_byFile[Poller.FileAt(i)] is { } flow)
                    handle(flow, Poller.EventsAt(i));
            }
            if (Stopwatch.GetElapsedTime(begin) > limit)
                return false;
        }
        return true;
    }

    /// <summary>True once the connect has succeeded; a failed one is counted and closed.</summary>
    protected bool IsConnected(Flow flow, uint events, Tally tally)
    {
        if (flow.Connected)
            return true;
        if ((events & Poller.Broken) != 0 && Tcp.PendingError(flow.File) is var error and not 0)
        {
            Fail(flow, tally, Tcp.Explain($"connect to {To}", error));
            return false;
        }
        return flow.Connected = Behind is null || Greet(flow, Behind, tally);
    }

    // RFC 1928 without a password: each answer is awaited before the next word. True when the way is open.
    private bool Greet(Flow flow, IPEndPoint behind, Tally tally)
    {
        const int MethodAnswer = 2, BothAnswers = 2 + 10, Method = 1, Reply = 3;
        if (flow.Greeted < 0)
        {
            flow.Greeted = 0;
            Await(flow, Poller.Readable);
            Sent(flow, Tcp.Send(flow.File, [5, 1, 0]), 3, tally);
            return false;
        }
        Span<byte> answer = stackalloc byte[BothAnswers];
        var received = Tcp.Receive(flow.File, answer[..((flow.Greeted < MethodAnswer ? MethodAnswer : BothAnswers) - flow.Greeted)]);
        if (received <= 0)
            return Ended(flow, received, tally);
        for (var i = 0; i < received; i++)
        {
            if (flow.Greeted + i is Method or Reply && answer[i] != 0)
            {
                Fail(flow, tally, $"{To} refused to connect to {behind}: SOCKS answer {answer[i]}");
                return false;
            }
        }
        flow.Greeted += received;
        if (flow.Greeted == MethodAnswer)
        {
            byte[] request = [5, 1, 0, 1, .. behind.Address.GetAddressBytes(), (byte)(behind.Port >> 8), (byte)behind.Port];
            Sent(flow, Tcp.Send(flow.File, request), request.Length, tally);
        }
        return flow.Greeted == BothAnswers;
    }

    /// <summary>Opens <paramref name="count"/> connections and proves each: an echo by one round trip, bulk by the backend's 'R'.</summary>
    protected void OpenProven(int count, byte mode, Tally tally)
    {
        int started = 0, proven = 0;
        var opening = new HashSet<Flow>();
        var complete = Pump(Done, Handle, TimeSpan.FromSeconds(60));
        if (!complete)
            throw new LoadException($"only {proven} of {count} connections to {To} were answered within 60 s");
        return;

        bool Done()
        {
            while (started < count && opening.Count < OpeningAtOnce)
            {
                started++;
                opening.Add(Connect());
            }
            opening.RemoveWhere(flow => !IsAlive(flow));
            return started == count && opening.Count == 0;
        }

        void Handle(Flow flow, uint events)
        {
            if (!flow.Connected)
            {
                if (!IsConnected(flow, events, tally))
                    return;
                SendOrder(flow, mode, tally);
                return;
            }
            if (mode is Order.Echo ? !ReceiveMessage(flow, tally) : !ReceiveReady(flow, tally))
                return;
            proven++;
            opening.Remove(flow);
        }
    }

    /// <summary>Sends the order; for an echo it is the beginning of a first whole message.</summary>
    protected bool SendOrder(Flow flow, byte mode, Tally tally)
    {
        var length = mode is Order.Echo ? MessageLength : Order.Length;
        Span<byte> message = stackalloc byte[length];
        Order.Write(message, mode, flow.Seed);
        if (mode is Order.Echo)
        {
            Pattern.At(flow.Seed, Order.Length, length - Order.Length).CopyTo(message[Order.Length..]);
            flow.Sent = length;
            flow.Waiting = true;
        }
        Await(flow, Poller.Readable);
        return Sent(flow, Tcp.Send(flow.File, message), length, tally);
    }

    /// <summary>Sends the next message of an echo flow.</summary>
    protected bool SendMessage(Flow flow, Tally tally)
    {
        var message = Pattern.At(flow.Seed, flow.Sent, MessageLength);
        flow.Sent += MessageLength;
        flow.Waiting = true;
        return Sent(flow, Tcp.Send(flow.File, message), MessageLength, tally);
    }

    /// <summary>Takes what came of an answer; true when it is whole. A wrong byte fails the flow.</summary>
    protected bool ReceiveMessage(Flow flow, Tally tally)
    {
        var received = Tcp.Receive(flow.File, Buffer);
        if (received <= 0)
            return Ended(flow, received, tally);
        ReadOnlySpan<byte> data = Buffer.AsSpan(0, received);
        if (flow.Received + received > flow.Sent || !IsEcho(flow, data))
        {
            Fail(flow, tally, $"altered bytes at or after offset {flow.Received} of a connection to {To}");
            return false;
        }
        flow.Received += received;
        if (flow.Received < flow.Sent)
            return false;
        flow.Waiting = false;
        return true;
    }

    /// <summary>False, and the flow failed, unless the receive just had nothing yet.</summary>
    protected bool Ended(Flow flow, int received, Tally tally)
    {
        if (received != -Libc.EAgain)
            Fail(flow, tally, received == 0 ? $"{To} closed a connection before its answer" : Tcp.Explain($"receive from {To}", -received));
        return false;
    }

    private bool Sent(Flow flow, int sent, int length, Tally tally)
    {
        if (sent == length)
            return true;
        Fail(flow, tally, sent >= 0 ? $"{To} did not take {length} bytes at once" : Tcp.Explain($"send to {To}", -sent));
        return false;
    }

    private bool ReceiveReady(Flow flow, Tally tally)
    {
        Span<byte> ready = stackalloc byte[1];
        var received = Tcp.Receive(flow.File, ready);
        if (received <= 0)
            return Ended(flow, received, tally);
        if (ready[0] == Order.Ready)
            return true;
        Fail(flow, tally, $"altered bytes at or after offset 0 of a connection to {To}");
        return false;
    }

    private static bool IsEcho(Flow flow, ReadOnlySpan<byte> data)
    {
        var offset = flow.Received;
        if (offset < Order.Length)
        {
            Span<byte> order = stackalloc byte[Order.Length];
            Order.Write(order, Order.Echo, flow.Seed);
            var part = (int)Math.Min(Order.Length - offset, data.Length);
            if (!data[..part].SequenceEqual(order.Slice((int)offset, part)))
                return false;
            data = data[part..];
            offset += part;
        }
        return Pattern.Matches(data, flow.Seed, offset);
    }
}
