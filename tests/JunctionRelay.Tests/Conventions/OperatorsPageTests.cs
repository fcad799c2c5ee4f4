using System.Diagnostics.Metrics;
using System.Globalization;
using System.Reflection;
using System.Text.RegularExpressions;
using JunctionRelay.App.Admin;
using JunctionRelay.App.CommandLine;
using JunctionRelay.App.Hosting;
using JunctionRelay.Connections;
using JunctionRelay.Links;
using JunctionRelay.Relay;
using JunctionRelay.Targets;

namespace JunctionRelay.Tests.Conventions;

/// <summary>docs/operating.md says what there is: no reason, exit code or instrument is missing, and none is made up.</summary>
public sealed partial class OperatorsPageTests
{
    private static readonly string Page = SourceTree.Read("docs/operating.md");

    private static readonly IEnumerable<string> Reasons = Enum.GetValues<CloseReason>().Select(r => r.Name()).Order(StringComparer.Ordinal);

    [Fact]
    public void Every_close_reason_has_its_line_and_no_other_word_has()
    {
        var documented = Row().Matches(Section("Why a connection ended")).Select(m => m.Groups["word"].Value);
        Assert.Equal(Reasons, documented.Order(StringComparer.Ordinal));
    }

    [Fact]
    public void The_page_on_closing_names_only_reasons_that_exist()
    {
        var named = Hyphenated().Matches(SourceTree.Read("docs/closing.md")).Select(m => m.Groups["word"].Value).Distinct().ToList();
        Assert.NotEmpty(named);
        Assert.Empty(named.Except(Reasons));
    }

    [Fact]
    public void Every_exit_code_is_told()
    {
        var codes = typeof(ExitCodes).GetFields(BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic).Select(f => (int)f.GetRawConstantValue()!).ToList();
        Assert.NotEmpty(codes);
        var section = Section("Exit codes");
        Assert.All(codes, code => Assert.Matches(string.Create(CultureInfo.InvariantCulture, $@"(?m)^(\| )?{code}\b"), section));
    }

    [Fact]
    public void Every_instrument_has_its_line_and_no_other_word_has()
    {
        var names = new List<string>();
        using var listener = new MeterListener();
        // Other tests make instruments meanwhile: of this meter the same ones, of other meters whatever they like.
        listener.InstrumentPublished = (instrument, _) =>
        {
            if (instrument.Meter.Name != RelayMetrics.MeterName) return;
            lock (names) names.Add(instrument.Name);
        };
        listener.Start();
        using var relays = new RelayMetrics();
        using var targets = new TargetMetrics(RelayMetrics.MeterName, () => []);
        using var seats = new SeatMetrics(RelayMetrics.MeterName, () => []);
        using var links = new LinkMetrics(RelayMetrics.MeterName, () => [], new LinkFailures());
        using var log = new LogOutput(Stream.Null, new TextLog(), default, TimeProvider.System);
        using var audit = new LogOutput(Stream.Null, new TextLog(), default, TimeProvider.System, "audit");
        using var process = new ProcessMetrics();
        using var junction = new JunctionMetrics(new ReloadOutcome(TimeProvider.System), () => [], () => []);
        var documented = Row().Matches(Section("Metrics")).Select(m => m.Groups["word"].Value);
        lock (names) Assert.Equal(names.Distinct().Order(StringComparer.Ordinal), documented.Order(StringComparer.Ordinal));
    }

    private static string Section(string heading)
    {
        var start = Page.IndexOf($"\n## {heading}\n", StringComparison.Ordinal);
        Assert.True(start >= 0, $"docs/operating.md has no section \"{heading}\"");
        var end = Page.IndexOf("\n## ", start + 1, StringComparison.Ordinal);
        return end < 0 ? Page[start..] : Page[start..end];
    }

    [GeneratedRegex(@"^\| `(?<word>[a-z_.-]+)` \|", RegexOptions.Multiline)]
    private static partial Regex Row();

    [GeneratedRegex("`(?<word>[a-z]+(-[a-z]+)+)`")]
    private static partial Regex Hyphenated();
}
