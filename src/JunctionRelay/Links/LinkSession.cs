using System.Diagnostics.CodeAnalysis;
using System.Net;
using JunctionRelay.Connections;

namespace JunctionRelay.Links;

/// <summary>
/// What two junctions share over a link, and what outlives its connections: the streams, the budgets, the epoch. This file is its life: streams opened,
/// transports that come and go, the end. What frames do to it stands in <c>LinkSession.Frames.cs</c>.
/// </summary>
/// <remarks>Locks: a stream's gate, then <see cref="_gate"/>, then the outbox's; never the other way round.</remarks>
[SuppressMessage("Design", "CA1001:Types that own disposable fields should be disposable", Justification = "a SemaphoreSlim whose wait handle is never asked for holds nothing")]
internal sealed partial class LinkSession
{
    // Near the end of the numbers a new session must take new streams.
    private const uint LastId = uint.MaxValue - 1024;

    private readonly LinkOptions _options;
    private readonly LinkListener? _listener;
    private readonly Lock _gate = new();
    private readonly SemaphoreSlim _switching = new(1);
    private readonly Dictionary<uint, LinkStream> _streams = [];
    private readonly List<LinkStream> _sweep = [];
    private readonly List<LinkStream> _starved = [];
    private readonly ITimer _sweepTimer;
    private readonly ITimer _holdTimer;
    private readonly ITimer _resumeTimer;
    private readonly TaskCompletionSource<CloseReason> _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly uint _firstId;
    private TaskCompletionSource _troubled = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private TaskCompletionSource _rotation = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private TaskCompletionSource<TimeSpan>? _nextPong;   // shared by all who ask at once
    private LinkTransport? _transport;
    private uint _nextId;
    private int _openedByUs;
    private int _openedByPeer;
    private bool _isDown;
    private long _downSince;
    private long _peerDrainsSince;
    private bool _refusesOpens;
    private bool _isEnded;
    private long? _retiredAt;
    private long _savedBytes;

