using System.Threading.Tasks.Sources;
using JunctionRelay.Connections;

namespace JunctionRelay.Links;

/// <summary>
/// What is due to be sent in a session: the streams that have something, in two rounds (what goes ahead of data, and data), and the session's own
/// frames, which are state and not a queue. Outlives transports; one writer waits on it. Thread-safe.
/// </summary>
internal sealed class LinkOutbox : IValueTaskSource
{
    private readonly Lock _gate = new();
    private readonly Queue<LinkStream> _control = new();
    private readonly Queue<LinkStream> _data = new();
    private readonly List<LinkStream> _late = [];
    // The writer goes on in the engine's next turn: one call for each wait, since it then finds all that has become due by then.
    private readonly Action _onTurn;
    private ManualResetValueTaskSourceCore<bool> _wait;
    private EngineTurn? _turn;
    private bool _waiting;
    private bool _called;
    private bool _stopped;
    private bool _held;

    private long? _ping;
    private long? _pong;
    private UInt128 _unknown;
    private bool _goAway;
    private bool _rotate;
    private (CloseReason Reason, string Text)? _close;

    /// <summary>The most that <see cref="WriteSessionFrames"/> writes but for UNKNOWN answers: pick buffers larger.</summary>
    public const int MaxSessionFramesBytes = 2 * (LinkFrame.HeaderBytes + 8) + 2 * LinkFrame.HeaderBytes + 128 * (LinkFrame.HeaderBytes + 1)
        + LinkFrame.HeaderBytes + 2 + LinkFrame.MaxTextBytes;

    public LinkOutbox() => _onTurn = OnTurn;

    public void EnqueueControl(LinkStream stream)
    {
        lock (_gate)
        {
            if (stream.InControlQueue)
                return;
            stream.InControlQueue = true;
            _control.Enqueue(stream);
            if (!_held)
                Wake();
        }
    }

    /// <summary>
    /// A stream whose OPEN is to be sent for the first time; called in ascending order of id. While streams are held, those of the old epoch go first.
    /// </summary>
    public void EnqueueOpen(LinkStream stream)
    {
        lock (_gate)
        {
            if (_held)
                _late.Add(stream);
            else
                EnqueueControl(stream);
        }
    }

    public void EnqueueData(LinkStream stream)
    {
        lock (_gate)
        {
            if (stream.InDataQueue)
                return;
            stream.InDataQueue = true;
            _data.Enqueue(stream);
        }
    }

    /// <summary>
    /// Follows <see cref="EnqueueData"/> when no lock is held any more, except by the writer. It goes on with the next turn, so that one batch takes all that is
    /// ready; or here and now for a stream that is alone in its session, with which nothing else could come.
    /// </summary>
    public void WakeWriter(bool isAlone)
    {
        lock (_gate)
        {
            if (!_waiting || _held || _data.Count == 0)
                return;
            if (!isAlone)
            {
                Wake();
                return;
            }

            _waiting = false;
        }

        GoOn(elsewhere: false);
    }

    /// <summary>The next stream: one with frames that go ahead of data before any other, so that an OPEN is always sent before its stream's DATA.</summary>
    public bool TryTake(out LinkStream stream, out bool control)
    {
        lock (_gate)
        {
            control = false;
            stream = null!;
            if (_held)
                return false;
            if (_control.TryDequeue(out stream!))
            {
                stream.InControlQueue = false;
                control = true;
                return true;
            }

            if (!_data.TryDequeue(out stream!))
                return false;
            stream.InDataQueue = false;
            return true;
        }
    }

    public void Ping(long mark) => Set(() => _ping = mark);

    /// <summary>Only the newest PING is answered: endless ones cost one PONG for each batch.</summary>
    public void Pong(long mark) => Set(() => _pong = mark);

    /// <summary>Answers a frame of unknown type, once for each type until the answer is sent.</summary>
    public void Unknown(byte type) => Set(() => _unknown |= UInt128.One << type);

    public void GoAway() => Set(() => _goAway = true);

    public void Rotate() => Set(() => _rotate = true);

    /// <summary>The last frame of the session.</summary>
    public void Close(CloseReason reason, string text) => Set(() => _close ??= (reason, text));

