using System.Buffers;
using System.Text.RegularExpressions;
using Microsoft.Extensions.Logging;

namespace JunctionRelay.App.Hosting;

/// <summary>
/// For systemd's journal: <c>&lt;6&gt;</c> and the like before each line of the other format, by which <c>journalctl -p warning</c> tells them apart (sd-daemon(3)). The journal
/// takes it off again.
/// </summary>
internal sealed partial class JournalLog(ILogFormat format) : ILogFormat
{
    /// <summary>Whether standard output is the journal: JOURNAL_STREAM has the numbers of its device and its file (systemd.exec(5)).</summary>
    public static bool IsHere() =>
        Environment.GetEnvironmentVariable("JOURNAL_STREAM") is { } stream && stream.Split(':') is [_, var file]
        && OperatingSystem.IsLinux() && new FileInfo("/proc/self/fd/1").LinkTarget is { } target && Socket().Match(target) is { Success: true } match && match.Groups["file"].Value == file;

    public void Write(IBufferWriter<byte> to, DateTimeOffset time, LogLevel level, EventId id, string message, IReadOnlyList<KeyValuePair<string, object?>> fields, Exception? exception)
    {
        to.Write(level switch { LogLevel.Trace or LogLevel.Debug => "<7>"u8, LogLevel.Information => "<6>"u8, LogLevel.Warning => "<4>"u8, _ => "<3>"u8 });
        format.Write(to, time, level, id, message, fields, exception);
    }

    [GeneratedRegex(@"^socket:\[(?<file>\d+)\]$")]
    private static partial Regex Socket();
}
