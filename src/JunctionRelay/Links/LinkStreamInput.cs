using System.IO.Pipelines;
using System.Threading.Tasks.Sources;
using JunctionRelay.Connections;

namespace JunctionRelay.Links;

/// <summary>What the peer sends on one stream. All state under the stream's lock; a read that waits allocates nothing.</summary>
internal sealed class LinkStreamInput : PipeReader, IValueTaskSource<ReadResult>
{
    private readonly LinkStream _stream;
    private readonly ReceivedBytes _received;
    private StreamWindow _window;
    private ManualResetValueTaskSourceCore<bool> _wait;
    private CancellationTokenRegistration _registration;
    private long _examined;
    private bool _waiting;
    private bool _cancelled;
    private bool _inUse;
    private bool _toldEnd;
    private bool _cleared;

    /// <param name="stream">The stream that this is the input of.</param>
    /// <param name="pool">Where segments come from.</param>
    /// <param name="window">The bytes that the stream has reserved from the receiving budget: its first window.</param>
    public LinkStreamInput(LinkStream stream, LinkSegmentPool pool, int window)
    {
        _stream = stream;
        _received = new ReceivedBytes(pool);
        _window = new StreamWindow(window, stream.Session.Time.GetTimestamp());
    }

    /// <summary>Bytes have come; <see cref="Continue"/> follows. Under the lock.</summary>
    public void Append(ReadOnlySpan<byte> bytes) => _received.Append(bytes);

    /// <summary>A read that waits for what has come goes on, here and now. Not under any lock.</summary>
    public void Continue()
    {
        lock (_stream.Gate)
        {
            // Whoever read meanwhile, on another thread, may have taken it already and waits for more.
            if (!_waiting || !HasNews)
                return;
            _waiting = false;
        }

        _wait.RunContinuationsAsynchronously = false;
        _wait.SetResult(true);
    }

    /// <summary>Something has changed that a waiting read must see: it goes on, elsewhere. Under the lock.</summary>
    public void Wake()
    {
        if (!_waiting)
            return;
        _waiting = false;
        _wait.RunContinuationsAsynchronously = true;
        _wait.SetResult(true);
    }

    /// <summary>A CREDIT is needed now, not with the next sweep. Under the lock.</summary>
    public bool CreditIsUrgent => _stream.Ledger.CreditUrgent(_window.Size);

    /// <summary>The stream is over: memory and budget go back. Under the lock.</summary>
    public void Clear()
    {
        if (_cleared)
            return;
        _cleared = true;
        _received.Clear(inUse: _inUse);
        _window.Release(_stream.Session.ReceiveBudget);
        Wake();
    }

    public override ValueTask<ReadResult> ReadAsync(CancellationToken cancellationToken = default)
    {
        if (cancellationToken.IsCancellationRequested)
            return ValueTask.FromCanceled<ReadResult>(cancellationToken);
        lock (_stream.Gate)
        {
            if (TryReadLocked(out var result))
                return new ValueTask<ReadResult>(result);
            _waiting = true;
            _wait.Reset();
            if (cancellationToken.CanBeCanceled)
                _registration = cancellationToken.UnsafeRegister(static (state, token) => ((LinkStreamInput)state!).Cancel(token), this);
            return new ValueTask<ReadResult>(this, _wait.Version);
        }
    }

    public override bool TryRead(out ReadResult result)
    {
        lock (_stream.Gate)
            return TryReadLocked(out result);
    }

    public override void AdvanceTo(SequencePosition consumed) => AdvanceTo(consumed, consumed);

    public override void AdvanceTo(SequencePosition consumed, SequencePosition examined)
    {
        lock (_stream.Gate)
        {
            _inUse = false;
            if (_cleared)
                return;
            _examined = _received.OffsetOf(examined);
            Take(_received.OffsetOf(consumed));
        }
    }

    /// <summary>The first <paramref name="bytes"/> of what is here are delivered, and what follows them is news.</summary>
    public void TakeFirst(long bytes)
    {
        lock (_stream.Gate)
        {
            if (_cleared)
                return;
            _examined = _received.First + bytes;
            Take(_examined);
        }
    }

    public override void CancelPendingRead()
    {
        lock (_stream.Gate)
        {
            _cancelled = true;
            Wake();
        }
    }

    /// <summary>The reader has had enough. What the connection then is, its owner says by <see cref="Connection.Abort"/> or by disposing it.</summary>
    public override void Complete(Exception? exception = null)
    {
    }

    private bool HasNews => _cancelled || _received.End > _examined || _stream.Ledger.PeerEnded;

    private bool TryReadLocked(out ReadResult result)
    {
        _stream.ThrowIfBroken();
        if (HasNews)
        {
            (_inUse, _toldEnd) = (true, _stream.Ledger.PeerEnded);
            result = new ReadResult(_received.All(), isCanceled: _cancelled, isCompleted: _toldEnd);
            _cancelled = false;
            // A reader that is told the end with nothing before it may well never advance.
            if (_toldEnd && result.Buffer.IsEmpty && _stream.Ledger.Delivered != _stream.Ledger.Received)
            {
                _stream.Ledger.Delivered = _stream.Ledger.Received;
                _stream.TellCredit();
            }

            return true;
        }

        result = default;
        return false;
    }

    private void Take(long offset)
    {
        ref var ledger = ref _stream.Ledger;
        ledger.Delivered += _received.Take(offset);
        if (_toldEnd && offset == _received.End)
            ledger.Delivered = ledger.Received;
        else if (!ledger.PeerEnded)
            ledger.Limit = _stream.Session.GrantWindow(ref _window, ledger.Delivered, ledger.Limit);
        _stream.TellCredit();
    }

    private void Cancel(CancellationToken token)
    {
        lock (_stream.Gate)
        {
            if (!_waiting)
                return;
            _waiting = false;
            _wait.RunContinuationsAsynchronously = true;
            _wait.SetException(new OperationCanceledException(token));
        }
    }

    ReadResult IValueTaskSource<ReadResult>.GetResult(short token)
    {
        _registration.Dispose();
        _registration = default;
        lock (_stream.Gate)
        {
            _wait.GetResult(token);
            return TryReadLocked(out var result) ? result : throw new InvalidOperationException("a read was woken for nothing");
        }
    }

    ValueTaskSourceStatus IValueTaskSource<ReadResult>.GetStatus(short token) => _wait.GetStatus(token);

    void IValueTaskSource<ReadResult>.OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _wait.OnCompleted(continuation, state, token, flags);
}
