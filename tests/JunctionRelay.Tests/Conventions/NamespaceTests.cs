using System.Text.RegularExpressions;

namespace JunctionRelay.Tests.Conventions;

/// <summary>The areas of the engine know each other in one direction only; which one is the table here.</summary>
public sealed partial class NamespaceTests
{
    private const string Engine = "src/JunctionRelay";

    /// <summary>Whom an area may know, in the order of who stands on whom.</summary>
    private static readonly Dictionary<string, string[]> MayKnow = new()
    {
        ["Files"] = [],
        ["Connections"] = [],
        ["Licensing"] = ["Connections"],
        ["Links"] = ["Connections"],
        ["Greetings"] = ["Connections", "Links"],
        ["Policies"] = ["Connections", "Links", "Greetings"],
        ["Pki"] = ["Files", "Connections", "Policies"],
        ["Targets"] = ["Connections", "Links", "Greetings"],
        ["Routing"] = ["Connections", "Links", "Greetings", "Targets"],
        ["Relay"] = ["Connections", "Links", "Greetings", "Policies", "Pki", "Targets", "Routing", "Licensing"],
        ["Configuration"] = ["Connections", "Links", "Greetings", "Policies", "Targets", "Routing", "Licensing", "Relay", "Files", "Pki"],
    };

    private static readonly IReadOnlyList<string> Sources = SourceTree.Files(Engine, ".cs");

    [Fact]
    public void The_table_itself_has_no_cycle()
    {
        var order = MayKnow.Keys.ToList();
        Assert.All(MayKnow, area => Assert.All(area.Value, known => Assert.True(
            order.IndexOf(known) < order.IndexOf(area.Key), $"{area.Key} may know {known}, which stands at or above it")));
    }

    [Fact]
    public void Contributors_are_told_the_same()
    {
        var told = ToldLine().Matches(SourceTree.Read("CONTRIBUTING.md")).ToDictionary(m => m.Groups["area"].Value, m => m.Groups["known"].Value);
        Assert.Equal(
            MayKnow.Select(a => $"{a.Key} -> {(a.Value.Length == 0 ? "nothing" : string.Join(", ", a.Value.Order(StringComparer.Ordinal)))}").Order(StringComparer.Ordinal),
            told.Select(t => $"{t.Key} -> {string.Join(", ", t.Value.Split(", ").Order(StringComparer.Ordinal))}").Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Each_area_knows_only_those_below_it()
    {
        var wrong = from file in Sources
                    from known in Mentioned().Matches(SourceTree.Read(file)).Select(m => m.Groups["area"].Value).Distinct()
                    let area = AreaOf(file)
                    where known != area && !(MayKnow.TryGetValue(area, out var allowed) && allowed.Contains(known))
                    select $"{file} knows {known}";
        Assert.Empty(wrong);
    }

    [Fact]
    public void A_folder_is_a_namespace()
    {
        Assert.All(Sources, file => Assert.Matches($@"(?m)^namespace JunctionRelay\.{AreaOf(file)};\r?$", SourceTree.Read(file)));
        Assert.All(SourceTree.Files("src/JunctionRelay.App", ".cs").Where(f => !f.EndsWith("/Program.cs", StringComparison.Ordinal)), file =>
            Assert.Matches($@"(?m)^namespace JunctionRelay\.App\.{Path.GetDirectoryName(file)!.Split('/')[2]};\r?$", SourceTree.Read(file)));
    }

    private static string AreaOf(string file) => file.Split('/')[2];

    [GeneratedRegex(@"(?m)^(?<area>[A-Z]\w+) +-> (?<known>[\w, ]+)$")]
    private static partial Regex ToldLine();

    // Any mention with its full name: a using, a qualified name, an alias.
    [GeneratedRegex(@"\bJunctionRelay\.(?<area>[A-Z][A-Za-z]+)\b")]
    private static partial Regex Mentioned();
}
