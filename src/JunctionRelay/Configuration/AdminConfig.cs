using System.ComponentModel;

namespace JunctionRelay.Configuration;

/// <summary>The admin endpoint.</summary>
internal sealed record AdminConfig
{
    [Description("Where it listens: host:port, unix:/path (this user alone may connect), and tls:// before the former. Whoever comes from other " +
        "machines must show a token or a certificate. Required.")]
    public string? Listen { get; init; }

    [Description("A file with a token of at least 16 characters on one line; it may be replaced while running. Who asks must send it: as a bearer token, " +
        "or as the password of HTTP Basic with any user. /livez and /readyz are answered without.")]
    public string? TokenFile { get; init; }

    [Description("Certificates and names of a tls:// admin address, as for a relay.")]
    public TlsConfig? Tls { get; init; }
}
