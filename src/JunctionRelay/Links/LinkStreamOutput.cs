using System.IO.Pipelines;
using System.Threading.Tasks.Sources;
using JunctionRelay.Connections;

namespace JunctionRelay.Links;

/// <summary>
/// What we send on one stream. Bytes are copied (or received by the caller straight) into memory that is kept until the peer has them; a writer waits
/// for credit, for room and for the link to send what it wrote before. All state under the stream's lock; a write that waits allocates nothing.
/// </summary>
internal sealed class LinkStreamOutput : PipeWriter, IValueTaskSource<FlushResult>
{
    /// <summary>Written and not yet sent, per stream: enough to fill the next batch, no queue on top of the peer's window.</summary>
    private const int MostUnsentBytes = 128 * 1024;

    /// <summary>What is taken from the link's budget at a time.</summary>
    private const int BudgetStep = 64 * 1024;

    private readonly LinkStream _stream;
    private readonly int _reserve;
    private long _share;
    private ManualResetValueTaskSourceCore<FlushResult> _wait;
    private CancellationTokenRegistration _registration;
    private ReadOnlyMemory<byte> _source;
    private int _filled;
    private bool _waiting;
    private bool _cancelled;
    private bool _cleared;

    /// <param name="stream">The stream that this is the output of.</param>
    /// <param name="pool">Where segments come from.</param>
    /// <param name="reserve">The bytes that the stream has reserved from the sending budget.</param>
    public LinkStreamOutput(LinkStream stream, LinkSegmentPool pool, int reserve)
    {
        _stream = stream;
        Retained = new RetainedBytes(pool);
        _share = _reserve = reserve;
    }

    /// <summary>What was written and the peer has not acknowledged.</summary>
    public RetainedBytes Retained { get; }

    private LinkBudget Budget => _stream.Session.SendBudget;

    public override ValueTask<FlushResult> WriteAsync(ReadOnlyMemory<byte> source, CancellationToken cancellationToken = default)
    {
        if (cancellationToken.IsCancellationRequested)
            return ValueTask.FromCanceled<FlushResult>(cancellationToken);
        ValueTask<FlushResult> written = default;
        lock (_stream.Gate)
        {
            Commit();
            _source = source;
            Append();
            if (!_source.IsEmpty || _cancelled)
                written = Wait(cancellationToken);
        }

        _stream.Session.WakeWriter();
        return written;
    }

    public override Memory<byte> GetMemory(int sizeHint = 0)
    {
        lock (_stream.Gate)
        {
            // Nothing that is written to a broken stream goes anywhere, but PipeWriter promises memory.
            if (_cleared)
                return new byte[Math.Max(sizeHint, 1)];
            // What was advanced already belongs to the stream, so that the next memory may lie elsewhere.
            Retained.Fill(_filled);
            _stream.Ledger.Written += _filled;
            _filled = 0;
            return Retained.Room(sizeHint);
        }
    }

    public override Span<byte> GetSpan(int sizeHint = 0) => GetMemory(sizeHint).Span;

    public override void Advance(int bytes) => _filled += bytes;

