using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace JunctionRelay.Connections;

/// <summary>How one side of a relay speaks TLS; built once and shared by all handshakes.</summary>
/// <param name="Identity">Our certificate: needed to serve; to dial, only where the target asks for one.</param>
/// <param name="Trust">Authorities whose certificates we accept; null = the system's store (only sensible for dialling).</param>
/// <param name="RequirePeerCertificate">For serving: ask for a client certificate and refuse clients without one.</param>
/// <param name="AllowTls12">Also speak TLS 1.2, for plain interop; 1.3 alone otherwise.</param>
/// <param name="Protocol">The application protocol (ALPN) that both sides must name; null where none is spoken of.</param>
internal sealed record TlsSettings(
    TlsIdentity? Identity, X509Certificate2Collection? Trust, bool RequirePeerCertificate = false, bool AllowTls12 = false, SslApplicationProtocol? Protocol = null)
{
    private const string ServerUsage = "1.3.6.1.5.5.7.3.1";
    private const string ClientUsage = "1.3.6.1.5.5.7.3.2";

    /// <summary>For serving.</summary>
    public SslServerAuthenticationOptions ServerOptions(RemoteCertificateValidationCallback validate) => new()
    {
        ServerCertificateContext = (Identity ?? throw new InvalidOperationException("A TLS listener needs a certificate.")).Context,
        ClientCertificateRequired = RequirePeerCertificate,
        CertificateChainPolicy = ChainPolicy(ClientUsage),
        RemoteCertificateValidationCallback = validate,
        EnabledSslProtocols = Protocols,
        ApplicationProtocols = Protocol is { } protocol ? [protocol] : null,
        // A resumed session skips the certificate, so whoever was let in once stays in: resumption only where nobody is asked for one.
        AllowTlsResume = !RequirePeerCertificate,
        AllowRenegotiation = false,
    };

    /// <summary>For dialling; <paramref name="targetName"/> is sent as SNI and must be one of the target's names.</summary>
    public SslClientAuthenticationOptions ClientOptions(string targetName, RemoteCertificateValidationCallback validate) => new()
    {
        // A SPIFFE ID is no host name: the callback looks for it among the URIs.
        TargetHost = targetName.StartsWith(SpiffeId.Scheme, StringComparison.Ordinal) ? "" : targetName,
        ClientCertificateContext = Identity?.Context,
        CertificateChainPolicy = ChainPolicy(ServerUsage),
        RemoteCertificateValidationCallback = validate,
        EnabledSslProtocols = Protocols,
        ApplicationProtocols = Protocol is { } protocol ? [protocol] : null,
        // With a client certificate a resumed session misreports who we are (dotnet/runtime#123238).
        AllowTlsResume = Identity is null,
        AllowRenegotiation = false,
    };

    /// <summary>Reads the certificates of a PEM bundle.</summary>
    /// <exception cref="IOException">The file is missing or unreadable.</exception>
    /// <exception cref="CryptographicException">It holds no certificate.</exception>
    public static X509Certificate2Collection TrustFromPemFile(string file)
    {
        var trust = new X509Certificate2Collection();
        trust.ImportFromPemFile(file);
        return trust.Count > 0 ? trust : throw new CryptographicException("there is no certificate in it");
    }

    private SslProtocols Protocols =>
#pragma warning disable CA5398 // the version is the point of this setting
        AllowTls12 ? SslProtocols.Tls12 | SslProtocols.Tls13 : SslProtocols.Tls13;
#pragma warning restore CA5398

    // No network during a handshake: no AIA download, no CRL or OCSP (dotnet/runtime#31664: a dead CDP hangs every new connection).
    private X509ChainPolicy ChainPolicy(string usage)
    {
        var policy = new X509ChainPolicy { RevocationMode = X509RevocationMode.NoCheck, DisableCertificateDownloads = true };
        policy.ApplicationPolicy.Add(new Oid(usage));
        if (Trust is not null)
        {
            policy.TrustMode = X509ChainTrustMode.CustomRootTrust;
            policy.CustomTrustStore.AddRange(Trust);
        }

        return policy;
    }
}
