using JunctionRelay.Pki;

namespace JunctionRelay.Configuration;

/// <summary>The PEM files that one relay's TLS uses: its own where it names any, else those of the identity.</summary>
internal sealed record TlsFiles(TlsFiles.Named? Certificate, TlsFiles.Named? Key, TlsFiles.Named? Trust)
{
    /// <summary>A file and the key that named it. <paramref name="File"/>: full path.</summary>
    public sealed record Named(string File, string By);

    /// <summary>The files of the identity. <paramref name="home"/>: the directory that paths in the configuration are relative to.</summary>
    public static TlsFiles Of(IdentityConfig? identity, string home)
    {
        if (identity?.Directory is { } directory)
        {
            Named In(string name) => new(Path.GetFullPath(Path.Combine(directory, name), home), "identity.directory");
            return !File.Exists(In(IdentityDirectory.CertificateName).File) && File.Exists(In(IdentityDirectory.SvidName).File)
                ? new TlsFiles(In(IdentityDirectory.SvidName), In(IdentityDirectory.SvidKeyName), In(IdentityDirectory.SvidBundleName))
                : new TlsFiles(In(IdentityDirectory.CertificateName), In(IdentityDirectory.KeyName), In(IdentityDirectory.TrustName));
        }

        return Of(identity?.Certificate, identity?.Key, identity?.Trust, "identity", home);
    }

    /// <summary>The files of a relay. A relay with a certificate of its own never uses the identity's key.</summary>
    public static TlsFiles Of(string relay, TlsConfig? tls, TlsFiles identity, string home)
    {
        return Of(Of(tls?.Certificate, tls?.Key, tls?.Trust, $"relays.{relay}.tls", home), identity);
    }

    /// <summary>The files of the admin endpoint, likewise.</summary>
    public static TlsFiles OfAdmin(TlsConfig? tls, TlsFiles identity, string home) => Of(Of(tls?.Certificate, tls?.Key, tls?.Trust, "admin.tls", home), identity);

    private static TlsFiles Of(TlsFiles own, TlsFiles identity)
    {
        var pair = own.Certificate is null ? identity : own;
        return new TlsFiles(pair.Certificate, pair.Key, own.Trust ?? identity.Trust);
    }

    private static TlsFiles Of(string? certificate, string? key, string? trust, string section, string home)
    {
        Named? Full(string? file, string by) => file is null ? null : new Named(Path.GetFullPath(file, home), $"{section}.{by}");
        return new TlsFiles(
            Full(certificate, "certificate"),
            // stunnel and haproxy keep both in one file.
            key is null ? Full(certificate, "certificate") : Full(key, "key"),
            Full(trust, "trust"));
    }
}
