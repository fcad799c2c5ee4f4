namespace JunctionRelay.Connections;

/// <summary>A SPIFFE ID, <c>spiffe://DOMAIN/PATH</c> (SPIFFE-ID, section 2).</summary>
/// <param name="Domain">The trust domain.</param>
/// <param name="Path">Without the slash that begins it.</param>
internal readonly record struct SpiffeId(string Domain, string Path)
{
    public const string Scheme = "spiffe://";

    /// <summary>The standard's limit.</summary>
    private const int LongestId = 2048;

    /// <summary>The one SPIFFE ID among <paramref name="uris"/>; a certificate with two is none of a workload (X.509-SVID, section 2).</summary>
    public static SpiffeId? Only(IReadOnlyList<string> uris) => uris.Count == 1 ? Read(uris[0]) : null;

    public override string ToString() => $"{Scheme}{Domain}/{Path}";

    private static SpiffeId? Read(string uri)
    {
        if (!uri.StartsWith(Scheme, StringComparison.Ordinal) || uri.Length > LongestId)
            return null;
        var slash = uri.IndexOf('/', Scheme.Length);
        if (slash <= Scheme.Length || slash == uri.Length - 1)
            return null;
        var (domain, path) = (uri[Scheme.Length..slash], uri[(slash + 1)..]);
        return domain.All(IsOfDomain) && path.All(c => IsOfDomain(c) || char.IsAsciiLetterUpper(c) || c == '/') ? new SpiffeId(domain, path) : null;
    }

    private static bool IsOfDomain(char c) => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c is '.' or '-' or '_';
}
