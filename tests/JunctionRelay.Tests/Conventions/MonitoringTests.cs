using System.Text.Json;
using System.Text.RegularExpressions;

namespace JunctionRelay.Tests.Conventions;

/// <summary>Dashboard and alert rules name metrics that exist, and every metric that says of trouble is in one of them.</summary>
public sealed partial class MonitoringTests
{
    private const string Rules = "docker/monitoring/alerts.yml";
    private const string Dashboard = "docker/monitoring/grafana-dashboard.json";

    // The second column of the table of metrics, which is itself held against the instruments.
    private static readonly HashSet<string> Known = [.. Documented().Matches(SourceTree.Read("docs/operating.md")).Select(m => m.Groups["name"].Value)];

    [Theory]
    [InlineData(Rules)]
    [InlineData(Dashboard)]
    public void Only_metrics_that_exist_are_asked_for(string file)
    {
        Assert.NotEmpty(Known);
        var named = Metric().Matches(Expressions(file)).Select(m => m.Value).Distinct().ToList();
        Assert.NotEmpty(named);
        Assert.Empty(named.Select(Base).Except(Known));
    }

    [Fact]
    public void Every_metric_is_in_the_dashboard_or_in_a_rule()
    {
        var used = Metric().Matches(Expressions(Rules) + Expressions(Dashboard)).Select(m => Base(m.Value));
        Assert.Equal(["process_start_time_seconds"], Known.Except(used));
    }

    [Fact]
    public void Panels_lie_beside_each_other_and_have_numbers_of_their_own()
    {
        var panels = JsonDocument.Parse(SourceTree.Read(Dashboard)).RootElement.GetProperty("panels").EnumerateArray().ToList();
        Assert.Equal(panels.Count, panels.Select(p => p.GetProperty("id").GetInt32()).Distinct().Count());
        var cells = panels.Select(p => p.GetProperty("gridPos")).SelectMany(g =>
            from x in Enumerable.Range(g.GetProperty("x").GetInt32(), g.GetProperty("w").GetInt32())
            from y in Enumerable.Range(g.GetProperty("y").GetInt32(), g.GetProperty("h").GetInt32())
            select (x, y)).ToList();
        Assert.Equal(cells.Count, cells.Distinct().Count());
        Assert.All(cells, c => Assert.InRange(c.x, 0, 23));
    }

    private static string Expressions(string file) => string.Join('\n', Expression().Matches(SourceTree.Read(file)).Select(m => m.Groups["text"].Value));

    // A histogram is asked for by its parts.
    private static string Base(string metric) => metric.EndsWith("_bucket", StringComparison.Ordinal) ? metric[..^"_bucket".Length] : metric;

    [GeneratedRegex("""^\s*"?expr"?: "?(?<text>.*?)"?,?$""", RegexOptions.Multiline)]
    private static partial Regex Expression();

    [GeneratedRegex(@"\b(junction|process)_[a-z_]+\b(?!=)")]
    private static partial Regex Metric();

    [GeneratedRegex(@"^\| `[a-z_.]+` \| `(?<name>(junction|process)_[a-z_]+)` \|", RegexOptions.Multiline)]
    private static partial Regex Documented();
}
