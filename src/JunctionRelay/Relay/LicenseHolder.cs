namespace JunctionRelay.Relay;

/// <summary>Who holds a license over a connection, as the license protocol told: for the log and the status, never for a decision.</summary>
/// <param name="User">The user's name on the node.</param>
/// <param name="Host">The node's own name.</param>
/// <param name="Vendor">The vendor daemon that was asked.</param>
internal sealed record LicenseHolder(string? User, string? Host, string? Vendor);
