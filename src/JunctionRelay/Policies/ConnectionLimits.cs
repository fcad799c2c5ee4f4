using System.Collections.Concurrent;
using System.Net;
using JunctionRelay.Connections;

namespace JunctionRelay.Policies;

/// <summary>Counts the connections of one relay, in all and per client address, and refuses those beyond its limits (null = no limit).</summary>
internal sealed class ConnectionLimits(int? inAll, int? perClient)
{
    private readonly ConcurrentDictionary<IPAddress, int> _perClient = new();
    private int _inAll;

    /// <summary>Connections that hold a slot now.</summary>
    public int InUse => Volatile.Read(ref _inAll);

    /// <summary>How many may hold one; null = no limit.</summary>
    public int? Most => inAll;

    /// <summary>Takes a slot, or says which limit is reached. A taken slot is given back with <see cref="Release"/>.</summary>
    public CloseReason? Take(IPAddress? client)
    {
        if (Interlocked.Increment(ref _inAll) > (inAll ?? int.MaxValue))
        {
            Interlocked.Decrement(ref _inAll);
            return CloseReason.TooManyConnections;
        }

        if (client is null || TakeFor(client) is not { } refusal) return null;
        Interlocked.Decrement(ref _inAll);
        return refusal;
    }

    /// <summary>Counts a slot that was taken already for this client, or says that it has too many; then nothing has changed.</summary>
    public CloseReason? TakeFor(IPAddress client)
    {
        if (perClient is null || _perClient.AddOrUpdate(client, 1, static (_, n) => n + 1) <= perClient) return null;
        Forget(client);
        return CloseReason.TooManyFromClient;
    }

    /// <summary>Gives a slot back.</summary>
    public void Release(IPAddress? client)
    {
        Interlocked.Decrement(ref _inAll);
        if (perClient is not null && client is not null) Forget(client);
    }

    private void Forget(IPAddress client)
    {
        // An address that holds nothing must leave no entry behind, or a scan fills the memory; a race with Take makes the removal a no-op.
        if (_perClient.AddOrUpdate(client, 0, static (_, n) => n - 1) == 0) _perClient.TryRemove(new KeyValuePair<IPAddress, int>(client, 0));
    }
}
