namespace JunctionRelay.Policies;

/// <summary>Whom one authority refuses of those that it vouches for itself: by name, serial number or key. Immutable.</summary>
internal sealed class AuthorityDenyList
{
    private readonly HashSet<string> _names;
    private readonly PeerNamePatterns _patterns;
    private readonly HashSet<string> _serials;
    private readonly HashSet<string> _keys;

    /// <param name="authority">SHA-256 of the authority's public key, hexadecimal.</param>
    /// <param name="domain">Its trust domain; null where it has none.</param>
    /// <param name="names">Names or patterns of names in that domain.</param>
    /// <param name="serials">Serial numbers, hexadecimal.</param>
    /// <param name="keys">SHA-256 of public keys, hexadecimal.</param>
    public AuthorityDenyList(string authority, string? domain, IEnumerable<string> names, IEnumerable<string> serials, IEnumerable<string> keys)
    {
        (Authority, Domain) = (authority, domain);
        // Asked about every session every second: nearly all are names as they stand.
        var isPattern = names.ToLookup(n => n.AsSpan().ContainsAny('*', '?'));
        _names = new HashSet<string>(isPattern[false], StringComparer.OrdinalIgnoreCase);
        _patterns = new PeerNamePatterns([.. isPattern[true]]);
        _serials = new HashSet<string>(serials, StringComparer.OrdinalIgnoreCase);
        _keys = new HashSet<string>(keys, StringComparer.OrdinalIgnoreCase);
        IsEmpty = isPattern.Count == 0 && _serials.Count == 0 && _keys.Count == 0;
    }

    public string Authority { get; }
    public string? Domain { get; }

    /// <summary>Nobody is refused.</summary>
    public bool IsEmpty { get; }

    public bool DeniesSerial(string serial) => _serials.Contains(serial);

    public bool DeniesKey(string key) => _keys.Contains(key);

    /// <summary>Whether it refuses a name of its domain, with or without that domain.</summary>
    public bool DeniesName(string name) => DeniesBareName(name) || DeniesFullName(name);

    /// <summary>Whether it refuses a name that says which domain it is of.</summary>
    public bool DeniesFullName(string name) =>
        Domain is not null && name.Length > Domain.Length + 1 && name[^(Domain.Length + 1)] == '.' && name.EndsWith(Domain, StringComparison.OrdinalIgnoreCase)
        && DeniesBareName(name[..^(Domain.Length + 1)]);

    private bool DeniesBareName(string name) => _names.Contains(name) || _patterns.Matches(name);
}
