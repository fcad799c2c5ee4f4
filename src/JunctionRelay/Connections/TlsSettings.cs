using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace JunctionRelay.Connections;

/// <summary>How one side of a relay speaks TLS; built once and shared by all handshakes.</summary>
/// <param name="Credentials">Our certificate and whom we trust.</param>
/// <param name="RequirePeerCertificate">For serving: ask for a client certificate and refuse clients without one.</param>
/// <param name="AllowTls12">Also speak TLS 1.2, for plain interop; 1.3 alone otherwise.</param>
/// <param name="Protocol">The application protocol (ALPN) that both sides must name; null where none is spoken of.</param>
internal sealed record TlsSettings(
    TlsCredentials Credentials, bool RequirePeerCertificate = false, bool AllowTls12 = false, SslApplicationProtocol? Protocol = null)
{
    /// <summary>For serving: one more protocol, whose clients may come without a certificate; one that they show is judged as any other.</summary>
    public SslApplicationProtocol? OpenProtocol { get; init; }

    private const string ServerUsage = "1.3.6.1.5.5.7.3.1";
    private const string ClientUsage = "1.3.6.1.5.5.7.3.2";

    /// <summary>With a certificate and trust that stay as they are.</summary>
    public TlsSettings(
        TlsIdentity? identity, X509Certificate2Collection? trust, bool RequirePeerCertificate = false, bool AllowTls12 = false, SslApplicationProtocol? Protocol = null)
        : this(new TlsCredentials(identity, trust), RequirePeerCertificate, AllowTls12, Protocol)
    {
    }

    /// <summary>For serving, with the credentials of one handshake.</summary>
    public SslServerAuthenticationOptions ServerOptions(TlsCredentials.State credentials, RemoteCertificateValidationCallback validate) => new()
    {
        ServerCertificateContext = (credentials.Identity ?? throw new InvalidOperationException("A TLS listener needs a certificate.")).Context,
        ClientCertificateRequired = RequirePeerCertificate,
        CertificateChainPolicy = ChainPolicy(ClientUsage, credentials.Trust),
        RemoteCertificateValidationCallback = validate,
        EnabledSslProtocols = Protocols,
        ApplicationProtocols = Protocol is not { } protocol ? null : OpenProtocol is { } open ? [protocol, open] : [protocol],
        // A resumed session skips the certificate, so whoever was let in once stays in: resumption only where nobody is asked for one.
        AllowTlsResume = !RequirePeerCertificate,
        AllowRenegotiation = false,
    };

    /// <summary>For dialling; <paramref name="targetName"/> is sent as SNI and must be one of the target's names.</summary>
    public SslClientAuthenticationOptions ClientOptions(TlsCredentials.State credentials, string targetName, RemoteCertificateValidationCallback validate) => new()
    {
        // A SPIFFE ID is no host name: the callback looks for it among the URIs.
        TargetHost = targetName.StartsWith(SpiffeId.Scheme, StringComparison.Ordinal) ? "" : targetName,
        ClientCertificateContext = credentials.Identity?.Context,
        CertificateChainPolicy = ChainPolicy(ServerUsage, credentials.Trust),
        RemoteCertificateValidationCallback = validate,
        EnabledSslProtocols = Protocols,
        ApplicationProtocols = Protocol is { } protocol ? [protocol] : null,
        // With a client certificate a resumed session misreports who we are (dotnet/runtime#123238).
        AllowTlsResume = credentials.Identity is null,
        AllowRenegotiation = false,
    };

    /// <summary>Reads the certificates of a PEM bundle.</summary>
    /// <exception cref="CryptographicException">It holds no certificate.</exception>
    public static X509Certificate2Collection TrustFromPem(string pem)
    {
        var trust = new X509Certificate2Collection();
        trust.ImportFromPem(pem);
        return trust.Count > 0 ? trust : throw new CryptographicException("there is no certificate in it");
    }

    private SslProtocols Protocols =>
#pragma warning disable CA5398 // the version is the point of this setting
        AllowTls12 ? SslProtocols.Tls12 | SslProtocols.Tls13 : SslProtocols.Tls13;
#pragma warning restore CA5398

    // No network during a handshake: no AIA download, no CRL or OCSP (dotnet/runtime#31664: a dead CDP hangs every new connection).
    private static X509ChainPolicy ChainPolicy(string usage, X509Certificate2Collection? trust)
    {
        var policy = new X509ChainPolicy { RevocationMode = X509RevocationMode.NoCheck, DisableCertificateDownloads = true };
        policy.ApplicationPolicy.Add(new Oid(usage));
        if (trust is not null)
        {
            policy.TrustMode = X509ChainTrustMode.CustomRootTrust;
            policy.CustomTrustStore.AddRange(trust);
        }

        return policy;
    }
}
