using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using JunctionRelay.Connections;
using JunctionRelay.Policies;
using Microsoft.AspNetCore.Server.Kestrel.Https;

namespace JunctionRelay.App.Admin;

/// <summary>TLS of the admin endpoint: the settings of any <c>tls://</c> listener, handed to Kestrel.</summary>
internal static class AdminTls
{
    private static readonly TimeSpan HandshakeTimeout = TimeSpan.FromSeconds(10);

    public static TlsHandshakeCallbackOptions Options(TlsSettings tls, PeerNamePatterns? allowNames)
    {
        return new TlsHandshakeCallbackOptions { OnConnection = _ => new(Current(tls, allowNames)), HandshakeTimeout = HandshakeTimeout };
    }

    private static SslServerAuthenticationOptions Current(TlsSettings tls, PeerNamePatterns? allowNames)
    {
        var credentials = tls.Credentials.Now;
        var options = tls.ServerOptions(credentials, (_, certificate, chain, errors) => Validate(tls, credentials, allowNames, certificate as X509Certificate2, chain, errors));
        options.ApplicationProtocols = [SslApplicationProtocol.Http11];
        return options;
    }

    private static bool Validate(TlsSettings tls, TlsCredentials.State credentials, PeerNamePatterns? allowNames, X509Certificate2? certificate, X509Chain? chain, SslPolicyErrors errors)
    {
        if (!tls.RequirePeerCertificate) return errors is SslPolicyErrors.None or SslPolicyErrors.RemoteCertificateNotAvailable;
        if (errors != SslPolicyErrors.None || certificate is null) return false;
        var who = PeerIdentity.Of(certificate, credentials.Identity?.Domain, chain);
        return tls.Credentials.Objection?.Invoke(who) is null && TlsHandshake.ObjectionToLeaf(certificate) is null && (allowNames is null || who.Names.Append(who.Name).Any(allowNames.Matches));
    }
}
