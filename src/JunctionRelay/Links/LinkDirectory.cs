using JunctionRelay.Connections;

namespace JunctionRelay.Links;

/// <summary>What the sessions with one peer that have ended have counted.</summary>
internal readonly record struct PastSessions(long Resumes, long SavedBytes)
{
    public PastSessions With(LinkSession ended) => new(Resumes + ended.Resumes, SavedBytes + ended.SavedBytes);
}

/// <summary>The live sessions of this junction, by the name that the peer's certificate proved; whoever dialled. Thread-safe.</summary>
internal sealed class LinkDirectory
{
    private readonly Lock _gate = new();
    private readonly List<(string Name, LinkSession Session)> _sessions = [];
    private readonly Dictionary<string, PeerStreams> _held = [];   // of the names that have sessions
    private readonly Dictionary<(string Name, bool IsDialler), PastSessions> _past = [];
    private readonly Dictionary<string, (long Since, TimeSpan Within)> _expected = [];
    private TaskCompletionSource _changed = NewSignal();
    private volatile bool _isDraining;

    /// <summary>No new sessions are taken, and no new streams in those that are there.</summary>
    public bool IsDraining => _isDraining;

    /// <summary>Holds the session until it ends.</summary>
    public void Add(string name, LinkSession session)
    {
        lock (_gate)
        {
            _sessions.Add((name, session));
            if (!_held.TryGetValue(name, out var held))
                _held[name] = held = new PeerStreams();
            session.HeldByPeer = held;
        }

        if (_isDraining)
            session.Drain();
        session.OnUp = Changed;
        _ = RemoveWhenEndedAsync(session);
    }

    /// <summary>
    /// Opens a stream to the peer on its best session. When none has a transport but one lost it a moment ago, or the peer began to drain a moment ago, waits for that
    /// or for another until <see cref="LinkOptions.HoldOpens"/> (<see cref="LinkOptions.HoldOpensWhileDraining"/>) has passed since; likewise for a peer that is expected. Otherwise refuses at once.
    /// </summary>
    public async Task<(LinkStream? Stream, CloseReason Refused)> OpenAsync(string name, LinkOpen open, TimeProvider time, CancellationToken cancellationToken)
    {
        while (true)
        {
            var changed = Change;
            var refused = CloseReason.LinkDown;
            foreach (var session in Find(name))
            {
                if (session.IsUp && session.TryOpen(open, out var stream, out refused))
                    return (stream, default);
            }

            if (HoldLeft(name, time) is not { Ticks: > 0 } hold)
                return (null, refused);
            try
            {
                await changed.WaitAsync(hold, time, cancellationToken);
            }
            catch (TimeoutException)
            {
                return (null, refused);
            }
        }
    }

    /// <summary>Completes when a session has come up or ended.</summary>
    public Task Change
    {
        get
        {
            lock (_gate)
                return _changed.Task;
        }
    }

    /// <summary>Completes when there is a link with the peer.</summary>
    public async Task WhenUpAsync(string name, CancellationToken cancellationToken)
    {
        while (true)
        {
            var changed = Change;
            if (IsUp(name))
                return;
            await changed.WaitAsync(cancellationToken);
        }
    }

    /// <summary>
    /// The sessions with this peer that may take a new stream, the best first: those with a transport before those that lost theirs, those that are retired last of
    /// their kind, and else the least loaded first.
    /// </summary>
    public IReadOnlyList<LinkSession> Find(string name)
    {
        lock (_gate)
        {
            // As a rule there is one, and it is asked for with every connection.
            if (_sessions is [var (only, session)])
                return only == name && !session.IsEnded && !session.IsPeerDraining ? [session] : [];
            return [.. _sessions.Where(s => s.Name == name && !s.Session.IsEnded && !s.Session.IsPeerDraining)
                .Select(s => s.Session)
                .OrderByDescending(s => s.IsUp)
                .ThenBy(s => s.IsRetired)
                .ThenBy(s => s.StreamCount)];
        }
    }

    /// <summary>A session with this peer is about to come up: until then, and for no longer than <paramref name="within"/>, new streams wait for it.</summary>
    public void Expect(string name, TimeSpan within, TimeProvider time)
    {
        lock (_gate)
            _expected[name] = (time.GetTimestamp(), within);
    }

