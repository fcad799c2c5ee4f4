using Microsoft.Extensions.Logging;

namespace JunctionRelay.Policies;

/// <summary>What policies say; event ids 2000-2099.</summary>
internal static partial class PolicyLog
{
    [LoggerMessage(2000, LogLevel.Information, "auth hook {file} says: {words}", EventName = "auth-hook-said")]
    public static partial void AuthHookSaid(this ILogger log, string file, string words);
}
