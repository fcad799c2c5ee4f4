using System.IO.Pipelines;
using System.Net;
using JunctionRelay.Connections;

namespace JunctionRelay.Links;

/// <summary>
/// One relayed connection inside a link. This file is its face as a <see cref="Connection"/>; what the link does with it stands in
/// <c>LinkStream.Frames.cs</c>, the rules in <see cref="StreamLedger"/>, the bytes in its input and output.
/// </summary>
/// <remarks>
/// Locks: everything of a stream is guarded by <see cref="Gate"/>; the session's own locks may be taken inside it, never the other way round.
/// The object outlives its owner's interest: the session keeps it until both ends have settled it.
/// </remarks>
internal sealed partial class LinkStream : Connection
{
    private readonly LinkStreamInput _input;
    private readonly LinkStreamOutput _output;
    private readonly DecompressingReader? _decompressing;
    private readonly CompressingWriter? _compressing;
    private int _plainReserve;
    private TaskCompletionSource? _drained;
    private TaskCompletionSource? _answered;
    private CloseReason? _broken;
    private bool _brokenByPeer;
    private readonly bool _isHeld;

    /// <param name="session">The session that carries the stream.</param>
    /// <param name="id">Its number in the session.</param>
    /// <param name="opener">We open it.</param>
    /// <param name="open">What its OPEN says.</param>
    /// <param name="reserve">What the stream has reserved from both budgets; 0 for one that is refused at once.</param>
    public LinkStream(LinkSession session, uint id, bool opener, LinkOpen open, (int Send, int Receive) reserve)
    {
        (Session, Id, Open, _isHeld) = (session, id, open, open.IsHeld);
        // Of a held stream the first credit is the answer.
        Ledger = new StreamLedger(
            opener, opener && open.IsHeld ? 0 : session.PeerLimits.InitialWindow, !opener && open.IsHeld ? 0 : session.Limits.InitialWindow);
        _plainReserve = open.IsCompressed && reserve.Receive > 0 ? DecompressingReader.MostPlainBytes : 0;
        _input = new LinkStreamInput(this, session.Segments, reserve.Receive - _plainReserve);
        _output = new LinkStreamOutput(this, session.Segments, reserve.Send);
        if (!open.IsCompressed)
            return;
        _decompressing = new DecompressingReader(this, _input);
        // The peer withholds credit for less than a quarter of its window: so much always fits.
        _compressing = new CompressingWriter(this, _output, (int)(session.PeerLimits.InitialWindow / 4 * 3));
    }

    public LinkSession Session { get; }

    /// <summary>Where it counts among those that the peer holds; null where it does not.</summary>
    public StreamCount? CountedIn { get; init; }

    public uint Id { get; }

    /// <summary>Service, connection id and path, as the opener said them; <see cref="LinkOpen.Forgotten"/> once they were heard.</summary>
    public LinkOpen Open { get; private set; }

    public override PipeReader Input => _decompressing ?? (PipeReader)_input;

    public override PipeWriter Output => _compressing ?? (PipeWriter)_output;

    public override EndPoint? LocalEndPoint => null;

    /// <summary>Where the peer's TLS connection comes from; the client behind it is in <see cref="Open"/>.</summary>
    public override EndPoint? RemoteEndPoint => Session.RemoteEndPoint;

    public override PeerIdentity? Peer => Session.Peer;

    /// <summary>Links speak no other.</summary>
    public override string? TlsVersion => "TLSv1.3";

    /// <summary>Guards the stream.</summary>
    public Lock Gate { get; } = new();

    /// <summary>The text that came with the peer's reset, for logs.</summary>
    public string? ResetText { get; private set; }

    /// <summary>The stream was reset, by either side, or lost with its session.</summary>
    public bool IsOver => _broken is not null;

    public override ValueTask CompleteOutputAsync()
    {
        EndOutput();
        return ValueTask.CompletedTask;
    }

