using Microsoft.Extensions.Logging;

namespace JunctionRelay.App.Hosting;

/// <summary>Log events of the process: ids 1200-1299.</summary>
internal static partial class HostingLog
{
    [LoggerMessage(1202, LogLevel.Warning, "the service manager listens on {address} for us, and nothing in the configuration does: closed", EventName = "socket-unused")]
    public static partial void SocketUnused(this ILogger log, string address);

    [LoggerMessage(1203, LogLevel.Error, "the audit cannot be written to {file} ({error}): what happens meanwhile is not in it", EventName = "audit-not-written")]
    public static partial void AuditNotWritten(this ILogger log, string file, string error);

    [LoggerMessage(1204, LogLevel.Warning, "OpenSSL offers whichever groups its configuration names, finite fields too, and could not be told otherwise: {why}", EventName = "tls-groups-not-limited")]
    public static partial void GroupsNotLimited(this ILogger log, string why);

    [LoggerMessage(1201, LogLevel.Warning, "{lines} lines of the log were dropped: nobody took them", EventName = "log-lines-dropped")]
    public static partial void LogLinesDropped(this ILogger log, long lines);

    [LoggerMessage(1220, LogLevel.Information, "process {process} has taken over; this one serves its connections to their ends", EventName = "handed-over")]
    public static partial void HandedOver(this ILogger log, int process);

    [LoggerMessage(1221, LogLevel.Information, "took over {sockets} sockets from process {process}", EventName = "taken-over")]
    public static partial void TakenOver(this ILogger log, int sockets, int process);

    [LoggerMessage(1222, LogLevel.Warning, "process {process} was to take over and did not; this one serves on", EventName = "not-taken-over")]
    public static partial void NotTakenOver(this ILogger log, int process);

    [LoggerMessage(1223, LogLevel.Warning, "no other process can take over from this one: {why}; is the same configuration running twice?", EventName = "no-successor-port")]
    public static partial void NoSuccessorPort(this ILogger log, string why);

    [LoggerMessage(1224, LogLevel.Warning, "not every link is up after {seconds} s: taking over all the same", EventName = "links-late")]
    public static partial void LinksLate(this ILogger log, double seconds);

    [LoggerMessage(1225, LogLevel.Information, "process {process} is starting, to take over", EventName = "successor-started")]
    public static partial void SuccessorStarted(this ILogger log, int process);

    [LoggerMessage(1226, LogLevel.Error, "no process that takes over could be started: {why}; this one serves on", EventName = "successor-not-started")]
    public static partial void SuccessorNotStarted(this ILogger log, string why);

    [LoggerMessage(1210, LogLevel.Information, "the configuration was read again and is in force: {changes}", EventName = "config-reloaded")]
    public static partial void ConfigReloaded(this ILogger log, string changes);

    [LoggerMessage(1211, LogLevel.Warning, "the configuration was read again and is not used; the one before stays in force: {problems}", EventName = "config-refused")]
    public static partial void ConfigRefused(this ILogger log, string problems);

    [LoggerMessage(1212, LogLevel.Error, "a fault of ours while reloading; please report it", EventName = "reload-fault")]
    public static partial void ReloadFault(this ILogger log, Exception exception);
}
