using System.ComponentModel;

namespace JunctionRelay.Configuration;

/// <summary>The certificate that this junction shows, its key, and whom it trusts.</summary>
internal sealed record IdentityConfig
{
    [Description("The certificate of this junction, PEM, followed by intermediate certificates if there are any.")]
    public string? Certificate { get; init; }

    [Description("The private key of the certificate, PEM, without a passphrase. Default: it is in the certificate's file.")]
    public string? Key { get; init; }

    [Description("The authorities that issue the certificates of the others, PEM, one or more.")]
    public string? Trust { get; init; }

    [Description("Instead of the three files: a directory that holds junction.crt, junction.key and ca.crt (as `pki issue` and `enroll` " +
        "write it), or svid.pem, svid_key.pem and svid_bundle.pem (as SPIFFE's helpers do).")]
    public string? Directory { get; init; }
}
