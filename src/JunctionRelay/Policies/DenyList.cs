using JunctionRelay.Connections;

namespace JunctionRelay.Policies;

/// <summary>Who is refused in spite of a valid certificate: by name, serial number or key. Immutable; a newer list replaces it.</summary>
internal sealed class DenyList
{
    private readonly HashSet<string> _names;
    private readonly NamePatterns _patterns;
    private readonly HashSet<string> _serials;
    private readonly HashSet<string> _keys;

    /// <param name="names">Names or patterns of names.</param>
    /// <param name="serials">Serial numbers, hexadecimal.</param>
    /// <param name="keys">SHA-256 of public keys, hexadecimal.</param>
    public DenyList(IEnumerable<string> names, IEnumerable<string> serials, IEnumerable<string> keys)
    {
        // Asked about every session every second: nearly all are names as they stand.
        var isPattern = names.ToLookup(n => n.AsSpan().ContainsAny('*', '?'));
        _names = new HashSet<string>(isPattern[false], StringComparer.OrdinalIgnoreCase);
        _patterns = new NamePatterns([.. isPattern[true]]);
        _serials = new HashSet<string>(serials, StringComparer.OrdinalIgnoreCase);
        _keys = new HashSet<string>(keys, StringComparer.OrdinalIgnoreCase);
        IsEmpty = isPattern.Count == 0 && _serials.Count == 0 && _keys.Count == 0;
    }

    /// <summary>Nobody is refused.</summary>
    public bool IsEmpty { get; }

    /// <summary>Nobody.</summary>
    public static DenyList Empty { get; } = new([], [], []);

    /// <summary>Why this peer is refused, for people; null when it is not on the list.</summary>
    public string? Objection(PeerIdentity peer) =>
        _serials.Contains(peer.SerialNumber) ? $"the certificate {peer.SerialNumber} is revoked"
        : _keys.Contains(peer.Key) ? $"the key of \"{peer.Name}\" is revoked"
        : DeniesName(peer.Name) || peer.Names.Any(DeniesName) ? $"\"{peer.Name}\" is revoked"
        : null;

    /// <summary>Why a connection is refused that came through these junctions, by the word of the last; null when none of them is on the list.</summary>
    public string? ObjectionToPath(IReadOnlyList<string> path) => IsEmpty ? null : path.FirstOrDefault(DeniesName) is { } name ? $"it came through \"{name}\", which is revoked" : null;

    /// <summary>Whether a name is refused, as it stands.</summary>
    public bool DeniesName(string name) => _names.Contains(name) || _patterns.Matches(name);
}
