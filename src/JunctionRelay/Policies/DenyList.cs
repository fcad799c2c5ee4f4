using JunctionRelay.Connections;

namespace JunctionRelay.Policies;

/// <summary>
/// Who is refused in spite of a valid certificate: what each authority says of its own. That of one site says nothing of the junctions of another, whatever they are called. Immutable;
/// newer lists replace it.
/// </summary>
/// <param name="lists">One for each authority.</param>
/// <param name="domain">Our own trust domain; null where we have none.</param>
internal sealed class DenyList(IReadOnlyList<AuthorityDenyList> lists, string? domain = null)
{
    private readonly AuthorityDenyList[] _lists = [.. lists.Where(l => !l.IsEmpty)];

    /// <summary>Nobody.</summary>
    public static DenyList Empty { get; } = new([]);

    /// <summary>Nobody is refused.</summary>
    public bool IsEmpty => _lists.Length == 0;

    /// <summary>Why this peer is refused, for people; null when no authority that vouches for it has it on its list.</summary>
    public string? Objection(PeerIdentity peer)
    {
        foreach (var list in _lists)
        {
            if (!peer.Authorities.Contains(list.Authority)) continue;
            if (list.DeniesSerial(peer.SerialNumber)) return $"the certificate {peer.SerialNumber} is revoked";
            if (list.DeniesKey(peer.Key)) return $"the key of \"{peer.Name}\" is revoked";
            if (list.DeniesName(peer.Name) || peer.Names.Any(list.DeniesName)) return $"\"{peer.Name}\" is revoked";
        }

        return null;
    }

    /// <summary>
    /// Why a connection is refused that came through these junctions, by the word of <paramref name="peer"/>; null when none of them is on a list. A name without a domain is one of
    /// the peer's authority, or of our own.
    /// </summary>
    public string? ObjectionToPath(IReadOnlyList<string> path, PeerIdentity peer)
    {
        foreach (var list in _lists)
        {
            var isAtHome = peer.Authorities.Contains(list.Authority) || domain is not null && list.Domain == domain;
            if (path.FirstOrDefault(isAtHome ? list.DeniesName : list.DeniesFullName) is { } name) return $"it came through \"{name}\", which is revoked";
        }

        return null;
    }
}
