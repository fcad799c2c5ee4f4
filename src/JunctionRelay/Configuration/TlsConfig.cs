using System.ComponentModel;

namespace JunctionRelay.Configuration;

/// <summary>TLS of one relay: what its <c>tls://</c> listeners and its <c>tls://</c> targets use.</summary>
internal sealed record TlsConfig
{
    [Description("The certificate that listeners show, and targets that ask for one get, PEM. Default: that of the identity.")]
    public string? Certificate { get; init; }

    [Description("The private key of the certificate, PEM, without a passphrase. Default: it is in the certificate's file.")]
    public string? Key { get; init; }

    [Description("The authorities whose certificates are accepted, PEM: from clients on a listener, from servers on a target. Default: that of " +
        "the identity; where there is none either, clients need no certificate and servers are checked against the system's authorities.")]
    public string? Trust { get; init; }

    [OneOf("require", "none")]
    [Description("Whether clients of a tls:// listener must show a certificate issued by trust. Default: require where there is a trust, else none.")]
    public string? ClientCertificate { get; init; }

    [OneOf("1.3", "1.2")]
    [Description("The oldest TLS version that is accepted. Default: 1.3.")]
    public string? MinVersion { get; init; }

    [Description("The name that the certificate of a tls:// target must have. Default: the host in the target.")]
    public string? ServerName { get; init; }

    [Description("The certificate names that clients of a tls:// listener may have, with * and ? for anything but a dot and a slash, e.g. cloud or node-*. Default: every name " +
        "that trust vouches for.")]
    public IReadOnlyList<string>? AllowNames { get; init; }
}
