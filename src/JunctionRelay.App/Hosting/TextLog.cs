using System.Buffers;
using System.Globalization;
using System.Text;
using Microsoft.Extensions.Logging;

namespace JunctionRelay.App.Hosting;

/// <summary>For people: time (RFC 3339, UTC), level, text.</summary>
internal sealed class TextLog : ILogFormat
{
    public void Write(IBufferWriter<byte> to, DateTimeOffset time, LogLevel level, EventId id, string message, IReadOnlyList<KeyValuePair<string, object?>> fields, Exception? exception)
    {
        var line = new StringBuilder().Append(LogWords.Time(time)).Append(' ').Append(level.Word().PadRight(6));
        Escaped(line, message.AsSpan().TrimEnd());
        // The messages of exceptions quote strangers, too.
        if (exception is not null) Escaped(line.Append(' '), exception.ToString().ReplaceLineEndings(" | "));
        Encoding.UTF8.GetBytes(line.Append('\n').ToString(), to);
    }

    // Also what turns the direction of writing, or breaks lines, in terminals that know Unicode.
    private static void Escaped(StringBuilder line, ReadOnlySpan<char> text)
    {
        foreach (var c in text)
        {
            if (char.IsControl(c) || char.GetUnicodeCategory(c) is UnicodeCategory.Format or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator)
                line.Append(CultureInfo.InvariantCulture, $"\\u{(int)c:x4}");
            else line.Append(c);
        }
    }
}
