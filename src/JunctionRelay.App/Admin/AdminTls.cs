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

    public static TlsHandshakeCallbackOptions Options(TlsSettings tls, NamePatterns? allowNames)
    {
        return new TlsHandshakeCallbackOptions { OnConnection = _ => new(Current(tls, allowNames)), HandshakeTimeout = HandshakeTimeout };
    }

    private static SslServerAuthenticationOptions Current(TlsSettings tls, NamePatterns? allowNames)
    {
        var credentials = tls.Credentials.Now;
        var options = tls.ServerOptions(credentials, (_, certificate, _, errors) => Validate(tls, credentials, allowNames, certificate as X509Certificate2, errors));
        options.ApplicationProtocols = [SslApplicationProtocol.Http11];
        return options;
    }

    private static bool Validate(TlsSettings tls, TlsCredentials.State credentials, NamePatterns? allowNames, X509Certificate2? certificate, SslPolicyErrors errors)
    {
        if (!tls.RequirePeerCertificate) return errors is SslPolicyErrors.None or SslPolicyErrors.RemoteCertificateNotAvailable;
        if (errors != SslPolicyErrors.None || certificate is null) return false;
        var who = PeerIdentity.Of(certificate, credentials.Identity?.Domain);
        return tls.Credentials.Objection?.Invoke(who) is null && TlsHandshake.ObjectionToLeaf(certificate) is null && (allowNames is null || who.Names.Append(who.Name).Any(allowNames.Matches));
    }
}
