using System.Buffers;
using Microsoft.Extensions.Logging;

namespace JunctionRelay.App.Hosting;

/// <summary>How an event becomes a line.</summary>
internal interface ILogFormat
{
    /// <summary>Writes one line with its end, in UTF-8. No text in it, whoever said it, breaks the line or reaches a terminal as a command.</summary>
    void Write(IBufferWriter<byte> to, DateTimeOffset time, LogLevel level, EventId id, string message, IReadOnlyList<KeyValuePair<string, object?>> fields, Exception? exception);
}

/// <summary>What both formats spell alike.</summary>
internal static class LogWords
{
    public static string Time(DateTimeOffset time) => time.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", System.Globalization.CultureInfo.InvariantCulture);

    /// <summary>As <c>logLevel</c> spells it.</summary>
    public static string Word(this LogLevel level) => level switch
    {
        LogLevel.Trace => "trace",
        LogLevel.Debug => "debug",
        LogLevel.Information => "info",
        LogLevel.Warning => "warn",
        _ => "error",
    };

    /// <summary>The other way round; info for null.</summary>
    public static LogLevel Level(string? word) => word switch
    {
        "trace" => LogLevel.Trace,
        "debug" => LogLevel.Debug,
        "warn" => LogLevel.Warning,
        "error" => LogLevel.Error,
        _ => LogLevel.Information,
    };
}
