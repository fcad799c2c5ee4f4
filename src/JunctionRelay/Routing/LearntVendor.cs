namespace JunctionRelay.Routing;

/// <summary>That a license server has named a vendor daemon's port, in words that another process understands.</summary>
/// <param name="Relay">The relay, or what the streams of peers are relayed by.</param>
/// <param name="Service">Of peers, the service; else empty.</param>
/// <param name="Server">The license server, as it is dialled.</param>
/// <param name="Vendor">The daemon's name.</param>
/// <param name="Port">Where it listens.</param>
/// <param name="Given">The port that its clients were given in its place; null where it is its own.</param>
internal sealed record LearntVendor(string Relay, string Service, string Server, string Vendor, int Port, int? Given = null);
