using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace JunctionRelay.App.Checks;

/// <summary>What a check found, as people and as programs read it.</summary>
internal static class CheckReport
{
    private static readonly Dictionary<CheckVerdict, string> Words = new()
    {
        [CheckVerdict.Ok] = "ok",
        [CheckVerdict.Warning] = "warning",
        [CheckVerdict.Failed] = "FAILED",
        [CheckVerdict.Skipped] = "-",
    };

    /// <summary>One step, as soon as it is known.</summary>
    public static void Write(TextWriter output, CheckStep step)
    {
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"  {Words[step.Verdict],-8} {step.Hop,-14} {step.Text} ({CheckFaults.Milliseconds(step.Time)})"));
        if (step is not { Verdict: CheckVerdict.Failed, Fault: { } fault }) return;
        output.WriteLine($"           what to do:    {fault.Remedy}");
        if (fault.Client is { } client) output.WriteLine($"           a client says: {client}");
    }

    /// <summary>The last line of a way.</summary>
    public static void WriteEnd(TextWriter output, CheckTrail trail) =>
        output.WriteLine(
            trail.Failure is { } failure ? $"{trail.Name}: stops at {failure.Hop} (exit code {failure.Fault!.Exit})"
            : trail.Obstacle is { } obstacle ? $"{trail.Name}: stops at {obstacle.Hop}, which is a warning while enough of the others lead there"
            : trail.Steps is [.., { Verdict: CheckVerdict.Skipped }] ? $"{trail.Name}: ok as far as it was looked at" : $"{trail.Name}: ok");

    /// <summary>All of it, as one JSON document.</summary>
    public static void WriteJson(Stream output, IReadOnlyList<CheckTrail> trails, IReadOnlyList<string> surroundings, int exit)
    {
        using (var json = new Utf8JsonWriter(output, new JsonWriterOptions { Indented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            json.WriteStartObject();
            json.WriteNumber("exit", exit);
            json.WriteStartArray("checks");
            foreach (var trail in trails) WriteJson(json, trail);
            json.WriteEndArray();
            json.WriteStartArray("surroundings");
            foreach (var line in surroundings) json.WriteStringValue(line);
            json.WriteEndArray();
            json.WriteEndObject();
        }

        output.WriteByte((byte)'\n');
    }

    private static void WriteJson(Utf8JsonWriter json, CheckTrail trail)
    {
        json.WriteStartObject();
        json.WriteString("name", trail.Name);
        json.WriteString("failedAt", trail.Failure?.Hop);
        json.WriteStartArray("steps");
        foreach (var step in trail.Steps)
        {
            json.WriteStartObject();
            json.WriteString("hop", step.Hop);
            json.WriteString("verdict", step.Verdict.ToString().ToLowerInvariant());
            json.WriteString("text", step.Text);
            json.WriteNumber("milliseconds", Math.Round(step.Time.TotalMilliseconds, 1));
            if (step.Fault is { } fault)
            {
                json.WriteNumber("exit", fault.Exit);
                json.WriteString("remedy", fault.Remedy);
                if (fault.Client is { } client) json.WriteString("client", client);
            }

            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteEndObject();
    }
}
