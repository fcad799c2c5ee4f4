using System.Security.Cryptography.X509Certificates;
using JunctionRelay.Connections;
using JunctionRelay.Relay;

namespace JunctionRelay.Configuration;

/// <summary>The certificates that a configuration uses, each under the key that names its file: so that somebody hears of it before one expires.</summary>
internal sealed class CertificateList
{
    private readonly IReadOnlyList<(TlsFiles.Named Named, string Kind, Func<IEnumerable<X509Certificate2>> Certificates, TlsCredentials From)> _all;

    public CertificateList(JunctionConfig config, string home, CertificateStores stores)
    {
        var identity = TlsFiles.Of(config.Identity, home);
        var relays = (config.Relays ?? new Dictionary<string, RelayConfig>()).OrderBy(r => r.Key, StringComparer.Ordinal)
            .Where(r => r.Value.Tls is not null).Select(r => TlsFiles.Of(r.Key, r.Value.Tls, identity, home));
        var admin = config.Admin?.Tls is { } tls ? TlsFiles.OfAdmin(tls, identity, home) : identity;
        _all = [.. relays.Prepend(identity).Append(admin).SelectMany(f => Of(f, identity, stores.Of(f))).DistinctBy(c => c.Item1)];
    }

    /// <summary>Those in use now.</summary>
    public IReadOnlyList<CertificateInUse> Read() => [.. _all.SelectMany(c => c.Certificates().Select(certificate => new CertificateInUse(
        c.Kind, c.Named.File, PeerIdentity.Label(certificate, c.From.Now.Identity?.Domain), certificate.GetNameInfo(X509NameType.SimpleName, forIssuer: true),
        certificate.NotBefore, certificate.NotAfter)))];

    private static IEnumerable<(TlsFiles.Named, string, Func<IEnumerable<X509Certificate2>>, TlsCredentials)> Of(TlsFiles files, TlsFiles identity, TlsCredentials credentials)
    {
        // With identity.directory one key names both files. Of a certificate's file the first is ours, the others are those that vouch for it.
        if (files.Certificate is { } certificate)
            yield return (certificate, Kind(certificate, "identity.certificate"), () => credentials.Now.Identity is { } ours ? [ours.Certificate] : [], credentials);
        if (files.Trust is { } trust)
            yield return (trust, Kind(trust, "identity.trust"), () => credentials.Now.Trust ?? [], credentials);

        string Kind(TlsFiles.Named named, string ofIdentity) => named.By == "identity.directory" && named == (ofIdentity == "identity.trust" ? identity.Trust : identity.Certificate) ? ofIdentity : named.By;
    }
}
