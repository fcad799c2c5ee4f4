using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace JunctionRelay.Tests.Configuration;

/// <summary>PEM files for configurations to name: right ones under the names that the examples use, and wrong ones of every kind.</summary>
internal static class TestCertificates
{
    /// <summary>File name and text.</summary>
    public static readonly IReadOnlyDictionary<string, string> Files = Make();

    private static Dictionary<string, string> Make()
    {
        using var caKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var ca = new CertificateRequest("CN=test authority", caKey, HashAlgorithmName.SHA256)
            .CreateSelfSigned(DateTimeOffset.UnixEpoch, DateTimeOffset.UnixEpoch.AddYears(200));
        var files = new Dictionary<string, string> { ["ca.crt"] = ca.ExportCertificatePem() };
        foreach (var name in new[] { "server", "cloud", "enterprise" })
            (files[$"{name}.crt"], files[$"{name}.key"]) = Pair($"CN={name}");

        using var rsa = RSA.Create(2048);
        using var ofRsa = new CertificateRequest("CN=rsa", rsa, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1)
            .CreateSelfSigned(DateTimeOffset.UnixEpoch, DateTimeOffset.UnixEpoch.AddYears(200));
        files["rsa.crt"] = ofRsa.ExportCertificatePem();
        files["rsa.key"] = rsa.ExportRSAPrivateKeyPem();
        files["both.pem"] = files["server.key"] + "\n" + files["server.crt"];
        files["encrypted.key"] = caKey.ExportEncryptedPkcs8PrivateKeyPem("secret", new PbeParameters(PbeEncryptionAlgorithm.Aes256Cbc, HashAlgorithmName.SHA256, 1000));
        files["damaged.crt"] = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        files["empty.pem"] = "";
        return files;
    }

    private static (string Certificate, string Key) Pair(string subject)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var certificate = new CertificateRequest(subject, key, HashAlgorithmName.SHA256)
            .CreateSelfSigned(DateTimeOffset.UnixEpoch, DateTimeOffset.UnixEpoch.AddYears(200));
        return (certificate.ExportCertificatePem(), key.ExportPkcs8PrivateKeyPem());
    }
}
