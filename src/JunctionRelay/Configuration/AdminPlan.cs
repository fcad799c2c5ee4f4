using System.Net;
using JunctionRelay.Connections;
using JunctionRelay.Policies;

namespace JunctionRelay.Configuration;

/// <summary>The admin endpoint, complete.</summary>
/// <param name="EndPoint">An IP address and port, or a unix socket.</param>
/// <param name="Tls">How it speaks TLS; null for plain HTTP.</param>
/// <param name="AllowNames">The certificate names that may ask; null = whomever the trust vouches for.</param>
/// <param name="TokenFile">Holds the token that must be sent; null where none is asked for.</param>
internal sealed record AdminPlan(EndPoint EndPoint, TlsSettings? Tls, PeerNamePatterns? AllowNames, string? TokenFile)
{
    /// <summary>A token that can be guessed protects nothing.</summary>
    public const int ShortestToken = 16;

    /// <summary>A file that is longer is no token.</summary>
    public const int LongestToken = 4096;

    /// <summary>The token in a file's text; null when it is not one line of a fit length.</summary>
    public static string? TokenIn(string text) =>
        text.Trim() is { Length: >= ShortestToken and <= LongestToken } token && !token.Any(c => char.IsControl(c) || char.IsWhiteSpace(c)) ? token : null;
}