    /// <param name="id">As the acceptor chose it.</param>
    /// <param name="isDialler">We dialled.</param>
    /// <param name="options">What we are and grant.</param>
    /// <param name="hello">The peer's first HELLO: what it is and grants.</param>
    /// <param name="peer">Who the peer is by its certificate.</param>
    /// <param name="listener">Who takes the streams that the peer opens; null refuses all.</param>
    public LinkSession(Guid id, bool isDialler, LinkOptions options, LinkHello hello, PeerIdentity? peer, LinkListener? listener)
    {
        (Id, IsDialler, _options, _listener) = (id, isDialler, options, listener);
        (PeerParty, Peer, PeerLimits, Limits, Time) = (hello.Party, peer, hello.Limits, options.Limits, options.Time);
        Features = options.Features & hello.Features;
        Resume = TimeSpan.FromMilliseconds(Math.Min(Limits.ResumeMilliseconds, PeerLimits.ResumeMilliseconds));
        _firstId = isDialler ? 1u : 2u;
        _nextId = _firstId;
        ReceiveBudget = new LinkBudget(options.BudgetBytes);
        SendBudget = new LinkBudget(options.BudgetBytes);
        _sweepTimer = Time.CreateTimer(static session => ((LinkSession)session!).OnSweep(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        _holdTimer = Time.CreateTimer(static session => ((LinkSession)session!).OnHoldExpired(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        _resumeTimer = Time.CreateTimer(static session => ((LinkSession)session!).End(CloseReason.LinkLost), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    public Guid Id { get; }

    public bool IsDialler { get; }

    /// <summary>Instance and generation of the other end; its name is in <see cref="Peer"/>.</summary>
    public LinkParty PeerParty { get; }

    /// <summary>Who the peer is by the certificate of its newest connection.</summary>
    public PeerIdentity? Peer { get; private set; }

    public LinkLimits Limits { get; }

    public LinkLimits PeerLimits { get; }

    /// <summary>What both ends can do.</summary>
    public LinkFeatures Features { get; }

    /// <summary>Bytes that compression has kept off the link, in both directions.</summary>
    public long SavedBytes => Volatile.Read(ref _savedBytes);

    /// <summary>How long the streams live without a transport.</summary>
    public TimeSpan Resume { get; }

    public TimeProvider Time { get; }

    public LinkSegmentPool Segments { get; } = new();

    public LinkBudget ReceiveBudget { get; }

    public LinkBudget SendBudget { get; }

    public LinkOutbox Outbox { get; } = new();

    /// <summary>The epoch of the newest transport that was admitted.</summary>
    public uint Epoch { get; private set; } = 1;

    /// <summary>Times that the session went on over a new transport.</summary>
    public int Resumes { get; private set; }

    /// <summary>The measured round trip; zero until the first PONG.</summary>
    public TimeSpan RoundTrip { get; private set; }

    /// <summary>The peer opens and takes no more streams here.</summary>
    public bool IsPeerDraining { get; private set; }

    /// <summary>We take no more streams here.</summary>
    public bool IsDraining { get; private set; }

    /// <summary>New streams go over another session, at both ends, as soon as there is one.</summary>
    public bool IsRetired
    {
        get
        {
            lock (_gate)
                return _retiredAt is not null;
        }
    }

    /// <summary>For how long that has been so.</summary>
    public TimeSpan RetiredFor
    {
        get
        {
            lock (_gate)
                return _retiredAt is { } at ? Time.GetElapsedTime(at) : TimeSpan.Zero;
        }
    }

    /// <summary>Called when a transport begins to carry the session; set by the directory that holds it.</summary>
    public Action? OnUp { get; set; }

    /// <summary>The streams that the peer holds, here and in the other sessions with it: shared by the directory, before the first transport.</summary>
    public PeerStreams HeldByPeer { get; set; } = new();

    /// <summary>
    /// How long a new connection may still wait: for a transport that was lost a moment ago, or for another session when the peer began to drain a moment ago. Zero
    /// when there is nothing to wait for, or after <see cref="LinkOptions.HoldOpens"/> or <see cref="LinkOptions.HoldOpensWhileDraining"/>.
    /// </summary>
    public TimeSpan HoldLeft
    {
        get
        {
            lock (_gate)
            {
                // A peer that drains may close a session that carries nothing before its successor has one: that is waited for all the same.
                if (!IsPeerDraining && (_isEnded || !_isDown)) return TimeSpan.Zero;
                var left = IsPeerDraining ? _options.HoldOpensWhileDraining - Time.GetElapsedTime(_peerDrainsSince) : _options.HoldOpens - Time.GetElapsedTime(_downSince);
                return left > TimeSpan.Zero ? left : TimeSpan.Zero;
            }
        }
    }

    /// <summary>How long the session has been without a transport.</summary>
    public TimeSpan DownFor
    {
        get
        {
            lock (_gate)
                return _isDown ? Time.GetElapsedTime(_downSince) : TimeSpan.Zero;
        }
    }

    /// <summary>Completes when the transport is lost, the peer drains, or the session ends; anew with each transport.</summary>
    public Task Troubled => Volatile.Read(ref _troubled).Task;

    /// <summary>Completes with the reason when the session has ended.</summary>
    public Task<CloseReason> Ended => _ended.Task;

    public bool IsEnded => Volatile.Read(ref _isEnded);

    /// <summary>There is a transport, and streams may be opened.</summary>
    public bool IsUp
    {
        get
        {
            lock (_gate)
                return _transport is not null && !_isEnded;
        }
    }

    /// <summary>A stream opened now has a chance: there is a transport, or there was one a moment ago.</summary>
    public bool TakesStreams
    {
        get
        {
            lock (_gate)
                return !_isEnded && !_refusesOpens && !IsPeerDraining;
        }
    }

    /// <summary>Where the peer's newest connection comes from, or goes to.</summary>
    public EndPoint? RemoteEndPoint { get; private set; }

    public int StreamCount
    {
        get
        {
            lock (_gate)
                return _streams.Count;
        }
    }

    /// <summary>Opens a stream; its OPEN and the first bytes travel together. Without a transport it waits for <see cref="LinkOptions.HoldOpens"/>.</summary>
    public bool TryOpen(LinkOpen open, [NotNullWhen(true)] out LinkStream? stream, out CloseReason refused)
    {
        stream = null;
        refused = CloseReason.LinkDown;
        if (open.Problem() is { } problem)
            throw new ArgumentException(problem, nameof(open));
        if (!Features.HasFlag(LinkFeatures.Compression))
            open = open with { IsCompressed = false };
        lock (_gate)
        {
            if (_isEnded || _refusesOpens || IsPeerDraining || _nextId >= LastId)
                return false;
            refused = CloseReason.TooManyStreams;
            // What junctions do for themselves, such as the renewal of a certificate, must not wait for a job to end.
            if ((_openedByUs >= PeerLimits.MaxStreams && !open.IsOwn) || Reserve(open.IsCompressed) is not { } reserve)
                return false;
            // Number and place in the queue are given together: OPENs must travel in ascending order.
            stream = new LinkStream(this, _nextId, opener: true, open, reserve);
            _nextId += 2;
            _openedByUs++;
            _streams.Add(stream.Id, stream);
            Outbox.EnqueueOpen(stream);
            return true;
        }
    }

    /// <summary>An epoch that a resuming dialler named: admitted when it is greater than any before.</summary>
    public bool TryAdmit(uint epoch)
    {
        lock (_gate)
        {
            if (_isEnded || epoch <= Epoch)
                return false;
            Epoch = epoch;
            return true;
        }
    }

    /// <summary>Stops the transport that is there, if any: no frame of it is applied after this.</summary>
    public async Task StopTransportAsync()
    {
        LinkTransport? transport;
        lock (_gate)
            transport = _transport;
        if (transport is not null)
            await transport.StopAsync();
    }

    /// <summary>
    /// Lets <paramref name="transport"/> carry the session until it ends. An old one is stopped first; then <paramref name="answer"/>, if any, is sent as HELLO. The
    /// session outlives the transport for <see cref="Resume"/>.
    /// </summary>
    public async Task<LinkTransportEnd> RunAsync(LinkTransport transport, uint epoch, bool isResume, LinkHello? answer = null)
    {
        var (fault, known) = await BeginAsync(transport, epoch, isResume, answer);
        if (fault is not null)
        {
            await transport.DisposeAsync();
            return new LinkTransportEnd(Fault: fault);
        }

        LinkTransportEnd end;
        try
        {
            end = await transport.RunAsync(this, known);
        }
        catch (Exception bug)
        {
            end = new LinkTransportEnd(Fault: bug);
            End(CloseReason.InternalError);
        }

        EndTransport(transport);
        if (end.Violation is not null)
            End(CloseReason.LinkViolation);
        return end;
    }

    /// <summary>Measures one round trip now; waits for as long as the link has no transport.</summary>
    public async Task<TimeSpan> PingAsync(CancellationToken cancellationToken)
    {
        TaskCompletionSource<TimeSpan> pong;
        lock (_gate)
            pong = _nextPong ??= new TaskCompletionSource<TimeSpan>(TaskCreationOptions.RunContinuationsAsynchronously);
        Outbox.Ping(Time.GetTimestamp());
        return await pong.Task.WaitAsync(cancellationToken);
    }

    /// <summary>Tells the peer that no more streams may be opened towards us; those that exist go on.</summary>
    public void Drain()
    {
        IsDraining = true;
        Outbox.GoAway();
    }

    /// <summary>Asks the peer to open its streams elsewhere, as the session is no longer wanted; streams that exist, or are on their way, go on.</summary>
    public void Retire()
    {
        lock (_gate)
            _retiredAt ??= Time.GetTimestamp();
        Outbox.GoAway();
    }

    /// <summary>Ends the session at both ends: every stream is reset with <paramref name="reason"/>.</summary>
    public async Task CloseAsync(CloseReason reason, string text)
    {
        Outbox.Close(reason, text);
        LinkTransport? transport;
        lock (_gate)
            transport = _transport;
        End(reason);
        if (transport is null)
            return;
        // The writer ends by itself after CLOSE; a peer that does not read is not waited for.
        var grace = Task.Delay(TimeSpan.FromSeconds(1), Time);
        await Task.WhenAny(transport.Stopped, grace);
        await transport.StopAsync();
    }

    /// <summary>Ends the session here: every stream is reset.</summary>
    public void End(CloseReason reason)
    {
        List<LinkStream> streams;
        lock (_gate)
        {
            if (_isEnded)
                return;
            _isEnded = true;
            streams = [.. _streams.Values];
            _streams.Clear();
        }

        foreach (var stream in streams)
        {
            stream.CountedIn?.GiveBack();
            stream.Lose(reason);
        }

        Outbox.Close(reason, "");
        _sweepTimer.Dispose();
        _holdTimer.Dispose();
        _resumeTimer.Dispose();
        _ended.TrySetResult(reason);
        Volatile.Read(ref _troubled).TrySetResult();
    }

    /// <summary>Completes when the TLS connection should be replaced; a new request may follow.</summary>
    public Task RotationRequested => Volatile.Read(ref _rotation).Task;

    /// <summary>The TLS connection has carried enough, or its certificates have changed: the dialler makes a new one, the acceptor asks for it.</summary>
    public void RequestRotation()
    {
        if (IsDialler)
            Volatile.Read(ref _rotation).TrySetResult();
        else
            Outbox.Rotate();
    }

    // One change of transports at a time.
    private async Task<(Exception? Fault, List<(uint, KnownStream)>? Known)> BeginAsync(LinkTransport transport, uint epoch, bool isResume, LinkHello? answer)
    {
        await _switching.WaitAsync();
        try
        {
            await StopTransportAsync();
            lock (_gate)
            {
                if (_isEnded || epoch != Epoch)
                    return (new IOException($"epoch {epoch} was overtaken by {Epoch}, or the session has ended"), null);
            }

            // A connection on which the answer does not arrive was none; the peer comes again.
            if (answer is not null)
                await transport.WriteHelloAsync(answer);
            var known = isResume ? State() : null;
            BeginTransport(transport, isResume);
            OnUp?.Invoke();
            return (null, known);
        }
        catch (IOException broken)
        {
            return (broken, null);
        }
        finally
        {
            _switching.Release();
        }
    }

    /// <summary>A block was shorter by this than what it holds.</summary>
    public void HasSaved(int bytes) => Interlocked.Add(ref _savedBytes, bytes);

    private (int Send, int Receive)? Reserve(bool isCompressed)
    {
        var (send, receive) = (_options.InitialWindow, _options.InitialWindow + (isCompressed ? DecompressingReader.MostPlainBytes : 0));
        if (!SendBudget.TryReserve(send))
            return null;
        if (ReceiveBudget.TryReserve(receive))
            return (send, receive);
        SendBudget.Return(send, 0);
        return null;
    }

    /// <summary>All streams, in ascending order of id.</summary>
    private List<LinkStream> Streams()
    {
        lock (_gate)
            return [.. _streams.Values.OrderBy(stream => stream.Id)];
    }

    private void BeginTransport(LinkTransport transport, bool isResume)
    {
        lock (_gate)
        {
            _transport = transport;
            // It may have come by another way.
            RoundTrip = TimeSpan.Zero;
            RemoteEndPoint = transport.RemoteEndPoint;
            Peer = transport.Peer;
            (_isDown, _refusesOpens) = (false, false);
            if (_troubled.Task.IsCompleted && !_isEnded && !IsPeerDraining)
                _troubled = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            BeginEpoch(isResume);
            if (isResume)
                Resumes++;
            if (_rotation.Task.IsCompleted)
                _rotation = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            if (IsDraining || _retiredAt is not null)
                Outbox.GoAway();
            if (_isEnded)
                return;
            _holdTimer.Change(Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
            _resumeTimer.Change(Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        }
    }

    private void EndTransport(LinkTransport transport)
    {
        lock (_gate)
        {
            if (_transport != transport)
                return;
            _transport = null;
            if (_isEnded)
                return;
            (_isDown, _downSince) = (true, Time.GetTimestamp());
            _holdTimer.Change(_options.HoldOpens, Timeout.InfiniteTimeSpan);
            _resumeTimer.Change(Resume, Timeout.InfiniteTimeSpan);
        }

        Volatile.Read(ref _troubled).TrySetResult();
    }

    private void OnHoldExpired()
    {
        lock (_gate)
        {
            if (!_isDown)
                return;
            _refusesOpens = true;
        }

        foreach (var stream in Streams().Where(stream => stream.AwaitsOpen))
            stream.Abort(CloseReason.LinkDown);
    }
}
