using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace JunctionRelay.Connections;

/// <summary>Our certificate with its key and the intermediates that go with it, ready for handshakes.</summary>
internal sealed class TlsIdentity
{
    private TlsIdentity(X509Certificate2 certificate, X509Certificate2Collection chain)
    {
        Certificate = certificate;
        Domain = PeerIdentity.DomainOf(certificate);
        Context = SslStreamCertificateContext.Create(certificate, chain, offline: true);
    }

    /// <summary>The leaf.</summary>
    public X509Certificate2 Certificate { get; }

    /// <summary>Our trust domain, from our SPIFFE ID; null where we have none.</summary>
    public string? Domain { get; }

    /// <summary>What SslStream sends: leaf and intermediates, built once.</summary>
    public SslStreamCertificateContext Context { get; }

    /// <summary>Reads PEM texts: the leaf first, intermediates after it.</summary>
    /// <exception cref="CryptographicException">One of them is no PEM certificate or key, or the key does not fit.</exception>
    public static TlsIdentity FromPem(string certificatePem, string keyPem)
    {
        using var leaf = X509Certificate2.CreateFromPem(certificatePem, keyPem);
        var chain = new X509Certificate2Collection();
        chain.ImportFromPem(certificatePem);
        return new TlsIdentity(Usable(leaf), chain);
    }

    /// <summary>From a certificate that holds its private key.</summary>
    public static TlsIdentity From(X509Certificate2 certificateWithKey) => new(Usable(certificateWithKey), []);

    // Windows' TLS refuses keys that live in memory only; going through PKCS#12 gives the key a place (dotnet/runtime#23749).
    private static X509Certificate2 Usable(X509Certificate2 certificate) =>
        X509CertificateLoader.LoadPkcs12(certificate.Export(X509ContentType.Pkcs12), password: null);
}
