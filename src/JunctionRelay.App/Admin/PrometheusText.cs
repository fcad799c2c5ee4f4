using System.Diagnostics.Metrics;
using System.Globalization;
using System.Text;

namespace JunctionRelay.App.Admin;

/// <summary>
/// Prometheus' text format, version 0.0.4: for each metric its help, its type, and a line for each series.
/// <code>
/// # HELP junction_connections_total Connections that ended, by reason.
/// # TYPE junction_connections_total counter
/// junction_connections_total{relay="lmgrd",end="client-closed"} 17
/// </code>
/// No I/O, no state.
/// </summary>
internal static class PrometheusText
{
    public const string ContentType = "text/plain; version=0.0.4; charset=utf-8";

    public static StringBuilder Write(IEnumerable<MeterFamily> families)
    {
        var text = new StringBuilder();
        foreach (var (instrument, all) in families.Where(f => f.Series.Count > 0))
        {
            var (name, kind) = (NameOf(instrument), KindOf(instrument));
            text.Append("# HELP ").Append(name).Append(' ').Append((instrument.Description ?? "").Replace("\\", @"\\", StringComparison.Ordinal).ReplaceLineEndings("\\n")).Append('\n');
            text.Append("# TYPE ").Append(name).Append(' ').Append(kind).Append('\n');
            foreach (var (labels, series) in all)
            {
                if (series.Buckets is { } buckets) Histogram(text, name, labels, series.Value, buckets, series.Bounds!);
                else Line(text, name, labels, series.Value);
            }
        }

        return text;
    }

    /// <summary>From <c>junction.link.rtt</c> in seconds to <c>junction_link_rtt_seconds</c>: the unit in the name, and <c>_total</c> for what only grows.</summary>
    public static string NameOf(Instrument instrument)
    {
        var name = instrument.Name.Replace('.', '_');
        var unit = instrument.Unit switch { "s" => "_seconds", "By" => "_bytes", _ => "" };
        if (!name.EndsWith(unit, StringComparison.Ordinal)) name += unit;
        return KindOf(instrument) == "counter" ? name + "_total" : name;
    }

    private static string KindOf(Instrument instrument)
    {
        var type = instrument.GetType().GetGenericTypeDefinition();
        return type == typeof(Counter<>) || type == typeof(ObservableCounter<>) ? "counter" : type == typeof(Histogram<>) ? "histogram" : "gauge";
    }

    private static void Histogram(StringBuilder text, string name, string labels, double sum, IReadOnlyList<long> buckets, IReadOnlyList<double> bounds)
    {
        var before = labels.Length == 0 ? "" : labels + ",";
        for (var i = 0; i < buckets.Count; i++)
            Line(text, name + "_bucket", $"{before}le=\"{(i < bounds.Count ? Number(bounds[i]) : "+Inf")}\"", buckets[i]);
        Line(text, name + "_sum", labels, sum);
        Line(text, name + "_count", labels, buckets[^1]);
    }

    private static void Line(StringBuilder text, string name, string labels, double value)
    {
        text.Append(name);
        if (labels.Length > 0) text.Append('{').Append(labels).Append('}');
        text.Append(' ').Append(Number(value)).Append('\n');
    }

    private static string Number(double value) => value.ToString("R", CultureInfo.InvariantCulture);
}
