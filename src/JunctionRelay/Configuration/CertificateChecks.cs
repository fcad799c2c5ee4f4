using System.Formats.Asn1;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using JunctionRelay.Connections;
using JunctionRelay.Files;

namespace JunctionRelay.Configuration;

/// <summary>Opens every PEM file that the configuration names, so that a wrong one stops the start rather than the first client.</summary>
internal sealed class CertificateChecks(List<ConfigProblem> problems)
{
    private static readonly string[] KnownKeys = ["1.2.840.113549.1.1.1", "1.2.840.10045.2.1"];   // RSA, EC
    private readonly HashSet<(string?, string?)> _checked = [];

    /// <summary>Every file of <paramref name="files"/>; one that is used in several places is opened once.</summary>
    public void Check(TlsFiles files)
    {
        if (files is { Certificate: { } certificate, Key: { } key } && _checked.Add((certificate.File, key.File)))
            CheckPair(certificate, key);
        if (files.Trust is { } trust && _checked.Add((trust.File, null)))
            CheckTrust(trust);
    }

    /// <summary>Whether the certificate names a junction, as links want it. One that cannot be read has been told of already.</summary>
    public void CheckName(TlsFiles.Named certificate)
    {
        try
        {
            using var loaded = File.Exists(certificate.File) ? X509Certificate2.CreateFromPem(File.ReadAllText(certificate.File)) : null;
            if (loaded is not null && PeerIdentity.Of(loaded).Name.Length == 0)
                Add(certificate, "names nobody: it has no DNS name or URI among its subject alternative names, and a common name counts for nothing", "have one issued with subjectAltName=DNS:NAME");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or CryptographicException or AsnContentException)
        {
            // Told where its pair is checked.
        }
    }

    private void CheckPair(TlsFiles.Named certificate, TlsFiles.Named key)
    {
        var pem = ReadText(certificate);
        var keyPem = key.File == certificate.File ? pem : ReadText(key);
        if (pem is null || LoadCertificate(certificate, pem) is not { } loaded)
            return;

        using (loaded)
        {
            if (keyPem is null)
                return;
            if (!HasBlock(keyPem, label => label.EndsWith("PRIVATE KEY", StringComparison.Ordinal)))
                Add(key, "holds no private key in PEM form", "name the file that holds it, -----BEGIN PRIVATE KEY-----");
            else if (Looseness(key.File) is { } looseness)
                Add(key, $"holds a private key and {looseness}", $"chmod 600 {key.File}");
            else if (keyPem.Contains("ENCRYPTED", StringComparison.Ordinal))
                Add(key, "is protected by a passphrase", $"take it off: openssl pkey -in {key.File} -out NEW.key, and chmod 600 NEW.key");
            else if (!KnownKeys.Contains(loaded.PublicKey.Oid.Value))
                Add(certificate, $"has a key of a kind that TLS here does not know ({loaded.PublicKey.Oid.Value})", "make an ECDSA P-256 or an RSA key");
            else if (!Fits(pem, keyPem))
                Add(key, $"does not fit the certificate {Path.GetFileName(certificate.File)}", "name the key that the certificate was issued for");
        }
    }

    private void CheckTrust(TlsFiles.Named trust)
    {
        if (ReadText(trust) is not { } pem)
            return;
        var authorities = new X509Certificate2Collection();
        try
        {
            authorities.ImportFromPem(pem);
        }
        catch (CryptographicException)
        {
            Add(trust, "holds a certificate that is damaged", "copy the file again");
            return;
        }

        if (authorities.Count == 0)
            Add(trust, "holds no certificate in PEM form", "name the file with the certificates of the authorities, -----BEGIN CERTIFICATE-----");
        foreach (var authority in authorities)
            authority.Dispose();
    }

    private X509Certificate2? LoadCertificate(TlsFiles.Named certificate, string pem)
    {
        if (!HasBlock(pem, label => label == "CERTIFICATE"))
        {
            Add(certificate, "holds no certificate in PEM form", $"if it is in DER form: openssl x509 -inform der -in {certificate.File} -out NEW.crt");
            return null;
        }

        try
        {
            return X509Certificate2.CreateFromPem(pem);
        }
        catch (CryptographicException)
        {
            Add(certificate, "holds a certificate that is damaged", "copy the file again");
            return null;
        }
    }

    private static bool Fits(string pem, string keyPem)
    {
        try
        {
            X509Certificate2.CreateFromPem(pem, keyPem).Dispose();
            return true;
        }
        catch (Exception e) when (e is CryptographicException or ArgumentException)
        {
            return false;
        }
    }

    private static bool HasBlock(string pem, Func<string, bool> isWanted)
    {
        var rest = pem.AsSpan();
        while (PemEncoding.TryFind(rest, out var block))
        {
            if (isWanted(rest[block.Label].ToString()))
                return true;
            rest = rest[block.Location.End..];
        }

        return false;
    }

    private string? ReadText(TlsFiles.Named named)
    {
        try
        {
            if (Directory.Exists(named.File))
                Add(named, "is a directory", "name the file in it");
            else if (!File.Exists(named.File))
                Add(named, "does not exist", "create it or mend the path; paths are relative to the configuration file");
            else
                return File.ReadAllText(named.File);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            var flaw = JsonLayer.Unreadable(e);
            Add(named, flaw.What, flaw.Remedy);
        }

        return null;
    }

    private static string? Looseness(string file)
    {
        using var open = new FileStream(file, FileMode.Open, FileAccess.Read);
        return SecretFile.Looseness(open);
    }

    private void Add(TlsFiles.Named named, string what, string remedy) =>
        problems.Add(new ConfigProblem(named.By, $"{named.File} {what}", remedy));
}
