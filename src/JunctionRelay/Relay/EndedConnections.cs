using JunctionRelay.Connections;

namespace JunctionRelay.Relay;

/// <summary>One relayed connection that is over: what its line in the log says.</summary>
internal sealed record EndedConnection(
    DateTimeOffset At, ConnectionId Id, string Relay, string Client, string Peer, string Target, long ToTarget, long ToClient, TimeSpan Age, CloseReason Reason, LicenseHolder? Holder, string Detail);

/// <summary>The last connections that ended, for people who look; health checks are not among them. Thread-safe.</summary>
internal sealed class EndedConnections
{
    /// <summary>As many as a person reads; the log has all.</summary>
    public const int Most = 200;

    private readonly Lock _lock = new();
    private readonly Queue<EndedConnection> _recent = new(Most);   // under _lock
    private long _count;   // under _lock

    public void Add(EndedConnection ended)
    {
        lock (_lock)
        {
            if (_recent.Count == Most) _recent.Dequeue();
            _recent.Enqueue(ended);
            _count++;
        }
    }

    /// <summary>Those that came after the first <paramref name="seen"/> of all and are still kept, the oldest first; and how many there were in all.</summary>
    public (IReadOnlyList<EndedConnection> Ended, long Count) After(long seen)
    {
        lock (_lock) return ([.. _recent.TakeLast((int)Math.Clamp(_count - seen, 0, Most))], _count);
    }
}