    /// <summary>Our direction ends after what was written. Idempotent.</summary>
    public void EndOutput()
    {
        lock (Gate)
        {
            if (IsOver || Ledger.Ended)
                return;
            _compressing?.Commit();
            _output.Commit();
            Ledger.Ended = true;
            Session.EnqueueData(this);
        }

        Session.WakeWriter();
    }

    /// <summary>Whoever took the stream has heard what the opener said: a stream lives for hours, and need not keep it.</summary>
    public void ForgetOpen() => Open = LinkOpen.Forgotten;

    /// <summary>The target of a held stream is reached: the opener may send. Of a stream that is not held nobody waits for this.</summary>
    public void Answer()
    {
        lock (Gate)
        {
            if (!_isHeld || IsOver || Ledger.Limit > 0)
                return;
            Ledger.Limit = Session.Limits.InitialWindow;
            Session.EnqueueControl(this);
        }
    }

    /// <summary>Completes when the taker of a stream that we hold has reached the target, and throws what a read of a broken stream throws when it has not.</summary>
    public async Task WhenAnswered()
    {
        var answered = Task.CompletedTask;
        lock (Gate)
        {
            // Goes on where the answer was read, as readers do.
            if (!IsOver && Ledger.PeerLimit == 0)
                answered = (_answered ??= new TaskCompletionSource()).Task;
        }

        await answered;
        lock (Gate)
            ThrowIfBroken();
    }

    public override async ValueTask DrainOutputAsync(TimeSpan limit)
    {
        Task drained;
        lock (Gate)
        {
            if (IsOver || Ledger.PeerDelivered >= Ledger.Written)
                return;
            drained = (_drained ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)).Task;
        }

        try
        {
            await drained.WaitAsync(limit, Session.Time);
        }
        catch (TimeoutException)
        {
            // The peer is slow or gone: what follows is a reset anyway.
        }
    }

    public override void Abort(CloseReason reason) => Abort(reason, text: null);

    /// <summary>Resets the stream; <paramref name="text"/> tells people at the other end more than the reason can.</summary>
    public void Abort(CloseReason reason, string? text)
    {
        lock (Gate)
        {
            if (IsOver || IsDone)
                return;
            Ledger.Reset = true;
            ResetText = text;
            Break(reason, byPeer: false);
            if (Ledger.Vanishes)
                Forget();
            else
                Session.EnqueueControl(this);
        }
    }

    public override ConnectionFault? Probe(TimeSpan silentAfter)
    {
        lock (Gate)
            return _brokenByPeer ? ConnectionFault.Reset : null;
    }

    public override CloseReason? Told
    {
        get
        {
            lock (Gate)
                return _brokenByPeer ? _broken : null;
        }
    }

    public override ValueTask DisposeAsync()
    {
        Abort(CloseReason.InternalError, "the connection was left before it had ended");
        return ValueTask.CompletedTask;
    }

    /// <summary>Throws what a read or a write of a broken stream throws. Under the lock.</summary>
    public void ThrowIfBroken()
    {
        if (_broken is { } reason)
            throw new ConnectionBrokenException(ConnectionFault.Reset, reason, ResetText ?? "");
    }

    // Both directions have ended for our side; the session still delivers what is on the way.
    private bool IsDone => Ledger.Ended && Ledger.PeerEnded && Ledger.Delivered == Ledger.Received;

    private void Break(CloseReason reason, bool byPeer)
    {
        (_broken, _brokenByPeer) = (reason, byPeer);
        Clear();
        _input.Wake();
        _drained?.TrySetResult();
        if (_answered is { } answered)
            ThreadPool.UnsafeQueueUserWorkItem(static answered => answered.TrySetResult(), answered, preferLocal: false);
    }

    // Memory and budgets go back.
    private void Clear()
    {
        _input.Clear();
        _output.Clear();
        Session.ReceiveBudget.Return(_plainReserve, 0);
        _plainReserve = 0;
    }
}
