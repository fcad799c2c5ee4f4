using JunctionRelay.Connections;

namespace JunctionRelay.Links;

/// <summary>What frames do to a session, and what its streams ask of it. Every Apply returns what is wrong with the frame, or null.</summary>
internal sealed partial class LinkSession
{
    /// <summary>Refused streams stay until the peer has answered GONE; a peer that opens on and on without answering breaks the link.</summary>
    private const int MostRefusedStreams = 1024;

    private readonly Dictionary<string, LinkListener> _expected = [];   // under _gate
    private bool _isResuming;
    // What the peer's KNOWN says of the streams that are open here; of others nothing is kept, however many it lists.
    private Dictionary<uint, KnownStream> _peerKnown = [];
    private uint _highestSeen;
    // Streams that something came for; the reading loop's alone.
    private readonly List<LinkStream> _news = [];

    /// <summary>The highest id of the peer's that has been seen.</summary>
    public uint HighestSeen => _highestSeen;

    /// <summary>The peer has not said all of its KNOWN.</summary>
    public bool AwaitsKnown => Volatile.Read(ref _isResuming);

    /// <summary>Frames of a new epoch follow; in one that resumes, KNOWN is the first.</summary>
    public void BeginEpoch(bool isResume) => (_isResuming, _peerKnown) = (isResume, []);

    /// <summary>What our KNOWN says: of every stream what has come. Nothing of the epoch before may come after this.</summary>
    public List<(uint, KnownStream)> State()
    {
        var known = new List<(uint, KnownStream)>();
        foreach (var stream in Streams())
        {
            if (stream.Known() is { } state)
                known.Add((stream.Id, state));
        }

        return known;
    }

    public string? ApplyData(uint id, uint offset, ReadOnlySpan<byte> bytes)
    {
        if (_isResuming)
            return $"DATA of stream {id} before KNOWN";
        return Find(id) is { } stream ? stream.AcceptData(offset, bytes) : $"DATA of stream {id}, which is not open";
    }

    public void ApplyUnknown(byte type) => Outbox.Unknown(type);

    public string? Apply(LinkFrame frame, ReadOnlySpan<byte> payload)
    {
        switch (frame.Type)
        {
            case LinkFrameType.Ping:
                Outbox.Pong(LinkFrame.ReadNumber(payload));
                return null;
            case LinkFrameType.Pong:
                Measure(LinkFrame.ReadNumber(payload));
                return null;
            case LinkFrameType.Unknown:
                return null;
            case LinkFrameType.GoAway:
                lock (_gate)
                {
                    if (!IsPeerDraining)
                        _peerDrainsSince = Time.GetTimestamp();
                    IsPeerDraining = true;
                }

                Volatile.Read(ref _troubled).TrySetResult();
                return null;
            case LinkFrameType.Rotate:
                if (IsDialler)
                    RequestRotation();
                return null;
            case LinkFrameType.Close:
                var (closed, _) = LinkFrame.ReadReason(payload);
                End(closed);
                return null;
            case LinkFrameType.Known:
                return ApplyKnown(payload);
            case LinkFrameType.Hello:
                return "a second HELLO";
        }

        if (_isResuming)
            return $"{frame.Type} of stream {frame.Stream} before KNOWN";
        if (frame.Type == LinkFrameType.Open)
            return ApplyOpen(frame.Stream, payload);
        if (Find(frame.Stream) is not { } stream)
        {
            if (!WasOpened(frame.Stream))
                return $"{frame.Type} of stream {frame.Stream}, which was never opened";
            // It crossed the last word about a stream that is settled; nothing but an END could be lost by that.
            return frame.Type == LinkFrameType.End ? $"END of stream {frame.Stream}, which is not open" : null;
        }

        switch (frame.Type)
        {
            case LinkFrameType.Credit:
                return stream.AcceptCredit(LinkFrame.ReadCredit(payload));
            case LinkFrameType.End:
                return stream.AcceptEnd(LinkFrame.ReadNumber(payload));
            case LinkFrameType.Reset:
                var (reason, text) = LinkFrame.ReadReason(payload);
                return stream.AcceptReset(reason, text);
            default:
                return stream.AcceptGone();
        }
    }

    /// <summary>From now on the peer's streams for <paramref name="service"/> are those of a listener that we asked it for.</summary>
    public void Expect(string service, LinkListener listener)
    {
        lock (_gate)
            _expected[service] = listener;
    }

