namespace JunctionRelay.Relay;

/// <summary>Who holds a license over a connection, as the license protocol told: for the log and the status, never for a decision.</summary>
/// <param name="User">The user's name on the node.</param>
/// <param name="Host">The node's own name.</param>
/// <param name="Vendor">The vendor daemon that was asked.</param>
/// <param name="ProcessId">The process, as the client wrote it.</param>
internal sealed record LicenseHolder(string? User, string? Host, string? Vendor, string? ProcessId = null)
{
    /// <summary>As the log shows it, a space before each field; what a client could break a line's fields with stands in quotation marks.</summary>
    public override string ToString() =>
        string.Concat(new[] { ("user", User), ("host", Host), ("vendor", Vendor), ("pid", ProcessId) }.Where(f => f.Item2 is { Length: > 0 }).Select(f => $" {f.Item1}={Quoted(f.Item2!)}"));

    private static string Quoted(string text) => text.All(c => char.IsLetterOrDigit(c) || c is '-' or '_' or '.' or '@' or '$' or '\\' or '+')
        ? text
        : $"\"{text.Replace("\"", "'", StringComparison.Ordinal)}\"";
}
