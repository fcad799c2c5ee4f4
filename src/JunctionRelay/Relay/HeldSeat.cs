namespace JunctionRelay.Relay;

/// <summary>A connection to a vendor daemon, which as a rule is a license in use: whose, since when, and through whom.</summary>
/// <param name="Relay">The relay, or <c>service/NAME</c>, whose license server it is.</param>
/// <param name="Vendor">The vendor daemon, as a redirect of that server named it; <see cref="OtherVendor"/> when the client says a name that none did.</param>
/// <param name="Holder">What the client says of itself.</param>
/// <param name="Peer">What a certificate proved: of the junction before us, or of the client; <c>-</c> where none did.</param>
/// <param name="Client">The node's address, as the first junction saw it.</param>
/// <param name="Since">When the client said hello to the daemon.</param>
internal sealed record HeldSeat(string Relay, string Vendor, LicenseHolder Holder, string Peer, string Client, DateTimeOffset Since)
{
    /// <summary>Names that only clients say must not become labels of metrics.</summary>
    public const string OtherVendor = "other";
}
