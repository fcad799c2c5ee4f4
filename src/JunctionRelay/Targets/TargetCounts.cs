using System.Collections.Concurrent;
using JunctionRelay.Connections;

namespace JunctionRelay.Targets;

/// <summary>What one target of one relay or service has done. It outlives the way in which the target is dialled, which a reload may change.</summary>
internal sealed class TargetCounts
{
    private readonly ConcurrentDictionary<CloseReason, long> _failures = new();
    private int _active;
    private int _dialling;

    /// <summary>Relayed connections now.</summary>
    public int Active => Volatile.Read(ref _active);

    /// <summary>Connections being dialled now.</summary>
    public int Dialling => Volatile.Read(ref _dialling);

    /// <summary>Dials for clients that failed, by reason.</summary>
    public IEnumerable<KeyValuePair<CloseReason, long>> Failures => _failures;

    public void DialStarted() => Interlocked.Increment(ref _dialling);
    public void DialFailed(CloseReason reason) => _failures.AddOrUpdate(reason, 1, static (_, n) => n + 1);
    public void DialEnded() => Interlocked.Decrement(ref _dialling);
    public void ConnectionStarted() => Interlocked.Increment(ref _active);
    public void ConnectionEnded() => Interlocked.Decrement(ref _active);
}
