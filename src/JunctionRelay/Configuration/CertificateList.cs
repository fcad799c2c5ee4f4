using System.Security.Cryptography.X509Certificates;
using JunctionRelay.Connections;
using JunctionRelay.Relay;

namespace JunctionRelay.Configuration;

/// <summary>The certificates that a configuration uses, each under the key that names its file: so that somebody hears of it before one expires.</summary>
internal static class CertificateList
{
    public static IReadOnlyList<CertificateInUse> Of(JunctionConfig config, string home)
    {
        var identity = TlsFiles.Of(config.Identity, home);
        var relays = (config.Relays ?? new Dictionary<string, RelayConfig>()).OrderBy(r => r.Key, StringComparer.Ordinal)
            .Where(r => r.Value.Tls is not null).Select(r => TlsFiles.Of(r.Key, r.Value.Tls, identity, home));
        var admin = config.Admin?.Tls is { } tls ? TlsFiles.OfAdmin(tls, identity, home) : identity;
        return [.. relays.Prepend(identity).Append(admin).SelectMany(f => new[] { f.Certificate, f.Trust }).OfType<TlsFiles.Named>().Distinct().SelectMany(named => Read(named, named == identity.Trust))];
    }

    private static IEnumerable<CertificateInUse> Read(TlsFiles.Named named, bool isIdentityTrust)
    {
        var certificates = new X509Certificate2Collection();
        certificates.ImportFromPemFile(named.File);
        // With identity.directory one key names both files.
        var kind = named.By == "identity.directory" ? isIdentityTrust ? "identity.trust" : "identity.certificate" : named.By;
        // The first of a certificate's file is ours, the others are those that vouch for it.
        foreach (var certificate in kind.EndsWith(".certificate", StringComparison.Ordinal) ? certificates.Take(1) : certificates)
        {
            yield return new CertificateInUse(
                kind, named.File, PeerIdentity.Of(certificate).Name, certificate.GetNameInfo(X509NameType.SimpleName, forIssuer: true), certificate.NotAfter);
        }

        foreach (var certificate in certificates) certificate.Dispose();
    }
}