    /// <summary>Writes the session's own frames; <paramref name="isLast"/> when one of them was CLOSE.</summary>
    public int WriteSessionFrames(Span<byte> to, out bool isLast)
    {
        lock (_gate)
        {
            var length = 0;
            isLast = false;
            if (_pong is { } pong)
                length += LinkFrame.WriteNumber(to[length..], LinkFrameType.Pong, 0, pong);
            if (_ping is { } ping)
                length += LinkFrame.WriteNumber(to[length..], LinkFrameType.Ping, 0, ping);
            if (_goAway)
                length += LinkFrame.WriteEmpty(to[length..], LinkFrameType.GoAway, 0);
            if (_rotate)
                length += LinkFrame.WriteEmpty(to[length..], LinkFrameType.Rotate, 0);
            for (byte type = 0; _unknown != 0; type++, _unknown >>= 1)
            {
                if ((_unknown & 1) != 0)
                    length += LinkFrame.WriteUnknown(to[length..], type);
            }

            if (_close is { } close)
            {
                length += LinkFrame.WriteReason(to[length..], LinkFrameType.Close, 0, close.Reason, close.Text);
                isLast = true;
            }

            (_pong, _ping, _goAway, _rotate) = (null, null, false, false);
            return length;
        }
    }

    /// <summary>Completes when something may be due, or after <see cref="Stop"/>. One caller at a time.</summary>
    public ValueTask WaitAsync()
    {
        lock (_gate)
        {
            if (_stopped || IsDue)
                return ValueTask.CompletedTask;
            _waiting = true;
            _wait.Reset();
            return new ValueTask(this, _wait.Version);
        }
    }

    /// <summary>
    /// A transport begins, whose writer goes on in turns of <paramref name="turn"/>. With <paramref name="held"/> the streams wait for <see cref="Restart"/>. What was owed to
    /// the old one is void.
    /// </summary>
    public void Begin(EngineTurn turn, bool held)
    {
        lock (_gate)
        {
            (_turn, _called) = (turn, false);
            (_stopped, _held) = (false, held || _held);
            (_pong, _ping, _unknown, _rotate) = (null, null, 0, false);
        }
    }

    /// <summary>The peer's KNOWN is complete: <paramref name="requeue"/> puts every stream that has something due into empty queues, in ascending order of id.</summary>
    public void Restart(Action requeue)
    {
        lock (_gate)
        {
            foreach (var stream in _control)
                stream.InControlQueue = false;
            foreach (var stream in _data)
                stream.InDataQueue = false;
            _control.Clear();
            _data.Clear();
        }

        requeue();
        lock (_gate)
        {
            _held = false;
            _late.ForEach(EnqueueControl);
            _late.Clear();
            Wake();
        }
    }

    /// <summary>The transport is over.</summary>
    public bool IsStopped => Volatile.Read(ref _stopped);

    /// <summary>The transport is over: its writer must not wait any longer.</summary>
    public void Stop()
    {
        lock (_gate)
        {
            _stopped = true;
            if (!_waiting)
                return;
            _waiting = false;
        }

        GoOn(elsewhere: true);
    }

    private bool IsDue => (!_held && (_control.Count > 0 || _data.Count > 0)) || _ping is not null || _pong is not null || _unknown != 0 || _goAway || _rotate || _close is not null;

    private void Set(Action change)
    {
        lock (_gate)
        {
            change();
            Wake();
        }
    }

    private void Wake()
    {
        if (!_waiting || _called)
            return;
        _called = true;
        _turn!.Post(_onTurn);
    }

    private void OnTurn()
    {
        lock (_gate)
        {
            _called = false;
            if (!_waiting)
                return;
            _waiting = false;
        }

        GoOn(elsewhere: false);
    }

    private void GoOn(bool elsewhere)
    {
        _wait.RunContinuationsAsynchronously = elsewhere;
        _wait.SetResult(true);
    }

    void IValueTaskSource.GetResult(short token) => _wait.GetResult(token);

    ValueTaskSourceStatus IValueTaskSource.GetStatus(short token) => _wait.GetStatus(token);

    void IValueTaskSource.OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _wait.OnCompleted(continuation, state, token, flags);
}
