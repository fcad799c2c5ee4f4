using System.Net;
using JunctionRelay.Connections;

namespace JunctionRelay.Policies;

/// <summary>
/// Stage 2, Admit: the address and the counts, before anything costly. A client without an address (a unix socket) was admitted by the file's mode.
/// </summary>
/// <param name="allow">Client address ranges, null = any (a relay that listens on loopback needs none).</param>
/// <param name="limits">How many at once.</param>
/// <param name="balancers">Who connects on behalf of others and says so in a PROXY header; null = nobody.</param>
internal sealed class Admission(CidrSet? allow, ConnectionLimits limits, CidrSet? balancers = null)
{
    /// <summary>Connections that hold a slot now.</summary>
    public int InUse => limits.InUse;

    /// <summary>How many may hold one; null = no limit.</summary>
    public int? Most => limits.Most;

    /// <summary>Whether a connection from there begins with a PROXY header. Never guessed from its bytes: anybody could write one.</summary>
    public bool AwaitsHeader(EndPoint? from) => balancers is not null && Address(from) is { } address && balancers.Contains(address);

    /// <summary>Takes a slot for a client, or says why not. A taken slot is given back with <see cref="Release"/>. A balancer has one for a client that is not known yet.</summary>
    public CloseReason? Refuse(EndPoint? client) =>
        AwaitsHeader(client) ? limits.Take(null)
        : IsAllowed(Address(client)) ? limits.Take(Address(client)) : CloseReason.AddressNotAllowed;

    /// <summary>Takes a slot that a balancer holds for the client behind it, or says why not; then the slot is still the balancer's.</summary>
    public CloseReason? RefuseBehind(IPEndPoint client) => IsAllowed(client.Address) ? limits.TakeFor(client.Address) : CloseReason.AddressNotAllowed;

    /// <summary>Gives a slot back: of <paramref name="client"/>, or with null of a balancer whose client never became known.</summary>
    public void Release(EndPoint? client) => limits.Release(Address(client));

    private bool IsAllowed(IPAddress? client) => allow is null || client is null || allow.Contains(client);

    private static IPAddress? Address(EndPoint? client) => (client as IPEndPoint)?.Address;
}
