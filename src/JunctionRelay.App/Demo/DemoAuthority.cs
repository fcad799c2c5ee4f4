using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using JunctionRelay.Connections;

namespace JunctionRelay.App.Demo;

/// <summary>A certificate authority that lives as long as the demonstration, in memory only.</summary>
internal sealed class DemoAuthority
{
    private const string ServerUsage = "1.3.6.1.5.5.7.3.1";
    private const string ClientUsage = "1.3.6.1.5.5.7.3.2";

    private readonly DateTimeOffset _from;
    private readonly DateTimeOffset _until;
    private readonly X509Certificate2 _certificate;

    public DemoAuthority(TimeProvider time)
    {
        // An hour back: the authority itself must not be from the future for anybody.
        _from = time.GetUtcNow().AddHours(-1);
        _until = time.GetUtcNow().AddHours(1);
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=junction demo", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, true, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign, true));
        _certificate = request.CreateSelfSigned(_from, _until);
    }

    /// <summary>What both junctions trust.</summary>
    public X509Certificate2Collection Trust => [_certificate];

    /// <summary>A new key and a certificate for it, good for either end of TLS.</summary>
    public TlsIdentity Issue(string name)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(false, false, 0, true));
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid(ServerUsage), new Oid(ClientUsage)], false));
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName(name);
        request.CertificateExtensions.Add(names.Build());
        using var issued = request.Create(_certificate, _from, _until, RandomNumberGenerator.GetBytes(16));
        using var withKey = issued.CopyWithPrivateKey(key);
        return TlsIdentity.From(withKey);
    }
}
