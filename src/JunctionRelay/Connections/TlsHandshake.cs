using System.Formats.Asn1;
using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace JunctionRelay.Connections;

/// <summary>
/// Stage 3, Secure: TLS over a connection that was accepted or dialled, within a deadline. A failure is told as a <see cref="CloseReason"/>
/// and in words that name the certificate and what is wrong with it.
/// </summary>
internal sealed class TlsHandshake
{
    /// <summary>A certificate may hold 100 KB of names; a line for people holds as much as they need to recognize it.</summary>
    private const int MostCharactersOfAStranger = 200;

    private readonly TlsSettings _settings;
    private readonly string? _targetName;

    private TlsHandshake(TlsSettings settings, string? targetName) => (_settings, _targetName) = (settings, targetName);

    // A tls:// target of its own authority, named in trust, is what openssl req -x509 makes; only its key holder can show it.
    private bool IsPlainTarget => _targetName is not null && _settings.Protocol is null;

    private bool IsOpen(SslApplicationProtocol spoken) => _targetName is null && _settings.OpenProtocol is { } open && spoken == open;

    /// <summary>The serving side of a listener.</summary>
    public static TlsHandshake Serving(TlsSettings settings) => new(settings, targetName: null);

    /// <summary>The dialling side; <paramref name="targetName"/> is what the target's certificate must be for.</summary>
    public static TlsHandshake Dialling(TlsSettings settings, string targetName) => new(settings, targetName);

    /// <summary>
    /// Secures <paramref name="transport"/>. On success the outcome's connection owns it; on failure the transport has been told (a TLS
    /// alert where possible) and is still the caller's to abort.
    /// </summary>
    public async Task<DialOutcome> RunAsync(Connection transport, TimeSpan timeout, CancellationToken cancellationToken)
    {
        // A handshake is a millisecond of arithmetic: never on the thread that serves the sockets.
        await Task.Yield();
        var stream = new ConnectionStream(transport) { LeavesEngineThread = true };
        var tls = new SslStream(stream, leaveInnerStreamOpen: true);
        // One look: certificate and trust of this handshake belong together, whatever is replaced meanwhile.
        var credentials = _settings.Credentials.Now;
        PeerIdentity? peer = null;
        string? objection = null;
        X509ChainStatusFlags objections = default;
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        deadline.CancelAfter(timeout);
        try
        {
            if (_targetName is null) await tls.AuthenticateAsServerAsync(_settings.ServerOptions(credentials, Validate), deadline.Token);
            else await tls.AuthenticateAsClientAsync(_settings.ClientOptions(credentials, _targetName, Validate), deadline.Token);
            var spoken = tls.NegotiatedApplicationProtocol;
            // A peer that offers no protocol at all is not refused by TLS itself.
            if (_settings.Protocol is { } protocol && spoken != protocol && !IsOpen(spoken))
            {
                await tls.DisposeAsync();
                return DialOutcome.Failed(
                    _targetName is null ? CloseReason.HandshakeFailed : CloseReason.DialHandshakeFailed, $"the peer does not speak {protocol}: no junction link there?");
            }

            // However TLS came to let it in: without an identity nobody gets where one is required.
            if (_settings.RequirePeerCertificate && peer is null && !IsOpen(spoken))
            {
                await tls.DisposeAsync();
                return DialOutcome.Failed(_targetName is null ? CloseReason.CertificateMissing : CloseReason.DialCertificateRejected, NoCertificate);
            }

            stream.LeavesEngineThread = false;
            return DialOutcome.Connected(new TlsConnection(
                transport, tls, stream, peer, spoken, _targetName is null ? CloseReason.HandshakeFailed : CloseReason.DialHandshakeFailed));
        }
        catch (Exception e) when (
            e is AuthenticationException or IOException or OperationCanceledException or ObjectDisposedException or InvalidOperationException
                or CryptographicException or AsnContentException)   // the last two: a certificate whose names cannot be read
        {
            await tls.DisposeAsync();
            if (_targetName is null && e is not OperationCanceledException && !stream.ReceivedAnything)
                return DialOutcome.Failed(CloseReason.ClientLeft, "it left before the TLS handshake began");
            // Given up by us: that says nothing about the other side.
            if (cancellationToken.IsCancellationRequested) return DialOutcome.Failed(CloseReason.Stopping, "the TLS handshake was given up");
            return DialOutcome.Failed(Reason(e, objection, objections), objection ?? Words(e, timeout));
        }

        bool Validate(object sender, X509Certificate? certificate, X509Chain? chain, SslPolicyErrors errors)
        {
            // Where no certificate was asked for, none is missing.
            if (errors == SslPolicyErrors.RemoteCertificateNotAvailable && _targetName is null
                && (!_settings.RequirePeerCertificate || IsOpen(((SslStream)sender).NegotiatedApplicationProtocol))) return true;
            foreach (var status in chain?.ChainStatus ?? []) objections |= status.Status;
            var identity = certificate is X509Certificate2 leaf ? PeerIdentity.Of(leaf, credentials.Identity?.Domain, chain) : null;
            // SslStream knows the names of the DNS alone, and takes the common name for one of them.
            if (_targetName is not null && identity is not null)
                errors = IsFor((X509Certificate2)certificate!, identity, _targetName, errors) ? errors & ~SslPolicyErrors.RemoteCertificateNameMismatch : errors | SslPolicyErrors.RemoteCertificateNameMismatch;
            // An authority's own certificate is no peer's, whatever it is called: that is said first.
            objection = errors != SslPolicyErrors.None
                ? (errors == SslPolicyErrors.RemoteCertificateNameMismatch && !IsPlainTarget ? ObjectionToLeaf((X509Certificate2)certificate!) : null)
                ?? Objection(certificate as X509Certificate2, identity, objections, errors, credentials.Trust is null)
                : identity is null ? null
                : Revoked(identity, ref objections) ?? (IsPlainTarget ? null : ObjectionToLeaf((X509Certificate2)certificate!));
            if (objection is not null) return false;
            peer = identity;
            return true;
        }
    }

