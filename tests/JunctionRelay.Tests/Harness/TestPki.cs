using System.Buffers.Text;
using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using JunctionRelay.Connections;

namespace JunctionRelay.Tests.Harness;

/// <summary>A certificate authority of a test's own, and what it issues.</summary>
public sealed class TestPki
{
    private const string ServerUsage = "1.3.6.1.5.5.7.3.1";
    private const string ClientUsage = "1.3.6.1.5.5.7.3.2";
    private static readonly DateTimeOffset Now = TimeProvider.System.GetUtcNow();

    public TestPki(string name = "Test CA")
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, true, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign | X509KeyUsageFlags.CrlSign, true));
        Authority = request.CreateSelfSigned(Now.AddDays(-30), Now.AddDays(30));
    }

    /// <summary>The authority of most tests.</summary>
    public static TestPki Default { get; } = new();

    public X509Certificate2 Authority { get; }
    public X509Certificate2Collection Trust => [Authority];

    public X509Certificate2 Issue(string name, TimeSpan? from = null, TimeSpan? until = null, string? usage = null, string? subject = null, params string[] uris)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest(subject ?? $"CN={name}", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(false, false, 0, true));
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension(
            usage is null ? [new Oid(ServerUsage), new Oid(ClientUsage)] : [new Oid(usage)], false));
        var names = new SubjectAlternativeNameBuilder();
        if (IPAddress.TryParse(name, out var address)) names.AddIpAddress(address);
        else names.AddDnsName(name);
        foreach (var uri in uris) names.AddUri(new Uri(uri));
        request.CertificateExtensions.Add(names.Build());
        using var issued = request.Create(
            Authority, Now + (from ?? TimeSpan.FromDays(-1)), Now + (until ?? TimeSpan.FromDays(1)), RandomNumberGenerator.GetBytes(16));
        using var withKey = issued.CopyWithPrivateKey(key);
        return X509CertificateLoader.LoadPkcs12(withKey.Export(X509ContentType.Pkcs12), null);
    }

    /// <summary>A certificate whose alternative names are no names: a URI (RFC 5280, 4.2.1.6) of bytes that IA5String does not have.</summary>
    public X509Certificate2 IssueGarbled(string name)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid(ServerUsage)], false));
        request.CertificateExtensions.Add(new X509Extension("2.5.29.17", [0x30, 0x04, 0x86, 0x02, 0xFF, 0xFF], critical: false));
        using var issued = request.Create(Authority, Now.AddDays(-1), Now.AddDays(1), RandomNumberGenerator.GetBytes(16));
        using var withKey = issued.CopyWithPrivateKey(key);
        return X509CertificateLoader.LoadPkcs12(withKey.Export(X509ContentType.Pkcs12), null);
    }

    /// <summary>A deny list of this authority, with one name.</summary>
    public string SignDenyList(ulong number, string name)
    {
        var header = $$"""{"alg":"ES256","kid":"{{PeerIdentity.KeyOf(Authority.PublicKey)}}","typ":"junction-deny"}""";
        var payload = $$"""{"iss":"","number":{{number}},"iat":0,"deny":[{"name":"{{name}}"}]}""";
        var signed = Encoding.ASCII.GetBytes($"{Base64Url.EncodeToString(Encoding.UTF8.GetBytes(header))}.{Base64Url.EncodeToString(Encoding.UTF8.GetBytes(payload))}");
        using var key = Authority.GetECDsaPrivateKey()!;
        return $"{Encoding.ASCII.GetString(signed)}.{Base64Url.EncodeToString(key.SignData(signed, HashAlgorithmName.SHA256))}";
    }

    internal TlsIdentity Identity(string name) => TlsIdentity.From(Issue(name));
}
