using System.ComponentModel;

namespace JunctionRelay.Configuration;

/// <summary>The certificate authority, on the one junction where it lives.</summary>
internal sealed record PkiConfig
{
    [Description("The directory of the authority, made by `junction pki init`. Whoever has a token may join at linkListen, and junctions of this authority renew there and over links.")]
    public string? Directory { get; init; }

    [AtLeast("10s")]
    [Description("How long certificates are valid that are issued when a junction joins or renews; they are renewed at two thirds of it. Default: 24h.")]
    public TimeSpan? CertificateLifetime { get; init; }

    [AtLeast("0")]
    [Description("How often in 30 days a junction whose certificate ran out while it was off may come back by its key alone; 0 = never, it then needs a new token. One whose answer was lost counts once. Default: 60, twice a day.")]
    public int? RejoinLimit { get; init; }
}
