using System.Globalization;
using System.Text;

namespace JunctionRelay.Load.Reports;

/// <summary>
/// The table that people read, in Markdown that also stands in a terminal: rows are figures, columns are relays, cells are medians over
/// the rounds. Behind each, how many times worse than the best rival of its row it is (below 1: better than every rival).
/// </summary>
internal sealed class ResultTable(IReadOnlyList<Sample> samples, string ours, string baseline)
{
    public string Write()
    {
        var text = new StringBuilder();
        foreach (var group in samples.GroupBy(sample => sample.Relay.Group))
            WriteGroup(text, group.Key, [.. group]);
        foreach (var failed in samples.Where(sample => sample.Failed > 0))
        {
            text.Append(CultureInfo.InvariantCulture, $"FAILED: {failed.Relay.Group}/{failed.Relay.Name} {failed.Case.Name} round {failed.Round}: ")
                .Append(CultureInfo.InvariantCulture, $"{failed.Failed} times, first: {failed.Failure}\n");
        }
        return text.ToString();
    }

    /// <summary>Three significant digits, never in exponents.</summary>
    public static string Number(double value)
    {
        var magnitude = value == 0 ? 0 : (int)Math.Floor(Math.Log10(Math.Abs(value)));
        return value.ToString(magnitude >= 2 ? "F0" : "F" + (2 - Math.Max(-4, magnitude)), CultureInfo.InvariantCulture);
    }

    private void WriteGroup(StringBuilder text, string group, IReadOnlyList<Sample> ofGroup)
    {
        var relays = ofGroup.Select(sample => sample.Relay).Distinct().ToList();
        var compared = relays.Any(IsRival) && relays.Count > 1;
        var repeated = ofGroup.Any(sample => sample.Round > 1);
        List<string[]> rows = [[group, "", .. relays.Select(relay => relay.Name), .. repeated ? ["spread"] : Array.Empty<string>()]];
        foreach (var ofCase in ofGroup.GroupBy(sample => sample.Case))
        {
            var first = true;
            foreach (var metric in ofCase.SelectMany(sample => sample.Figures.Keys).Distinct().OrderBy(Place))
            {
                var figures = relays.ToDictionary(relay => relay, relay => Rounds(ofCase, relay, metric));
                var best = compared ? Best(figures, metric) : null;
                List<string> row = [first ? ofCase.Key.Name : "", metric.Unit];
                row.AddRange(relays.Select(relay => Cell(figures[relay], relay.Name == baseline ? null : best, metric)));
                if (repeated)
                    row.Add(Spread(figures.Values));
                rows.Add([.. row]);
                first = false;
            }
        }
        WriteRows(text, rows);
        text.Append('\n');
    }

    private static void WriteRows(StringBuilder text, List<string[]> rows)
    {
        var widths = Enumerable.Range(0, rows[0].Length).Select(column => rows.Max(row => row[column].Length)).ToArray();
        for (var i = 0; i < rows.Count; i++)
        {
            // Names to the left, figures to the right.
            text.Append('|');
            for (var column = 0; column < widths.Length; column++)
                text.Append(' ').Append(column < 2 ? rows[i][column].PadRight(widths[column]) : rows[i][column].PadLeft(widths[column])).Append(" |");
            text.Append('\n');
            if (i > 0)
                continue;
            text.Append('|');
            for (var column = 0; column < widths.Length; column++)
                text.Append('-', widths[column] + 1).Append(column < 2 ? '-' : ':').Append('|');
            text.Append('\n');
        }
    }

    private static Dictionary<int, double> Rounds(IEnumerable<Sample> samples, RelayUnderTest relay, Metric metric) =>
        samples.Where(sample => sample.Relay == relay && sample.Failed == 0 && sample.Figures.ContainsKey(metric))
            .ToDictionary(sample => sample.Round, sample => sample.Figures[metric]);

    /// <summary>The rounds of the rival whose median is best.</summary>
    private Dictionary<int, double>? Best(Dictionary<RelayUnderTest, Dictionary<int, double>> figures, Metric metric)
    {
        var rivals = figures.Where(pair => IsRival(pair.Key) && pair.Value.Count > 0).Select(pair => pair.Value);
        return metric.HigherIsBetter ? rivals.MaxBy(rounds => Median(rounds.Values)) : rivals.MinBy(rounds => Median(rounds.Values));
    }

    private static string Cell(Dictionary<int, double> rounds, Dictionary<int, double>? best, Metric metric)
    {
        if (rounds.Count == 0)
            return "-";
        var cell = Number(Median(rounds.Values));
        // Of one round each, then the median: a slow phase of the machine met both.
        var ratios = best is null ? [] : rounds.Where(round => best.GetValueOrDefault(round.Key) > 0 && round.Value > 0)
            .Select(round => metric.HigherIsBetter ? best[round.Key] / round.Value : round.Value / best[round.Key]).ToList();
        return ratios.Count == 0 ? cell : $"{cell} ×{Median(ratios).ToString("F2", CultureInfo.InvariantCulture)}";
    }

    /// <summary>How far apart the rounds of one relay are (largest / smallest), in the middle relay: differences below it show nothing.</summary>
    private static string Spread(IEnumerable<Dictionary<int, double>> figures)
    {
        var spreads = figures.Where(rounds => rounds.Count > 1 && rounds.Values.Min() > 0)
            .Select(rounds => rounds.Values.Max() / rounds.Values.Min()).ToList();
        return spreads.Count == 0 ? "" : Median(spreads).ToString("F2", CultureInfo.InvariantCulture);
    }

    public static double Median(IEnumerable<double> values)
    {
        var sorted = values.Order().ToArray();
        var middle = sorted.Length / 2;
        return sorted.Length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
    }

    /// <summary>A baseline has no relay in it, and whatever bears our name is what we judge, not what we judge by.</summary>
    private bool IsRival(RelayUnderTest relay) => relay.Name != baseline && !relay.Name.StartsWith(ours, StringComparison.Ordinal);

    // A figure may be missing from the first sample (it failed): its row still stands where it belongs.
    private static int Place(Metric metric) => Array.IndexOf(Metric.InOrder, metric);
}
