using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;
using JunctionRelay.Files;

namespace JunctionRelay.Pki;

/// <summary>Where an identity comes from, and so where it is renewed.</summary>
/// <param name="Junction">The name of the junction where its authority lives.</param>
/// <param name="Address">Where that was reached, host:port; null where the identity was issued by hand.</param>
internal sealed record EnrolmentRecord(string Junction, string? Address);

/// <summary>
/// Where one junction's identity lives: <c>junction.crt</c>, <c>junction.key</c> (mode 0600), <c>ca.crt</c>; from enrolment on also where it came from. Every
/// file is replaced as a whole, the certificate last, so that a pair that is there fits.
/// </summary>
internal sealed class IdentityDirectory(string path)
{
    public const string CertificateName = "junction.crt";
    public const string KeyName = "junction.key";
    public const string TrustName = "ca.crt";

    /// <summary>What SPIFFE's helpers write: another way to fill such a directory (spiffe-helper's defaults).</summary>
    public const string SvidName = "svid.pem", SvidKeyName = "svid_key.pem", SvidBundleName = "svid_bundle.pem";

    public string Root { get; } = Path.GetFullPath(path);

    public string EnrolmentFile => Path.Combine(Root, "enrolment.json");
    /// <summary>The deny lists that a running junction has learnt, one in a line.</summary>
    public string DenyListFile => Path.Combine(Root, "deny.list");

    public string CertificateFile => Path.Combine(Root, CertificateName);
    public string KeyFile => Path.Combine(Root, KeyName);
    public string TrustFile => Path.Combine(Root, TrustName);

    /// <summary>The key that is here, or a new one, which is written before anybody is asked to certify it: whatever happens then, it can be asked again.</summary>
    /// <exception cref="IOException">The directory or the file cannot be used.</exception>
    /// <exception cref="CryptographicException">What is there is no EC key.</exception>
    public ECDsa KeepKey()
    {
        Prepare();
        if (!File.Exists(KeyFile))
        {
            using var made = ECDsa.Create(ECCurve.NamedCurves.nistP256);
            AtomicFile.Write(KeyFile, made.ExportPkcs8PrivateKeyPem() + "\n", AtomicFile.Secret);
        }

        return ReadKey();
    }

    /// <summary>The key that is here.</summary>
    /// <exception cref="IOException">It is missing, unreadable, or its mode is loose.</exception>
    /// <exception cref="CryptographicException">It is no EC key.</exception>
    public ECDsa ReadKey()
    {
        var key = ECDsa.Create();
        try
        {
            key.ImportFromPem(SecretFile.ReadText(KeyFile));
            return key;
        }
        catch (ArgumentException e)
        {
            key.Dispose();
            throw new CryptographicException($"{KeyFile} holds no EC private key in PEM form", e);
        }
        catch
        {
            key.Dispose();
            throw;
        }
    }

    /// <summary>The certificate that is here; null when there is none, or none that can be read.</summary>
    public X509Certificate2? ReadCertificate()
    {
        try
        {
            return File.Exists(CertificateFile) ? X509Certificate2.CreateFromPem(File.ReadAllText(CertificateFile)) : null;
        }
        catch (CryptographicException)
        {
            return null;
        }
    }

    /// <summary>Writes certificate and trust for the key that is here.</summary>
    public void Write(string certificatePem, string trustPem)
    {
        AtomicFile.Write(TrustFile, trustPem, AtomicFile.Public);
        WriteCertificate(certificatePem);
    }

    /// <summary>Writes a renewed certificate.</summary>
    /// <exception cref="IOException">It cannot be written; the old one is still there.</exception>
    public void WriteCertificate(string certificatePem) => Written.Do(() => AtomicFile.Write(CertificateFile, certificatePem, AtomicFile.Public));

    /// <summary>What became of the certificate that was written last.</summary>
    public LastWrite Written { get; } = new();

    /// <summary>Where the identity comes from; null where it was not written by `enroll` or `pki issue`.</summary>
    public EnrolmentRecord? ReadEnrolment()
    {
        try
        {
            return File.Exists(EnrolmentFile) ? JsonSerializer.Deserialize(File.ReadAllBytes(EnrolmentFile), PkiJson.Default.EnrolmentRecord) : null;
        }
        catch (JsonException e)
        {
            throw new IOException($"{EnrolmentFile} cannot be read: {e.Message}", e);
        }
    }

    public void WriteEnrolment(EnrolmentRecord from) =>
        AtomicFile.Write(EnrolmentFile, JsonSerializer.SerializeToUtf8Bytes(from, PkiJson.Default.EnrolmentRecord), AtomicFile.Public);

    private void Prepare()
    {
        AtomicFile.MakeDirectory(Root, AtomicFile.SecretDirectory);
        if (OperatingSystem.IsWindows())
            return;
        // Who may write here may put a key of his own in place of ours.
        var mode = File.GetUnixFileMode(Root);
        if ((mode & (UnixFileMode.OtherWrite | UnixFileMode.GroupWrite)) != 0)
            throw new IOException($"{Root} can be changed by others: chmod 700 {Root}");
    }
}
