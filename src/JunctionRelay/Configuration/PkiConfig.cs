using System.ComponentModel;

namespace JunctionRelay.Configuration;

/// <summary>The certificate authority, on the one junction where it lives.</summary>
internal sealed record PkiConfig
{
    [Description("The directory of the certificate authority.")]
    public string? Directory { get; init; }
}
