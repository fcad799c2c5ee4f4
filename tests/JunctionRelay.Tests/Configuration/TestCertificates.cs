using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using JunctionRelay.Pki;
using JunctionRelay.Tests.Harness;

namespace JunctionRelay.Tests.Configuration;

/// <summary>PEM files for configurations to name: right ones under the names that the examples use, and wrong ones of every kind.</summary>
internal static class TestCertificates
{
    /// <summary>File name and text.</summary>
    public static readonly IReadOnlyDictionary<string, string> Files = Make();

    /// <summary>The files of an authority that lives at "hq", in <c>pki/</c>, and of hq's identity, in <c>identity/</c>.</summary>
    public static readonly IReadOnlyDictionary<string, string> Authority = MakeAuthority();

    private static Dictionary<string, string> MakeAuthority()
    {
        using var folder = new TestFolder();
        using (var pki = PkiDirectory.Init(folder["pki"], "junction.internal", "hq", TimeSpan.FromDays(30), TimeProvider.System))
        {
            var identity = new IdentityDirectory(folder["identity"]);
            using var key = identity.KeepKey();
            using var issued = pki.Issue(new NodeRecord { Name = "hq", Key = "", Serial = "" }, new PublicKey(key), TimeSpan.FromDays(1));
            identity.Write(issued.ExportCertificatePem(), pki.TrustPem);
        }

        return Directory.EnumerateFiles(folder.Root, "*", SearchOption.AllDirectories).ToDictionary(f => Path.GetRelativePath(folder.Root, f), File.ReadAllText);
    }

    private static Dictionary<string, string> Make()
    {
        var files = new Dictionary<string, string> { ["ca.crt"] = TestPki.Default.Authority.ExportCertificatePem(), ["proxy.secret"] = "me:secret\n", ["auth.py"] = "#!/bin/sh\n" };
        foreach (var (file, name) in new[] { ("server", "relay.test"), ("cloud", "cloud"), ("enterprise", "enterprise"), ("dmz", "dmz"), ("node-17", "node-17") })
        {
            using var issued = TestPki.Default.Issue(name);
            using var key = issued.GetECDsaPrivateKey()!;
            files[$"{file}.crt"] = issued.ExportCertificatePem();
            files[$"{file}.key"] = key.ExportPkcs8PrivateKeyPem();
            files["encrypted.key"] = key.ExportEncryptedPkcs8PrivateKeyPem("secret", new PbeParameters(PbeEncryptionAlgorithm.Aes256Cbc, HashAlgorithmName.SHA256, 1000));
        }

        using var rsa = RSA.Create(2048);
        using var selfSigned = new CertificateRequest("CN=rsa", rsa, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1)
            .CreateSelfSigned(DateTimeOffset.UnixEpoch, DateTimeOffset.UnixEpoch.AddYears(200));
        files["rsa.crt"] = selfSigned.ExportCertificatePem();
        files["rsa.key"] = rsa.ExportRSAPrivateKeyPem();
        files["both.pem"] = files["server.key"] + "\n" + files["server.crt"];
        files["damaged.crt"] = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        files["empty.pem"] = "";
        files["token"] = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(32)) + "\n";
        return files;
    }
}