    public override ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default)
    {
        if (cancellationToken.IsCancellationRequested)
            return ValueTask.FromCanceled<FlushResult>(cancellationToken);
        ValueTask<FlushResult> flushed = default;
        lock (_stream.Gate)
        {
            Commit();
            if (!HasRoom() || _cancelled)
                flushed = Wait(cancellationToken);
        }

        _stream.Session.WakeWriter();
        return flushed;
    }

    public override void CancelPendingFlush()
    {
        lock (_stream.Gate)
        {
            _cancelled = true;
            if (_waiting)
                Finish();
        }
    }

    /// <summary>A clean end, or with an exception an abort.</summary>
    public override void Complete(Exception? exception = null)
    {
        if (exception is null)
            _stream.EndOutput();
        else
            _stream.Abort(CloseReason.InternalError);
    }

    /// <summary>Writes that <see cref="GetMemory"/> began belong to the stream now. Under the lock.</summary>
    public void Commit()
    {
        if (_stream.IsOver)
        {
            _filled = 0;
            _stream.ThrowIfBroken();
        }

        if (_stream.Ledger.Ended)
            throw new InvalidOperationException("the output of this stream has ended");
        if (_cleared)
            return;
        Retained.Fill(_filled);
        _stream.Ledger.Written += _filled;
        _filled = 0;
        if (_stream.Ledger.DataDue > 0)
            _stream.Session.EnqueueData(_stream);
    }

    /// <summary>A write waits for credit, for memory, or for the link to send what was written before. Any thread may look.</summary>
    public bool IsWaiting => Volatile.Read(ref _waiting);

    /// <summary>
    /// Credit, memory or the link's progress may let a waiting write go on: what has room is taken over, and who waited goes on, here and now. Not under any
    /// lock; the caller wakes the link's writer.
    /// </summary>
    public void Continue()
    {
        lock (_stream.Gate)
        {
            if (!_waiting || _cleared)
                return;
            Append();
            if (!_source.IsEmpty || !HasRoom())
                return;
            _waiting = false;
        }

        _wait.RunContinuationsAsynchronously = false;
        _wait.SetResult(default);
    }

    /// <summary>The peer has acknowledged: its bytes and their part of the budget go back. Under the lock.</summary>
    public void Acknowledged()
    {
        if (_cleared)
            return;
        var ledger = _stream.Ledger;
        Retained.Forget(ledger.PeerReceived);
        var held = Math.Max(0, ledger.Written - ledger.PeerReceived);
        var excess = _share - Math.Max(_reserve, held + BudgetStep);
        if (excess >= BudgetStep)
        {
            _share -= excess;
            Budget.Return(0, excess);
        }
    }

    /// <summary>The stream is over: memory and budget go back. Under the lock.</summary>
    public void Clear()
    {
        if (_cleared)
            return;
        _cleared = true;
        _source = default;
        Retained.Clear();
        Budget.Return(_reserve, _share - _reserve);
        _share = 0;
        if (_waiting)
            Finish();
    }

    private void Append()
    {
        var before = _source.Length;
        while (!_source.IsEmpty)
        {
            ref var ledger = ref _stream.Ledger;
            var room = Math.Min(ledger.PeerLimit - ledger.Written, MostUnsentBytes - (ledger.Written - ledger.Sent));
            var length = (int)Math.Min(_source.Length, Math.Min(room, Allowance()));
            if (length <= 0)
                break;
            Retained.Append(_source.Span[..length]);
            ledger.Written += length;
            _source = _source[length..];
        }

        if (_source.Length != before)
            _stream.Session.EnqueueData(_stream);
    }

    // For FlushAsync: what was written through GetMemory may overshoot by one segment.
    private bool HasRoom()
    {
        ref var ledger = ref _stream.Ledger;
        return ledger.Written <= ledger.PeerLimit && ledger.Written - ledger.Sent <= MostUnsentBytes && Allowance() > 0;
    }

    private long Allowance()
    {
        var held = _stream.Ledger.Written - _stream.Ledger.PeerReceived;
        while (_share <= held)
        {
            if (!Budget.TryGrow(BudgetStep))
            {
                _stream.Session.Starve(_stream);
                break;
            }

            _share += BudgetStep;
        }

        return _share - held;
    }

    private ValueTask<FlushResult> Wait(CancellationToken cancellationToken)
    {
        _waiting = true;
        _wait.Reset();
        if (cancellationToken.CanBeCanceled)
            _registration = cancellationToken.UnsafeRegister(static (state, token) => ((LinkStreamOutput)state!).Cancel(token), this);
        if (_cancelled)
            Finish();
        return new ValueTask<FlushResult>(this, _wait.Version);
    }

    private void Finish()
    {
        _waiting = false;
        _source = default;
        var cancelled = _cancelled;
        _cancelled = false;
        _wait.RunContinuationsAsynchronously = true;
        _wait.SetResult(new FlushResult(isCanceled: cancelled, isCompleted: false));
    }

    private void Cancel(CancellationToken token)
    {
        lock (_stream.Gate)
        {
            if (!_waiting)
                return;
            _waiting = false;
            _source = default;
            _wait.RunContinuationsAsynchronously = true;
            _wait.SetException(new OperationCanceledException(token));
        }
    }

    FlushResult IValueTaskSource<FlushResult>.GetResult(short token)
    {
        _registration.Dispose();
        _registration = default;
        lock (_stream.Gate)
        {
            var result = _wait.GetResult(token);
            _stream.ThrowIfBroken();
            return result;
        }
    }

    ValueTaskSourceStatus IValueTaskSource<FlushResult>.GetStatus(short token) => _wait.GetStatus(token);

    void IValueTaskSource<FlushResult>.OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _wait.OnCompleted(continuation, state, token, flags);
}
