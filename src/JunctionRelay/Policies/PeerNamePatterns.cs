using System.IO.Enumeration;

namespace JunctionRelay.Policies;

/// <summary>
/// Certificate names with <c>*</c> and <c>?</c>, compared without regard to case (DNS names have none). As in a certificate's own wildcards (RFC 9525, 6.3) none of them stands for a
/// dot, nor for a slash of a SPIFFE ID: <c>node-*</c> is about names of one label, and so of one domain, whatever other authorities are trusted.
/// </summary>
internal sealed class PeerNamePatterns(IReadOnlyList<string> patterns)
{
    /// <summary>Whether one of the patterns matches <paramref name="name"/> as a whole.</summary>
    public bool Matches(string name)
    {
        foreach (var pattern in patterns)
        {
            if (Matches(pattern, name)) return true;
        }

        return false;
    }

    public override string ToString() => string.Join(", ", patterns);

    // What stands between two separators is compared by itself: nothing in it can reach over one.
    private static bool Matches(ReadOnlySpan<char> pattern, ReadOnlySpan<char> name)
    {
        while (true)
        {
            var (end, at) = (pattern.IndexOfAny('.', '/'), name.IndexOfAny('.', '/'));
            if (end < 0 || at < 0) return end == at && IsLabel(pattern, name);
            if (pattern[end] != name[at] || !IsLabel(pattern[..end], name[..at])) return false;
            pattern = pattern[(end + 1)..];
            name = name[(at + 1)..];
        }
    }

    private static bool IsLabel(ReadOnlySpan<char> pattern, ReadOnlySpan<char> label) =>
        pattern.IsEmpty ? label.IsEmpty : FileSystemName.MatchesSimpleExpression(pattern, label, ignoreCase: true);
}
