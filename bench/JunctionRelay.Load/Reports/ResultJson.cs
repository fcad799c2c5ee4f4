using System.Text.Json;

namespace JunctionRelay.Load.Reports;

/// <summary>Every sample with every figure, for programs; the table's medians can be had from these.</summary>
internal static class ResultJson
{
    public static void Write(Stream to, IReadOnlyList<Sample> samples, MeasurementPlan plan)
    {
        using var json = new Utf8JsonWriter(to, new JsonWriterOptions { Indented = true });
        json.WriteStartObject();
        json.WriteNumber("rounds", plan.Rounds);
        json.WriteNumber("windowMilliseconds", plan.Window.TotalMilliseconds);
        json.WriteNumber("primeMilliseconds", plan.Prime.TotalMilliseconds);
        json.WriteNumber("warmUpMilliseconds", plan.WarmUp.TotalMilliseconds);
        json.WriteStartArray("samples");
        foreach (var sample in samples)
        {
            json.WriteStartObject();
            json.WriteString("group", sample.Relay.Group);
            json.WriteString("relay", sample.Relay.Name);
            json.WriteString("case", sample.Case.Name);
            json.WriteNumber("round", sample.Round);
            json.WriteStartObject("figures");
            foreach (var (metric, value) in sample.Figures)
                json.WriteNumber(metric.Unit, value);
            json.WriteEndObject();
            json.WriteStartObject("byProcess");
            foreach (var process in sample.ByProcess.GroupBy(pair => pair.Key.Process))
            {
                json.WriteStartObject(process.Key);
                foreach (var (key, value) in process)
                    json.WriteNumber(key.Metric.Unit, value);
                json.WriteEndObject();
            }
            json.WriteEndObject();
            json.WriteNumber("failed", sample.Failed);
            if (sample.Failure is { } failure)
                json.WriteString("failure", failure);
            json.WriteEndObject();
        }
        json.WriteEndArray();
        json.WriteEndObject();
        json.Flush();
        to.WriteByte((byte)'\n');
    }
}
