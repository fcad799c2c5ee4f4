using JunctionRelay.Connections;

namespace JunctionRelay.Relay;

/// <summary>
/// Stage 8, Splice: two directions until both ended. Who ends what, and when, is the matrix of <c>docs/closing.md</c>.
/// </summary>
internal sealed class Splice(Connection client, Connection target, RelayLimits limits, SocketSettings socket, TimeProvider time)
{
    /// <summary>How long bytes that were read may take to arrive before our reset, and what a broken peer sent before to be read.</summary>
    public static readonly TimeSpan LastBytes = TimeSpan.FromSeconds(1);

    /// <summary>Sweeps between two looks for dead machines: a system call for each connection.</summary>
    private const int SweepsPerProbe = 10;

    private readonly SpliceDirection _toTarget = new(client, target, ConnectionSide.Client, time);
    private readonly SpliceDirection _toClient = new(target, client, ConnectionSide.Target, time);
    private readonly long _started = time.GetTimestamp();
    private long _lastActive = time.GetTimestamp();
    private long _stepsAtLastSweep;
    private int _sweeps;
    private int _reason;   // a CloseReason, 0 = none yet; the first wins

    public long BytesToTarget => _toTarget.Bytes;
    public long BytesToClient => _toClient.Bytes;

    /// <summary>For people, beside the reason; empty where the reason says all.</summary>
    public string Detail { get; private set; } = "";

    /// <summary>Runs both directions to their ends; on return both connections may be disposed.</summary>
    public async Task<CloseReason> RunAsync()
    {
        var toTarget = _toTarget.RunAsync();
        var toClient = _toClient.RunAsync();
        var first = await Task.WhenAny(toTarget, toClient);
        var second = first == toTarget ? toClient : toTarget;

        var end = await first;
        if (end.Broken is null)
        {
            end = await second;
            if (end.Broken is null) return Decide(_toTarget.EndedAt <= _toClient.EndedAt ? CloseReason.ClientClosed : CloseReason.TargetClosed);
        }

        Decide(end.Told ?? CloseReasons.Of(end.Broken!.Value, end.Fault), end.Detail);
        await BreakAsync(end, second);
        await second;
        return (CloseReason)_reason;
    }

    /// <summary>Ends the connection from outside: a limit, a stop, a revocation.</summary>
    public void Abort(CloseReason reason)
    {
        Decide(reason);
        client.Abort(reason);
        target.Abort(reason);
    }

    /// <summary>
    /// Called about once a second: applies the limits, and looks after directions that are stuck in a write. What it finds it ends with
    /// <see cref="Abort"/>. No clock is read and no timer set per byte or per connection.
    /// </summary>
    public void Sweep()
    {
        var now = time.GetTimestamp();
        var steps = _toTarget.Steps + _toClient.Steps;
        if (steps != _stepsAtLastSweep)
        {
            _stepsAtLastSweep = steps;
            _lastActive = now;
        }

        var quiet = time.GetElapsedTime(_lastActive, now);
        if (limits.Lifetime is { } lifetime && time.GetElapsedTime(_started, now) >= lifetime) Abort(CloseReason.LifetimeReached);
        else if (limits.Idle is { } idle && quiet >= idle) Abort(CloseReason.IdleTimeout);
        else if ((_toTarget.EndedAt != 0 || _toClient.EndedAt != 0) && quiet >= limits.HalfClosed) Abort(CloseReason.HalfClosedTimeout);
        else Look();
    }

    private void Look()
    {
        var all = ++_sweeps % SweepsPerProbe == 0;
        // While a direction waits for its receiver, or after its sender ended, nobody reads the sender, whose reset would go unseen.
        if ((all || Unread(_toTarget)) && client.Probe(socket.SilentAfter) is { } clientFault) Break(ConnectionSide.Client, clientFault);
        else if ((all || Unread(_toClient)) && target.Probe(socket.SilentAfter) is { } targetFault) Break(ConnectionSide.Target, targetFault);

        void Break(ConnectionSide side, ConnectionFault fault)
        {
            // A reset that arrived behind bytes which the reader is about to read is the reader's to report, after them.
            if (fault == ConnectionFault.Reset && !Unread(side == ConnectionSide.Client ? _toTarget : _toClient)) return;
            // Both ended: what looks like a reset is the two ends that were exchanged.
            if (_toTarget.EndedAt != 0 && _toClient.EndedAt != 0) return;
            Abort((side == ConnectionSide.Client ? client : target).Told ?? CloseReasons.Of(side, fault));
        }

        static bool Unread(SpliceDirection direction) => direction.IsWriting || direction.EndedAt != 0;
    }

    private async Task BreakAsync(DirectionEnd end, Task<DirectionEnd> other)
    {
        var (broken, healthy) = end.Broken == ConnectionSide.Client ? (client, target) : (target, client);
        var reason = (CloseReason)_reason;
        // It took no more of our bytes, but what it said before (an error message, say) may still be on its way to the other side.
        var began = time.GetTimestamp();
        if (end.WhileWriting) await Task.WhenAny(other, Task.Delay(LastBytes, time));
        broken.Abort(reason);
        // One second for both: the other side is to hear of it within that.
        await healthy.DrainOutputAsync(LastBytes - time.GetElapsedTime(began));
        healthy.Abort(reason);
    }

    private CloseReason Decide(CloseReason reason, string detail = "")
    {
        if (Interlocked.CompareExchange(ref _reason, (int)reason, 0) == 0) Detail = detail;
        return (CloseReason)_reason;
    }
}
