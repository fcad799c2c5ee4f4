namespace JunctionRelay.Relay;

/// <summary>Who holds a license over a connection, as the license protocol told: for the log and the status, never for a decision.</summary>
/// <param name="User">The user's name on the node.</param>
/// <param name="Host">The node's own name.</param>
/// <param name="Vendor">The vendor daemon that was asked.</param>
/// <param name="ProcessId">The process, as the client wrote it.</param>
internal sealed record LicenseHolder(string? User, string? Host, string? Vendor, string? ProcessId = null)
{
    /// <summary>Of a connection that is nobody's license.</summary>
    public static LicenseHolder None { get; } = new(null, null, null);

    /// <summary>The login name of the client's user by the word of the machine that it runs on; null = unknown.</summary>
    public string? Asserted { get; init; }

    /// <summary>What is known, under the names that logs give it.</summary>
    public IEnumerable<(string Name, string Text)> Fields()
    {
        if (User is { Length: > 0 }) yield return ("user", User);
        if (Host is { Length: > 0 }) yield return ("host", Host);
        if (Vendor is { Length: > 0 }) yield return ("vendor", Vendor);
        if (ProcessId is { Length: > 0 }) yield return ("pid", ProcessId);
        if (Asserted is { Length: > 0 }) yield return ("asserted", Asserted);
    }

    /// <summary>As a line of the log shows it, a space before each field; what could be taken for another field stands in quotation marks.</summary>
    public override string ToString() => string.Concat(Fields().Select(f => $" {f.Name}={Quoted(f.Text)}"));

    private static string Quoted(string text) => text.All(c => char.IsLetterOrDigit(c) || c is '-' or '_' or '.' or '@' or '$' or '\\' or '+')
        ? text
        : $"\"{text.Replace("\"", "'", StringComparison.Ordinal)}\"";
}
