using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using JunctionRelay.App.CommandLine;
using JunctionRelay.Connections;

namespace JunctionRelay.App.Checks;

/// <summary>Why a handshake of a link fails: the certificate there, the one here, the authorities, the name, or a clock.</summary>
internal static class TlsFinding
{
    /// <summary>A certificate that ends so soon is worth a word.</summary>
    public static readonly TimeSpan Soon = TimeSpan.FromDays(7);

    /// <summary>The certificate that is shown there, whatever it is worth; null when there is none to be had.</summary>
    public static async Task<X509Certificate2?> ShownAsync(Func<Task<Connection?>> dial, string name, CancellationToken stop)
    {
        X509Certificate2? shown = null;
        if (await dial() is not { } connection) return null;
        await using (connection)
        {
            await using var tls = new SslStream(new ConnectionStream(connection), leaveInnerStreamOpen: true);
            using var limit = CancellationTokenSource.CreateLinkedTokenSource(stop);
            limit.CancelAfter(CheckLimits.Handshake);
            try
            {
                await tls.AuthenticateAsClientAsync(
                    new SslClientAuthenticationOptions { TargetHost = name, RemoteCertificateValidationCallback = Look, ApplicationProtocols = [JunctionRelay.Links.LinkConnector.Protocol] }, limit.Token);
            }
            catch (Exception e) when (e is AuthenticationException or IOException or OperationCanceledException or InvalidOperationException && !stop.IsCancellationRequested)
            {
                // It was looked at, and that is all that was wanted.
            }
        }

        return shown;

        // Looks, and lets nobody in.
        bool Look(object sender, X509Certificate? certificate, X509Chain? chain, SslPolicyErrors errors)
        {
            shown = certificate is null ? null : X509CertificateLoader.LoadCertificate(certificate.GetRawCertData());
            return false;
        }
    }

    /// <summary>What is wrong with the other side, in the order in which it is mended: the clock, then the certificates, then names and authorities.</summary>
    public static CheckFault Of(DialOutcome outcome, X509Certificate2? shown, TlsCredentials.State ours)
    {
        if (shown is null)
            return Fault(outcome.Detail, "is this the port of a junction's linkListen? Something else answers there, or cuts TLS: a web server, a proxy that inspects it");
        if (Clock(shown, ours) is { } clock) return clock;
        var now = TimeProvider.System.GetUtcNow().UtcDateTime;
        if (shown.NotAfter.ToUniversalTime() < now)
            return Fault(outcome.Detail, $"there: renew the certificate, which ran out on {shown.NotAfter.ToUniversalTime():yyyy-MM-dd HH:mm} UTC (junction pki issue, junction enroll)");
        return Fault(
            outcome.Detail,
            outcome.Detail.Contains("not for the name", StringComparison.Ordinal) ? "correct \"peer\" of the link, or \"dial\": another junction answers there"
                : outcome.Reason == CloseReason.DialCertificateRejected ? $"have both junctions trust one authority: \"{shown.Issuer}\" is not in identity.trust here" : "both must be junctions of this version: look at the log there");
    }

    /// <summary>The other side ended the connection after our handshake: it did not like our certificate.</summary>
    public static CheckFault OfOurs(string peer, string said, TlsCredentials.State ours)
    {
        if (ours.Identity?.Certificate is { } own)
        {
            if (Clock(own, ours) is { } clock) return clock;
            if (own.NotAfter.ToUniversalTime() < TimeProvider.System.GetUtcNow().UtcDateTime)
                return Fault($"our own certificate ran out on {own.NotAfter.ToUniversalTime():yyyy-MM-dd HH:mm} UTC, and {peer} refused it", "renew it here: junction pki issue, junction enroll");
        }

        return Fault($"{peer} refused our certificate: {said}", $"on {peer}: does identity.trust hold our authority (\"{ours.Identity?.Certificate.Issuer ?? "none"}\"), and is its clock right? Its log says which");
    }

    // Certificates come from the past; and when all of them have run out at once, it is the clock that runs ahead.
    private static CheckFault? Clock(X509Certificate2 shown, TlsCredentials.State ours)
    {
        var now = TimeProvider.System.GetUtcNow().UtcDateTime;
        List<X509Certificate2> known = [shown, .. ours.Identity is { } identity ? [identity.Certificate] : Array.Empty<X509Certificate2>()];
        var isBehind = known.Exists(c => c.NotBefore.ToUniversalTime() > now);
        var isAhead = ours.Identity is { Certificate: var own } && !own.Equals(shown) && known.TrueForAll(c => c.NotAfter.ToUniversalTime() < now);
        return isBehind || isAhead
            ? Fault(
                $"the clock of this machine says {now:yyyy-MM-dd HH:mm} UTC, {(isBehind ? "which is before a certificate was made" : "when the certificates of both sides have run out")}",
                isBehind ? "set the clock (timedatectl set-ntp true)" : "set the clock (timedatectl set-ntp true); if it is right, renew both certificates")
            : null;
    }

    private static CheckFault Fault(string text, string remedy) => new(ExitCodes.Tls, text, remedy, CheckFaults.NoConnection);
}
