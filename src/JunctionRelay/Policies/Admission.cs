using System.Net;
using JunctionRelay.Connections;

namespace JunctionRelay.Policies;

/// <summary>
/// Stage 2, Admit: the address and the counts, before anything costly. <paramref name="allow"/>: client address ranges, null = any (a relay
/// that listens on loopback needs none). A client without an address (a unix socket) was admitted by the file's mode.
/// </summary>
internal sealed class Admission(CidrSet? allow, ConnectionLimits limits)
{
    /// <summary>Connections that hold a slot now.</summary>
    public int InUse => limits.InUse;

    /// <summary>How many may hold one; null = no limit.</summary>
    public int? Most => limits.Most;

    /// <summary>Takes a slot for a client, or says why not. A taken slot is given back with <see cref="Release"/>.</summary>
    public CloseReason? Refuse(EndPoint? client) =>
        allow is not null && Address(client) is { } address && !allow.Contains(address) ? CloseReason.AddressNotAllowed : limits.Take(Address(client));

    /// <summary>Gives the slot of <see cref="Refuse"/> back.</summary>
    public void Release(EndPoint? client) => limits.Release(Address(client));

    private static IPAddress? Address(EndPoint? client) => (client as IPEndPoint)?.Address;
}
