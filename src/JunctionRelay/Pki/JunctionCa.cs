using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using JunctionRelay.Connections;
using JunctionRelay.Files;

namespace JunctionRelay.Pki;

/// <summary>
/// A small certificate authority: ECDSA P-256, bound to one trust domain (<see cref="NameConstraints"/>), with no authority below it. What it issues is one
/// junction's: DNS name <c>NAME.DOMAIN</c> and SPIFFE ID <c>spiffe://DOMAIN/NAME</c>, good for either end of TLS. Thread-safe.
/// </summary>
internal sealed class JunctionCa : IDisposable
{
    private const string ServerUsage = "1.3.6.1.5.5.7.3.1";
    private const string ClientUsage = "1.3.6.1.5.5.7.3.2";

    /// <summary>Certificates begin before they are made, for those whose clock is behind; of a short one at most a quarter.</summary>
    private static readonly TimeSpan MostBackdating = TimeSpan.FromHours(1);

    private readonly ECDsa _key;
    private readonly Lock _signing = new();

    private JunctionCa(X509Certificate2 certificate, ECDsa key) =>
        (Certificate, _key, Domain) = (certificate, key, DomainIn(certificate));

    /// <summary>Without the private key.</summary>
    public X509Certificate2 Certificate { get; }

    /// <summary>The trust domain.</summary>
    public string Domain { get; }

    /// <summary>SHA-256 of its public key, by which tokens and deny lists name it.</summary>
    public string KeyHash => PeerIdentity.KeyOf(Certificate.PublicKey);

    /// <summary>Makes a new authority.</summary>
    public static (JunctionCa Ca, string KeyPem) Create(string domain, DateTimeOffset now, TimeSpan lifetime)
    {
        var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN=junction authority, O={domain}", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(certificateAuthority: true, hasPathLengthConstraint: true, pathLengthConstraint: 0, critical: true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign | X509KeyUsageFlags.CrlSign, critical: true));
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, critical: false));
        request.CertificateExtensions.Add(NameConstraints.For(domain));
        var names = new SubjectAlternativeNameBuilder();
        names.AddUri(new Uri($"{SpiffeId.Scheme}{domain}"));   // as the standard wants it of an authority (X.509-SVID, section 2)
        request.CertificateExtensions.Add(names.Build());
        using var withKey = request.CreateSelfSigned(now - MostBackdating, now + lifetime);
        return (new JunctionCa(X509CertificateLoader.LoadCertificate(withKey.RawData), key), key.ExportPkcs8PrivateKeyPem());
    }

    /// <summary>Reads an authority from its files.</summary>
    /// <exception cref="IOException">A file is missing, unreadable, or the key's mode is loose.</exception>
    /// <exception cref="CryptographicException">They are no certificate and key of an authority such as <see cref="Create"/> makes.</exception>
    public static JunctionCa Load(string certificateFile, string keyFile)
    {
        var certificate = X509Certificate2.CreateFromPem(File.ReadAllText(certificateFile));
        var key = ECDsa.Create();
        try
        {
            key.ImportFromPem(SecretFile.ReadText(keyFile));
            if (!key.ExportSubjectPublicKeyInfo().AsSpan().SequenceEqual(certificate.PublicKey.ExportSubjectPublicKeyInfo()))
                throw new CryptographicException($"{keyFile} is not the key of {certificateFile}");
            if (!certificate.Extensions.OfType<X509BasicConstraintsExtension>().Any(e => e.CertificateAuthority))
                throw new CryptographicException($"{certificateFile} is no authority's certificate");
            return new JunctionCa(certificate, key);
        }
        catch (Exception e)
        {
            key.Dispose();
            certificate.Dispose();
            if (e is ArgumentException) throw new CryptographicException($"{keyFile} holds no EC private key in PEM form", e);
            throw;
        }
    }

    /// <summary>Issues a certificate of <paramref name="name"/> for a key whose private half its owner keeps.</summary>
    public X509Certificate2 Issue(string name, PublicKey key, DateTimeOffset now, TimeSpan lifetime)
    {
        if (!NodeName.IsName(name))
            throw new ArgumentException($"'{name}' is no name", nameof(name));
        var request = new CertificateRequest(new X500DistinguishedName($"CN={name}"), key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(false, false, 0, critical: true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.DigitalSignature, critical: true));
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid(ServerUsage), new Oid(ClientUsage)], critical: false));
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName($"{name}.{Domain}");
        names.AddUri(new Uri(new SpiffeId(Domain, name).ToString()));
        request.CertificateExtensions.Add(names.Build());
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(key, critical: false));
        request.CertificateExtensions.Add(X509AuthorityKeyIdentifierExtension.CreateFromCertificate(Certificate, includeKeyIdentifier: true, includeIssuerAndSerial: false));
        var until = now + lifetime < Certificate.NotAfter ? now + lifetime : Certificate.NotAfter;
        var serial = RandomNumberGenerator.GetBytes(16);
        serial[0] &= 0x7F;   // positive, and never shortened: RFC 5280, 4.1.2.2
        serial[0] |= 0x40;
        lock (_signing)
            return request.Create(Certificate.SubjectName, X509SignatureGenerator.CreateForECDsa(_key), now - Backdating(lifetime), until, serial);
    }

    /// <summary>Signs <paramref name="bytes"/> (ES256 of RFC 7518: ECDSA P-256 and SHA-256, r and s as 32 bytes each).</summary>
    public byte[] Sign(ReadOnlySpan<byte> bytes)
    {
        lock (_signing)
            return _key.SignData(bytes, HashAlgorithmName.SHA256);
    }

    public void Dispose()
    {
        _key.Dispose();
        Certificate.Dispose();
    }

    /// <summary>The trust domain of an authority's certificate.</summary>
    /// <exception cref="CryptographicException">It names none.</exception>
    public static string DomainIn(X509Certificate2 certificate) =>
        DomainOf(certificate) ?? throw new CryptographicException("the authority's certificate names no trust domain: it was not made by `junction pki init`");

    /// <summary>The trust domain of an authority's certificate; null where it names none.</summary>
    public static string? DomainOf(X509Certificate2 certificate)
    {
        var id = PeerIdentity.Of(certificate).Names.FirstOrDefault(n => n.StartsWith(SpiffeId.Scheme, StringComparison.Ordinal));
        return id?[SpiffeId.Scheme.Length..].TrimEnd('/') is { } domain && NodeName.IsDomain(domain) ? domain : null;
    }

    private static TimeSpan Backdating(TimeSpan lifetime) => lifetime / 4 < MostBackdating ? lifetime / 4 : MostBackdating;
}
