using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace JunctionRelay.Scenarios.Harness;

/// <summary>The PEM files of one certificate, as relays and peers want them.</summary>
/// <param name="Certificate">The certificate.</param>
/// <param name="Key">Its private key (PKCS #8).</param>
/// <param name="Both">Both in one file (haproxy).</param>
internal sealed record CertificateFiles(string Certificate, string Key, string Both);

/// <summary>A certificate authority of one scenario: P-256, its files in the scenario's folder.</summary>
internal sealed class TestCertificates : IDisposable
{
    private static readonly TimeSpan Validity = TimeSpan.FromDays(30);

    private readonly TemporaryFolder _folder;
    private readonly string _name;
    private readonly ECDsa _key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
    private readonly X509Certificate2 _authority;

    /// <param name="folder">Where the files go.</param>
    /// <param name="name">The authority's name; another name is another authority.</param>
    public TestCertificates(TemporaryFolder folder, string name = "ca")
    {
        _folder = folder;
        _name = name;
        var request = new CertificateRequest($"CN={name}", _key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(certificateAuthority: true, hasPathLengthConstraint: true, pathLengthConstraint: 0, critical: true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign | X509KeyUsageFlags.CrlSign, critical: true));
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, critical: false));
        var now = TimeProvider.System.GetUtcNow();
        _authority = request.CreateSelfSigned(now - Validity, now + Validity);
        Trust = folder.Write($"{name}.crt", _authority.ExportCertificatePem() + "\n");
    }

    /// <summary>The file that whoever trusts this authority names.</summary>
    public string Trust { get; }

    /// <summary>Issues a certificate for <paramref name="name"/> (its common name and DNS name) and the addresses given, good for both roles.</summary>
    /// <param name="name">Common name and, unless it is an address, DNS name.</param>
    /// <param name="expired">Whether it expired yesterday.</param>
    /// <param name="addresses">IP addresses that it is good for too.</param>
    public CertificateFiles Issue(string name, bool expired = false, params string[] addresses)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName(name);
        foreach (var address in addresses)
            names.AddIpAddress(IPAddress.Parse(address));
        request.CertificateExtensions.Add(names.Build());
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(certificateAuthority: false, hasPathLengthConstraint: false, pathLengthConstraint: 0, critical: true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.DigitalSignature, critical: true));
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid("1.3.6.1.5.5.7.3.1"), new Oid("1.3.6.1.5.5.7.3.2")], critical: false));
        request.CertificateExtensions.Add(X509AuthorityKeyIdentifierExtension.CreateFromCertificate(_authority, includeKeyIdentifier: true, includeIssuerAndSerial: false));

        var now = TimeProvider.System.GetUtcNow();
        var day = TimeSpan.FromDays(1);
        using var certificate = request.Create(_authority, now - (7 * day), expired ? now - day : now + (7 * day), RandomNumberGenerator.GetBytes(16));
        var file = $"{_name}-{name}{(expired ? "-expired" : "")}";
        var certificatePem = certificate.ExportCertificatePem() + "\n";
        var keyPem = key.ExportPkcs8PrivateKeyPem() + "\n";
        return new CertificateFiles(
            _folder.Write($"{file}.crt", certificatePem),
            _folder.Write($"{file}.key", keyPem),
            _folder.Write($"{file}.pem", certificatePem + keyPem));
    }

    /// <summary>The value of <c>identity</c> in a configuration, with a new certificate for <paramref name="name"/>.</summary>
    public string Identity(string name)
    {
        var files = Issue(name);
        return $$"""{ "certificate": "{{files.Certificate}}", "key": "{{files.Key}}", "trust": "{{Trust}}" }""";
    }

    public void Dispose()
    {
        _authority.Dispose();
        _key.Dispose();
    }
}