    /// <summary>And no longer.</summary>
    public void Unexpect(string service)
    {
        lock (_gate)
            _expected.Remove(service);
    }

    private LinkListener? Expecting(LinkOpen open)
    {
        lock (_gate)
            return open.Listen is null ? _expected.GetValueOrDefault(open.Service) : null;
    }

    /// <summary>
    /// Whoever waited for what the last frames brought goes on, here and now: on the thread that serves the sockets, as with a plain connection, and for all
    /// frames that came together. A hop through the thread pool for each costs more than the rest of the way (docs/decisions/0004).
    /// </summary>
    public void TellNews()
    {
        foreach (var stream in _news)
        {
            stream.HasNews = false;
            stream.Continue();
        }

        _news.Clear();
        WakeWriter();
    }

    /// <summary>One stream alone has news, of all that came since <see cref="TellNews"/>.</summary>
    public bool HasOneNews => _news.Count == 1;

    // What streams ask.

    /// <summary>The stream's reader is to go on with <see cref="TellNews"/>. Only from a frame that is being applied.</summary>
    public void HasNews(LinkStream stream)
    {
        if (stream.HasNews)
            return;
        stream.HasNews = true;
        _news.Add(stream);
    }

    /// <summary>Something may be due of a stream. Not under any lock.</summary>
    public void WakeWriter() => Outbox.WakeWriter(isAlone: Volatile.Read(ref _openedByUs) + Volatile.Read(ref _openedByPeer) == 1);

    public void EnqueueControl(LinkStream stream) => Outbox.EnqueueControl(stream);

    public void EnqueueData(LinkStream stream) => Outbox.EnqueueData(stream);

    /// <summary>A CREDIT for <paramref name="stream"/> within <see cref="LinkOptions.SweepInterval"/>.</summary>
    public void Sweep(LinkStream stream)
    {
        lock (_gate)
        {
            if (stream.InSweep || _isEnded)
                return;
            stream.InSweep = true;
            _sweep.Add(stream);
            if (_sweep.Count == 1 && _starved.Count == 0)
                _sweepTimer.Change(_options.SweepInterval, Timeout.InfiniteTimeSpan);
        }
    }

    /// <summary>The stream waits for memory of the sending budget, and tries again with the next sweep.</summary>
    public void Starve(LinkStream stream)
    {
        lock (_gate)
        {
            if (stream.InStarved || _isEnded)
                return;
            stream.InStarved = true;
            _starved.Add(stream);
            if (_starved.Count == 1 && _sweep.Count == 0)
                _sweepTimer.Change(_options.SweepInterval, Timeout.InfiniteTimeSpan);
        }
    }

    /// <summary>The stream is settled or vanishes.</summary>
    public void Remove(LinkStream stream)
    {
        lock (_gate)
        {
            if (!_streams.Remove(stream.Id))
                return;
            if (IsOurs(stream.Id))
                _openedByUs--;
            else
                _openedByPeer--;
            stream.CountedIn?.GiveBack();
        }
    }

    public long GrantWindow(ref StreamWindow window, long delivered, long limit) =>
        window.Grant(delivered, limit, Time, RoundTrip, ReceiveBudget, ReceiveBudget.Bytes / Math.Max(1, _openedByUs + _openedByPeer));

    private void OnSweep()
    {
        LinkStream[] starved;
        lock (_gate)
        {
            foreach (var stream in _sweep)
            {
                stream.InSweep = false;
                Outbox.EnqueueControl(stream);
            }

            _sweep.Clear();
            starved = [.. _starved];
            foreach (var stream in starved)
                stream.InStarved = false;
            _starved.Clear();
        }

        // There may be memory now.
        foreach (var stream in starved)
            stream.Continue();
        WakeWriter();
    }

