using Microsoft.Extensions.Logging;

namespace JunctionRelay.Targets;

/// <summary>Log events of targets: ids 1100-1199.</summary>
internal static partial class TargetLog
{
    [LoggerMessage(1100, LogLevel.Warning, "relay {relay}: target {target} is down ({detail}); asked every second until it is back", EventName = "target-down")]
    public static partial void TargetDown(this ILogger log, string relay, string target, string detail);

    [LoggerMessage(1101, LogLevel.Information, "relay {relay}: target {target} is up", EventName = "target-up")]
    public static partial void TargetUp(this ILogger log, string relay, string target);
}