    /// <summary>A stream to this peer has a chance: there is a session for it, or soon will be.</summary>
    public bool TakesStreams(string name, TimeProvider time) => Find(name).Any(s => s.TakesStreams) || HoldLeft(name, time) > TimeSpan.Zero;

    /// <summary>A stream to this peer can be opened without waiting.</summary>
    public bool IsUp(string name)
    {
        lock (_gate)
            return _sessions.Exists(s => s.Name == name && s.Session is { IsUp: true, IsPeerDraining: false });
    }

    /// <summary>Tells the peers to open their streams elsewhere. What is there goes on, and may resume.</summary>
    public void Drain()
    {
        _isDraining = true;
        foreach (var (_, session) in All())
            session.Drain();
    }

    /// <summary>All sessions, for status and metrics.</summary>
    public IReadOnlyList<(string Name, LinkSession Session)> All()
    {
        lock (_gate)
            return [.. _sessions];
    }

    /// <summary>All sessions, and the counts of those that have ended: one look, so that nothing is missed or counted twice.</summary>
    public (IReadOnlyList<(string Name, LinkSession Session)> Sessions, IReadOnlyDictionary<(string Name, bool IsDialler), PastSessions> Past) Snapshot()
    {
        lock (_gate)
            return ([.. _sessions], new Dictionary<(string, bool), PastSessions>(_past));
    }

    /// <summary>The session of this id that <paramref name="name"/> began in this very start of this instance; null for anybody else, so that ids are worth nothing.</summary>
    public LinkSession? FindToResume(Guid id, string name, LinkParty party)
    {
        lock (_gate)
        {
            return _sessions.Find(s => s.Session.Id == id && s.Name == name && !s.Session.IsDialler && !s.Session.IsEnded
                && s.Session.PeerParty.Instance == party.Instance && s.Session.PeerParty.Generation == party.Generation).Session;
        }
    }

    /// <summary>
    /// An instance has come back as a new process: its old sessions hold nothing but ghosts, except those that announced to drain, or whose process lives on beside it. Returns how
    /// many ended.
    /// </summary>
    public int EvictGhosts(string name, LinkParty party)
    {
        LinkSession[] ghosts;
        lock (_gate)
        {
            ghosts = [.. _sessions.Where(s => s.Name == name && party.HasOutlived(s.Session.PeerParty) && !s.Session.IsPeerDraining).Select(s => s.Session)];
        }

        foreach (var ghost in ghosts)
            ghost.End(CloseReason.LinkPeerRestarted);
        return ghosts.Length;
    }

    /// <summary>The dialler of this name and instance has given the session up.</summary>
    public void GiveUp(Guid id, string name, LinkParty party)
    {
        LinkSession? session;
        lock (_gate)
            session = _sessions.Find(s => s.Session.Id == id && s.Name == name && s.Session.PeerParty.Instance == party.Instance).Session;
        session?.End(CloseReason.LinkLost);
    }

    private TimeSpan HoldLeft(string name, TimeProvider time)
    {
        List<LinkSession> sessions;
        var hold = TimeSpan.Zero;
        lock (_gate)
        {
            sessions = [.. _sessions.Where(s => s.Name == name).Select(s => s.Session)];
            if (_expected.TryGetValue(name, out var expected))
                hold = expected.Within - time.GetElapsedTime(expected.Since);
            if (hold <= TimeSpan.Zero)
                _expected.Remove(name);
        }

        return sessions.Select(s => s.HoldLeft).Append(hold).Max();
    }

    private async Task RemoveWhenEndedAsync(LinkSession session)
    {
        await session.Ended;
        lock (_gate)
        {
            var (name, _) = _sessions.Find(s => s.Session == session);
            // Nodes come and go by the thousand; most leave nothing to count.
            if (session.Resumes > 0 || session.SavedBytes > 0)
                _past[(name, session.IsDialler)] = _past.GetValueOrDefault((name, session.IsDialler)).With(session);
            _sessions.RemoveAll(s => s.Session == session);
            if (session.HoldLeft is { Ticks: > 0 } left)
                _expected[name] = (session.Time.GetTimestamp(), left);
            if (!_sessions.Exists(s => s.Name == name))
                _held.Remove(name);
        }

        Changed();
    }

    private void Changed()
    {
        TaskCompletionSource changed;
        lock (_gate)
            (changed, _changed) = (_changed, NewSignal());
        changed.TrySetResult();
    }

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