    private string? ApplyOpen(uint id, ReadOnlySpan<byte> payload)
    {
        if (IsOurs(id) || id <= _highestSeen)
            return $"OPEN of stream {id} after that of {_highestSeen}";
        _highestSeen = id;
        var (open, wrong) = LinkOpen.Read(payload);
        var (refusal, text) = open is null ? (CloseReason.LinkUnsupported, wrong) : Refusal(open);

        LinkStream stream;
        bool isFull;
        lock (_gate)
        {
            if (_isEnded)
                return null;
            if (_openedByPeer >= Limits.MaxStreams + MostRefusedStreams)
                return $"OPEN of stream {id} with {_openedByPeer} open, more than the limit of {Limits.MaxStreams} and {MostRefusedStreams} refused";
            var (held, most) = open?.IsOwn == true ? (HeldByPeer.Own, PeerStreams.MostOwn) : (HeldByPeer.Relayed, Limits.MaxStreams);
            isFull = refusal is null && !held.TryTake(most);
            if (isFull)
                (refusal, text) = (CloseReason.TooManyStreams, $"{most} streams{(held == HeldByPeer.Own ? " of the junctions' own" : "")} are open");
            var counts = refusal is null;
            var reserve = counts ? Reserve(open!.IsCompressed) : (0, 0);
            if (reserve is null)
            {
                held.GiveBack();
                (refusal, text, counts) = (CloseReason.TooManyStreams, "the memory of the link is granted", false);
            }

            stream = new LinkStream(this, id, opener: false, open ?? LinkOpen.Unreadable, reserve ?? (0, 0)) { CountedIn = counts ? held : null };
            _openedByPeer++;
            _streams.Add(id, stream);
        }

        if (isFull)
            TellFull(stream.Open.IsOwn);
        if (refusal is { } reason)
            stream.Abort(reason, text);
        else
            (Expecting(stream.Open) ?? _listener!).Offer(stream);
        // So that the opener learns soon that we have it, and need not keep its OPEN.
        Sweep(stream);
        return null;
    }

    private void TellFull(bool isOwn)
    {
        _listener?.Full?.Invoke();
        if ((isOwn ? HeldByPeer.Own : HeldByPeer.Relayed).IsNews(Time))
            _options.Log.LinkStreamsRefused(Peer?.Name ?? "-", isOwn ? PeerStreams.MostOwn : Limits.MaxStreams, isOwn ? "the most of the junctions' own" : "its maxStreams");
    }

    private (CloseReason? Reason, string? Text) Refusal(LinkOpen open)
    {
        if (open.Path.Contains(_options.Self.Name))
            return (CloseReason.LinkLoop, string.Join(" → ", open.Path) + " → " + _options.Self.Name);
        return _listener is null && Expecting(open) is null ? (CloseReason.NoSuchService, "this end takes no streams") : (null, null);
    }

    private string? ApplyKnown(ReadOnlySpan<byte> payload)
    {
        if (!_isResuming)
            return "KNOWN in an epoch that resumes nothing";
        if (LinkFrame.ReadKnownHeader(payload) is not var (isLast, highest, entries))
            return $"KNOWN with {payload.Length} bytes";
        for (var i = 0; i < entries; i++)
        {
            var (id, state) = LinkFrame.ReadKnownEntry(payload, i);
            if (IsOurs(id) && id >= Volatile.Read(ref _nextId))
                return $"KNOWN lists stream {id}, which was never opened";
            // One that is forgotten here the peer forgets by our KNOWN; one whose OPEN was lost comes again.
            if (Find(id) is not null && !_peerKnown.TryAdd(id, state))
                return $"KNOWN lists stream {id} twice";
        }

        if (!isLast)
            return null;
        var known = _peerKnown;
        _peerKnown = [];
        string? wrong = null;
        Outbox.Restart(() =>
        {
            foreach (var stream in Streams())
                wrong ??= stream.Resume(known.TryGetValue(stream.Id, out var state) ? state : null, seen: !IsOurs(stream.Id) || stream.Id <= highest);
        });
        _isResuming = false;
        return wrong;
    }

    private void Measure(long mark)
    {
        var measured = Time.GetElapsedTime(mark);
        if (measured < TimeSpan.Zero || measured > TimeSpan.FromMinutes(1))
            return;
        TaskCompletionSource<TimeSpan>? asked;
        lock (_gate)
            (asked, _nextPong) = (_nextPong, null);
        asked?.TrySetResult(measured);
        RoundTrip = StreamWindow.Distance(RoundTrip, measured);
    }

    private LinkStream? Find(uint id)
    {
        lock (_gate)
            return _streams.GetValueOrDefault(id);
    }

    private bool IsOurs(uint id) => (id & 1) == (_firstId & 1);

    private bool WasOpened(uint id) => id != 0 && (IsOurs(id) ? id < Volatile.Read(ref _nextId) : id <= _highestSeen);
}
