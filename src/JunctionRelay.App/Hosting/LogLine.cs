using System.Globalization;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Logging.Console;

namespace JunctionRelay.App.Hosting;

/// <summary>One event, one line: time (RFC 3339, UTC), level, text. What a stranger sent cannot break the line: control characters are escaped.</summary>
internal sealed class LogLine(TimeProvider time) : ConsoleFormatter(FormatterName)
{
    public const string FormatterName = "junction";

    public override void Write<TState>(in LogEntry<TState> entry, IExternalScopeProvider? scopes, TextWriter output)
    {
        output.Write(time.GetUtcNow().ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture));
        output.Write(entry.LogLevel switch
        {
            LogLevel.Trace => " trace ",
            LogLevel.Debug => " debug ",
            LogLevel.Information => " info  ",
            LogLevel.Warning => " warn  ",
            _ => " error ",
        });
        WriteEscaped(output, entry.Formatter(entry.State, entry.Exception).AsSpan().TrimEnd());
        if (entry.Exception is not null)
        {
            output.Write(' ');
            // The messages of exceptions quote strangers, too.
            WriteEscaped(output, entry.Exception.ToString().ReplaceLineEndings(" | "));
        }

        output.Write('\n');
    }

    private static void WriteEscaped(TextWriter output, ReadOnlySpan<char> text)
    {
        foreach (var c in text)
        {
            if (char.IsControl(c)) output.Write($"\\u{(int)c:x4}");
            else output.Write(c);
        }
    }
}
