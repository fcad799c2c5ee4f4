using Microsoft.Extensions.Logging;

namespace JunctionRelay.App.Hosting;

/// <summary>Log events of the process: ids 1200-1299.</summary>
internal static partial class HostingLog
{
    [LoggerMessage(1202, LogLevel.Warning, "the service manager listens on {address} for us, and nothing in the configuration does: closed", EventName = "socket-unused")]
    public static partial void SocketUnused(this ILogger log, string address);

    [LoggerMessage(1203, LogLevel.Error, "the audit cannot be written to {file} ({error}): what happens meanwhile is not in it", EventName = "audit-not-written")]
    public static partial void AuditNotWritten(this ILogger log, string file, string error);

    [LoggerMessage(1201, LogLevel.Warning, "{lines} lines of the log were dropped: nobody took them", EventName = "log-lines-dropped")]
    public static partial void LogLinesDropped(this ILogger log, long lines);

    [LoggerMessage(1210, LogLevel.Information, "the configuration was read again and is in force: {changes}", EventName = "config-reloaded")]
    public static partial void ConfigReloaded(this ILogger log, string changes);

    [LoggerMessage(1211, LogLevel.Warning, "the configuration was read again and is not used; the one before stays in force: {problems}", EventName = "config-refused")]
    public static partial void ConfigRefused(this ILogger log, string problems);

    [LoggerMessage(1212, LogLevel.Error, "a fault of ours while reloading; please report it", EventName = "reload-fault")]
    public static partial void ReloadFault(this ILogger log, Exception exception);
}
