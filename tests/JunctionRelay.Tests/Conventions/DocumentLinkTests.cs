using System.Text.RegularExpressions;

namespace JunctionRelay.Tests.Conventions;

/// <summary>A link from one document to another file of this repository leads somewhere, also where it names a heading.</summary>
public sealed partial class DocumentLinkTests
{
    public static TheoryData<string> Documents => [.. SourceTree.Files("", ".md")];

    [Fact]
    public void Documents_do_link_to_each_other() => Assert.NotEmpty(Documents.SelectMany(d => Links(d.Data)));

    [Theory, MemberData(nameof(Documents))]
    public void Every_link_leads_somewhere(string document) => Assert.DoesNotContain(Links(document), link => !LeadsSomewhere(document, link));

    private static IEnumerable<string> Links(string document) =>
        Link().Matches(CodeBlock().Replace(SourceTree.Read(document), "")).Select(m => m.Groups["to"].Value)
            .Where(to => !to.Contains("://", StringComparison.Ordinal) && !to.StartsWith("mailto:", StringComparison.Ordinal));

    private static bool LeadsSomewhere(string document, string link)
    {
        var parts = link.Split('#', 2);
        var file = parts[0].Length == 0 ? document : Path.Combine(Path.GetDirectoryName(document)!, parts[0]);
        var path = Configuration.RepositoryFiles.Path(file);
        if (!File.Exists(path)) return parts.Length == 1 && Directory.Exists(path);
        return parts.Length == 1 || Heading().Matches(CodeBlock().Replace(File.ReadAllText(path), "")).Any(h => Slug(h.Groups["text"].Value) == parts[1]);
    }

    // As GitHub makes anchors: small letters, no punctuation, hyphens for spaces.
    private static string Slug(string heading) =>
        string.Concat(heading.Trim().ToLowerInvariant().Where(c => char.IsLetterOrDigit(c) || c is ' ' or '-' or '_')).Replace(' ', '-');

    [GeneratedRegex(@"\[[^\]]*\]\((?<to>[^)\s]+)\)")]
    private static partial Regex Link();

    [GeneratedRegex(@"^#{1,6} (?<text>.+)$", RegexOptions.Multiline)]
    private static partial Regex Heading();

    [GeneratedRegex("^```.*?^```", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex CodeBlock();
}
