using Microsoft.Extensions.Logging;

namespace JunctionRelay.App.Admin;

/// <summary>Log events of the admin endpoint: ids 1300-1399.</summary>
internal static partial class AdminLog
{
    [LoggerMessage(1300, LogLevel.Information, "admin endpoint listens on {address}", EventName = "admin-listening")]
    public static partial void AdminListening(this ILogger log, string address);

    [LoggerMessage(1301, LogLevel.Warning, "admin endpoint cannot listen on {address} ({error}); relaying goes on without it, tried again every {seconds} s", EventName = "admin-not-listening")]
    public static partial void AdminNotListening(this ILogger log, string address, string error, double seconds);

    [LoggerMessage(1302, LogLevel.Warning, "admin endpoint refused {client}: {why} ({count} since the last such line)", EventName = "admin-refused")]
    public static partial void AdminRefused(this ILogger log, string client, string why, long count);

    [LoggerMessage(1303, LogLevel.Error, "admin endpoint met a fault of ours at {path}; please report it", EventName = "admin-fault")]
    public static partial void AdminFault(this ILogger log, Exception exception, string path);
}