    // By its alternative names alone: the common name is bound by nothing that an authority is bound by.
    private static bool IsFor(X509Certificate2 certificate, PeerIdentity identity, string name, SslPolicyErrors errors) => identity.IsCalled(name)
        || !errors.HasFlag(SslPolicyErrors.RemoteCertificateNameMismatch) && !name.StartsWith(SpiffeId.Scheme, StringComparison.Ordinal)
            && certificate.MatchesHostname(name, allowWildcards: true, allowCommonName: false);

    private string? Revoked(PeerIdentity identity, ref X509ChainStatusFlags objections)
    {
        var objection = _settings.Credentials.Objection?.Invoke(identity);
        if (objection is not null) objections |= X509ChainStatusFlags.Revoked;
        return objection;
    }

    private CloseReason Reason(Exception e, string? objection, X509ChainStatusFlags objections)
    {
        if (_targetName is not null)
        {
            return objection is not null ? CloseReason.DialCertificateRejected
                : e is OperationCanceledException ? CloseReason.DialTimeout
                : CloseReason.DialHandshakeFailed;
        }

        return e is OperationCanceledException ? CloseReason.HandshakeTimeout
            : objection is null ? CloseReason.HandshakeFailed
            : objections.HasFlag(X509ChainStatusFlags.Revoked) ? CloseReason.CertificateRevoked
            : objections.HasFlag(X509ChainStatusFlags.NotTimeValid) ? CloseReason.CertificateExpired
            : objection == NoCertificate ? CloseReason.CertificateMissing
            : CloseReason.CertificateUntrusted;
    }

    private const string NoCertificate = "it sent no certificate, and one is required";

    private string Objection(X509Certificate2? certificate, PeerIdentity? identity, X509ChainStatusFlags objections, SslPolicyErrors errors, bool trustsSystem)
    {
        if (certificate is null) return NoCertificate;
        var subject = $"its certificate \"{Short(certificate.Subject)}\"";
        if (objections.HasFlag(X509ChainStatusFlags.NotTimeValid))
            return $"{subject} is valid from {certificate.NotBefore.ToUniversalTime():u} to {certificate.NotAfter.ToUniversalTime():u} only: renew it, or set the clock";
        if (errors.HasFlag(SslPolicyErrors.RemoteCertificateNameMismatch))
            return $"{subject} is not for the name \"{_targetName}\" but for {Short(string.Join(", ", identity!.Names.DefaultIfEmpty("no alternative name (a common name counts for nothing)")))}: set tls.serverName, or dial the right name";
        if (objections.HasFlag(X509ChainStatusFlags.NotValidForUsage))
            return $"{subject} is not meant for a TLS {(_targetName is null ? "client" : "server")} (extended key usage)";
        return $"{subject} was issued by \"{Short(certificate.Issuer)}\", which is no authority in {(trustsSystem ? "the system's store" : "trust")} ({objections})";
    }

    /// <summary>What a chain may be right about and a peer's own certificate still wrong: an authority is nobody's name, a key that may not sign proves nothing, and a common name is no name.</summary>
    public static string? ObjectionToLeaf(X509Certificate2 certificate)
    {
        var subject = $"its certificate \"{Short(certificate.Subject)}\"";
        if (certificate.Extensions.OfType<X509BasicConstraintsExtension>().Any(e => e.CertificateAuthority))
            return $"{subject} is an authority's own (CA:TRUE), not one that names a peer: let it issue one";
        if (!certificate.Extensions.OfType<X509KeyUsageExtension>().All(e => e.KeyUsages.HasFlag(X509KeyUsageFlags.DigitalSignature)))
            return $"{subject} may not sign (key usage without digitalSignature)";
        return PeerIdentity.Of(certificate).Name.Length > 0
            ? null : $"{subject} names nobody: it has no DNS name or URI among its subject alternative names, and a common name counts for nothing; have one issued with subjectAltName=DNS:NAME";
    }

    private static string Short(string said) => said.Length <= MostCharactersOfAStranger ? said : said[..MostCharactersOfAStranger] + "…";

    private string Words(Exception e, TimeSpan timeout)
    {
        if (e is OperationCanceledException) return $"the TLS handshake took longer than {timeout.TotalSeconds:0.###} s";
        var innermost = e;
        while (innermost.InnerException is not null) innermost = innermost.InnerException;
        var other = _targetName is null ? "client" : "target";
        // OpenSSL's words for "no version in common", our own and those of the peer's alert.
        if (innermost.Message.Contains("unsupported protocol", StringComparison.OrdinalIgnoreCase) || innermost.Message.Contains("protocol version", StringComparison.OrdinalIgnoreCase))
            return $"the {other} speaks no TLS version that we do ({innermost.Message}): update it, or allow TLS 1.2 with tls.minVersion \"1.2\"";
        if (IsPlainTarget && CertificateAlert.Words(innermost.Message) is { } ours) return ours;
        return e is ConnectionBrokenException || e.Message.Contains("unexpected EOF", StringComparison.OrdinalIgnoreCase)
            ? $"the {other} ended the connection during the TLS handshake (it may want a certificate, a newer version, or no TLS at all)"
            : $"the TLS handshake failed: {innermost.Message}";
    }
}
