using System.Text.RegularExpressions;

namespace JunctionRelay.Tests.Conventions;

/// <summary>The threat model claims nothing without a test: each row of its tables names tests, and all of them exist.</summary>
public sealed partial class ThreatModelTests
{
    private static readonly string Page = SourceTree.Read("docs/THREAT_MODEL.md");

    private static readonly Dictionary<string, string> Classes = SourceTree.Files("tests", ".cs")
        .GroupBy(Path.GetFileNameWithoutExtension).ToDictionary(f => f.Key!, f => string.Concat(f.Select(SourceTree.Read)));

    [Fact]
    public void Every_cannot_names_a_test_that_exists()
    {
        var rows = Row().Matches(Page).Select(r => (Claim: r.Groups["claim"].Value, Tests: Name().Matches(r.Groups["tests"].Value).Select(m => m.Groups["name"].Value).ToList()))
            .Where(r => r.Claim is not "cannot" and not "---").ToList();
        Assert.True(rows.Count >= 20, $"{rows.Count} rows");
        Assert.Empty(rows.Where(r => r.Tests.Count == 0).Select(r => r.Claim));
        Assert.DoesNotContain(rows.SelectMany(r => r.Tests), t => !Exists(t));
    }

    private static bool Exists(string test)
    {
        var (type, method) = test.Split('.') is [var t, var m] ? (t, m) : (test, null);
        return Classes.TryGetValue(type, out var source) && source.Contains($"class {type}", StringComparison.Ordinal)
            && (method is null ? source.Contains("[Fact]", StringComparison.Ordinal) || source.Contains("[Theory", StringComparison.Ordinal) : source.Contains($" {method}(", StringComparison.Ordinal));
    }

    [GeneratedRegex(@"^\| ?(?<claim>[^|]+?) ?\| ?(?<tests>[^|]+?) ?\|$", RegexOptions.Multiline)]
    private static partial Regex Row();

    [GeneratedRegex("`(?<name>[A-Z][A-Za-z0-9]+(\\.[A-Z][a-z0-9_A-Z]+)?)`")]
    private static partial Regex Name();
}
