using System.Collections.Concurrent;
using System.Net;

namespace JunctionRelay.Policies;

/// <summary>The connections of one relay, in all and per client address. They outlive its limits: a reload may change those while the connections go on.</summary>
internal sealed class ConnectionCounts
{
    private readonly ConcurrentDictionary<IPAddress, int> _perClient = new();
    private int _inAll;

    public int InAll => Volatile.Read(ref _inAll);

    /// <summary>One more; returns how many that makes.</summary>
    public int Add() => Interlocked.Increment(ref _inAll);

    public void Remove() => Interlocked.Decrement(ref _inAll);

    /// <summary>One more of this client; returns how many that makes.</summary>
    public int Add(IPAddress client) => _perClient.AddOrUpdate(client, 1, static (_, n) => n + 1);

    public void Remove(IPAddress client)
    {
        // An address that holds nothing must leave no entry behind, or a scan fills the memory; a race with Add makes the removal a no-op.
        if (_perClient.AddOrUpdate(client, 0, static (_, n) => n - 1) == 0) _perClient.TryRemove(new KeyValuePair<IPAddress, int>(client, 0));
    }
}
