using System.Text.RegularExpressions;

namespace JunctionRelay.Pki;

/// <summary>The names that an authority of ours gives: DNS labels in small letters, so that they stand unchanged in a certificate, a SPIFFE ID and a file name.</summary>
internal static partial class NodeName
{
    /// <summary>The longest label of the DNS, and the longest name of a junction.</summary>
    public const int Longest = 63;

    /// <summary>What a name is, for messages.</summary>
    public const string Grammar = "names are up to 63 small letters, digits and hyphens, in parts with dots between them; each part begins and ends with a letter or digit";

    public static bool IsName(string text) => text.Length <= Longest && Name().IsMatch(text);

    /// <summary>Whether the text is a name in which <c>*</c> stands for some characters and <c>?</c> for one.</summary>
    public static bool IsPattern(string text) => text.Length <= Longest && text.Any(c => c is '*' or '?') && Pattern().IsMatch(text);

    /// <summary>A trust domain: a DNS name of two parts or more, since a single one would constrain nothing.</summary>
    public static bool IsDomain(string text) => text.Length <= 128 && text.Contains('.', StringComparison.Ordinal) && Name().IsMatch(text);

    [GeneratedRegex(@"^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*\z")]
    private static partial Regex Name();

    [GeneratedRegex(@"^[a-z0-9*?]([a-z0-9*?.-]*[a-z0-9*?])?\z")]
    private static partial Regex Pattern();
}
