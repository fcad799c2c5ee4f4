using System.Collections.Concurrent;
using JunctionRelay.Connections;

namespace JunctionRelay.Relay;

/// <summary>What one relay, or one service of our peers, has done since the junction started. Thread-safe; no number but <see cref="Active"/> ever falls.</summary>
internal sealed class RelayTotals
{
    private readonly ConcurrentDictionary<CloseReason, long> _ended = new();
    private readonly ConcurrentDictionary<string, long> _denied = new();
    private long _active;
    private long _toTarget;
    private long _toClient;

    /// <summary>Connections being relayed now.</summary>
    public long Active => Interlocked.Read(ref _active);

    /// <summary>Bytes passed on to targets, also of connections that still go on.</summary>
    public long ToTarget => Interlocked.Read(ref _toTarget);

    /// <summary>Bytes passed on to clients, likewise.</summary>
    public long ToClient => Interlocked.Read(ref _toClient);

    /// <summary>Connections that ended, by reason.</summary>
    public IEnumerable<KeyValuePair<CloseReason, long>> Ended => _ended;

    /// <summary>Connections refused, by the rule that did it.</summary>
    public IEnumerable<KeyValuePair<string, long>> Denied => _denied;

    public void Start() => Interlocked.Increment(ref _active);
    public void Leave() => Interlocked.Decrement(ref _active);

    public void End(CloseReason reason)
    {
        Leave();
        _ended.AddOrUpdate(reason, 1, static (_, n) => n + 1);
    }

    public void Deny(string rule) => _denied.AddOrUpdate(rule, 1, static (_, n) => n + 1);

    public void Pass(long toTarget, long toClient)
    {
        Interlocked.Add(ref _toTarget, toTarget);
        Interlocked.Add(ref _toClient, toClient);
    }
}
