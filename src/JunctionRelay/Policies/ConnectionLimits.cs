using System.Net;
using JunctionRelay.Connections;

namespace JunctionRelay.Policies;

/// <summary>Refuses connections of one relay beyond its limits (null = no limit), in all and per client address.</summary>
/// <param name="counts">The connections that there are, also under limits that held before; null for none yet.</param>
internal sealed class ConnectionLimits(int? inAll, int? perClient, ConnectionCounts? counts = null)
{
    private readonly ConnectionCounts _counts = counts ?? new ConnectionCounts();

    /// <summary>Connections that hold a slot now.</summary>
    public int InUse => _counts.InAll;

    /// <summary>How many may hold one; null = no limit.</summary>
    public int? Most => inAll;

    /// <summary>Takes a slot, or says which limit is reached. A taken slot is given back with <see cref="Release"/>.</summary>
    public CloseReason? Take(IPAddress? client)
    {
        if (_counts.Add() > (inAll ?? int.MaxValue))
        {
            _counts.Remove();
            return CloseReason.TooManyConnections;
        }

        if (client is null || TakeFor(client) is not { } refusal) return null;
        _counts.Remove();
        return refusal;
    }

    /// <summary>Counts a slot that was taken already for this client, or says that it has too many; then nothing has changed.</summary>
    public CloseReason? TakeFor(IPAddress client)
    {
        // Counted without a limit as well: the next plan may have one.
        if (_counts.Add(client) <= (perClient ?? int.MaxValue)) return null;
        _counts.Remove(client);
        return CloseReason.TooManyFromClient;
    }

    /// <summary>Gives a slot back.</summary>
    public void Release(IPAddress? client)
    {
        _counts.Remove();
        if (client is not null) _counts.Remove(client);
    }
}
