using System.IO.Enumeration;

namespace JunctionRelay.Policies;

/// <summary>Names of services and of users with <c>*</c> and <c>?</c>, which stand for any characters; compared without regard to case. Those of certificates: <see cref="PeerNamePatterns"/>.</summary>
internal sealed class NamePatterns(IReadOnlyList<string> patterns)
{
    /// <summary>What one of several sets matches.</summary>
    public static NamePatterns AnyOf(IEnumerable<NamePatterns> sets) => new([.. sets.SelectMany(s => s.Patterns)]);

    private IReadOnlyList<string> Patterns => patterns;

    /// <summary>Whether one of the patterns matches <paramref name="name"/> as a whole.</summary>
    public bool Matches(string name)
    {
        foreach (var pattern in patterns)
        {
            if (FileSystemName.MatchesSimpleExpression(pattern, name, ignoreCase: true)) return true;
        }

        return false;
    }

    public override string ToString() => string.Join(", ", patterns);
}
