using System.Buffers;
using System.Globalization;
using System.Text.Json;
using JunctionRelay.Relay;
using Microsoft.Extensions.Logging;

namespace JunctionRelay.App.Hosting;

/// <summary>For programs: one JSON object a line. <c>time</c>, <c>level</c>, <c>event</c>, <c>eventId</c>, <c>message</c>, then the fields of the event by their names.</summary>
/// <param name="word">What every line has as its <c>level</c>; null = the event's own.</param>
internal sealed class JsonLog(string? word = null) : ILogFormat
{
    /// <summary>Keys that no field of an event may have.</summary>
    public static readonly IReadOnlyList<string> OwnKeys = ["time", "level", "event", "eventId", "message", "exception"];

    // Made anew for each line, it and its buffer were half of all that a short connection allocates.
    [ThreadStatic]
    private static Utf8JsonWriter? _writer;

    public void Write(IBufferWriter<byte> to, DateTimeOffset time, LogLevel level, EventId id, string message, IReadOnlyList<KeyValuePair<string, object?>> fields, Exception? exception)
    {
        // The writer's own encoder escapes all but plain ASCII.
        var json = _writer ??= new Utf8JsonWriter(to);
        json.Reset(to);
        json.WriteStartObject();
        json.WriteString("time", LogWords.Time(time));
        json.WriteString("level", word ?? level.Word());
        json.WriteString("event", id.Name);
        json.WriteNumber("eventId", id.Id);
        json.WriteString("message", message.AsSpan().TrimEnd());
        foreach (var (name, value) in fields)
        {
            // The last of them is the template of the message.
            if (name != "{OriginalFormat}") Write(json, name, value);
        }

        if (exception is not null) json.WriteString("exception", exception.ToString());
        json.WriteEndObject();
        json.Flush();
        to.Write("\n"u8);
    }

    private static void Write(Utf8JsonWriter json, string name, object? value)
    {
        switch (value)
        {
            case null: json.WriteNull(name); break;
            case LicenseHolder holder:
                foreach (var (field, text) in holder.Fields()) json.WriteString(field, text);
                break;
            case int number: json.WriteNumber(name, number); break;
            case uint number: json.WriteNumber(name, number); break;
            case long number: json.WriteNumber(name, number); break;
            case double number: json.WriteNumber(name, Math.Round(number, 6)); break;
            case bool flag: json.WriteBoolean(name, flag); break;
            default: json.WriteString(name, Convert.ToString(value, CultureInfo.InvariantCulture)); break;
        }
    }
}
