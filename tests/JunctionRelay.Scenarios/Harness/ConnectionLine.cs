using System.Globalization;
using System.Text.RegularExpressions;

namespace JunctionRelay.Scenarios.Harness;

/// <summary>The one line that a junction writes when a connection has ended.</summary>
/// <param name="Id">The connection's id, the same over all links.</param>
/// <param name="Relay">The relay's name.</param>
/// <param name="Target">Where the connection left, or what was tried.</param>
/// <param name="ToTarget">Bytes that went from the client to the target.</param>
/// <param name="ToClient">Bytes that went from the target to the client.</param>
/// <param name="Reason">Why it ended, e.g. <c>client-closed</c>.</param>
/// <param name="Text">The whole line.</param>
internal sealed partial record ConnectionLine(string Id, string Relay, string Target, long ToTarget, long ToClient, string Reason, string Text)
{
    /// <summary>Both directions ended by themselves.</summary>
    public bool IsClean => Reason is "client-closed" or "target-closed";

    /// <summary>Reads a log line; null when it is about something else.</summary>
    public static ConnectionLine? Parse(string line)
    {
        if (Ended().Match(line) is not { Success: true } match)
            return null;
        return new ConnectionLine(
            match.Groups["id"].Value,
            match.Groups["relay"].Value,
            match.Groups["target"].Value,
            long.Parse(match.Groups["toTarget"].Value, CultureInfo.InvariantCulture),
            long.Parse(match.Groups["toClient"].Value, CultureInfo.InvariantCulture),
            match.Groups["reason"].Value,
            line);
    }

    [GeneratedRegex(@"\bend (?<id>\S+) relay=(?<relay>\S+) .*target=(?<target>\S+) to_target=(?<toTarget>\d+) to_client=(?<toClient>\d+) .*reason=(?<reason>[a-z-]+)")]
    private static partial Regex Ended();
}
