using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using JunctionRelay.Connections;
using JunctionRelay.Files;
using Microsoft.Extensions.Logging;

namespace JunctionRelay.Pki;

/// <summary>
/// Keeps the certificate of an identity directory valid: renews it at two thirds of its life, give or take a twentieth, over a link if one leads to the
/// authority's junction, else at the address where it joined; comes back by its key alone when the certificate has run out. The key stays. A certificate that cannot be written
/// is used all the same, and written as soon as it can be: a full disk ends no link.
/// </summary>
/// <param name="identity">Whose certificate.</param>
/// <param name="credentials">What is in use now.</param>
/// <param name="from">Where it is renewed.</param>
/// <param name="client">The address where it is renewed; null where none is known.</param>
/// <param name="links">Connections to whoever serves such questions, or passes them on to the junction of this name: the most direct link first, each opened when it is asked for.</param>
/// <param name="own">The authority, where it lives in this very junction.</param>
/// <param name="written">Called when a new certificate is on the disk.</param>
internal sealed class CertificateRenewer(
    IdentityDirectory identity, TlsCredentials credentials, EnrolmentRecord from, EnrolmentClient? client, Func<string, IEnumerable<Connection>> links, EnrolmentOffice? own,
    Action written, TimeProvider time, ILogger log)
{
    /// <summary>Clocks are set and machines sleep: the time is looked at this often.</summary>
    private static readonly TimeSpan LongestLook = TimeSpan.FromMinutes(1);

    /// <summary>While a certificate is in use that is not on the disk.</summary>
    private static readonly TimeSpan WriteRetry = TimeSpan.FromSeconds(5);

    private static readonly TimeSpan FirstRetry = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan LongestRetry = TimeSpan.FromMinutes(10);

    /// <summary>Once the certificate has run out: nothing gets through until there is another, and streams wait for <c>resume</c> only.</summary>
    private static readonly TimeSpan LongestRetryWithout = TimeSpan.FromSeconds(30);

    // Of the life of each certificate; drawn anew for each, so that those that were issued together are not renewed together.
    private double _fraction = Draw();
    private string _drawnFor = "";
    private string? _unwritten;   // the certificate that is in use and not on the disk

    /// <summary>Runs until cancelled.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        try
        {
            for (var failures = 0; ;)
            {
                WriteAgain();
                var left = Due() - time.GetUtcNow();
                if (left > TimeSpan.Zero)
                {
                    // Delays are whole milliseconds: what is left of one would be no delay at all.
                    var look = _unwritten is null ? LongestLook : WriteRetry;
                    await Task.Delay((left < look ? left : look) + TimeSpan.FromMilliseconds(1), time, cancellationToken);
                    continue;
                }

                var (problem, wasAnswered) = await RenewAsync(cancellationToken);
                if (problem is null && Due() > time.GetUtcNow())
                {
                    failures = 0;
                    continue;
                }

                problem ??= "what was issued is due again: is the clock right?";
                // By a clock that runs far ahead a new certificate is old, or has run out: the authority is not to hear of it every moment.
                var pause = wasAnswered ? Pause(failures++, LongestRetry) : Pause(failures++, Patience());
                log.RenewalFailed(problem, Certificate.NotAfter.ToUniversalTime(), (long)Math.Ceiling(pause.TotalSeconds));
                await Task.Delay(pause, time, cancellationToken);
            }
        }
        catch (OperationCanceledException)
        {
            // Told to stop.
        }
    }

    private X509Certificate2 Certificate => credentials.Now.Identity!.Certificate;

    private DateTimeOffset Due()
    {
        var certificate = Certificate;
        if (_drawnFor != certificate.SerialNumber)
            (_fraction, _drawnFor) = (Draw(), certificate.SerialNumber);
        return certificate.NotBefore.ToUniversalTime() + (certificate.NotAfter - certificate.NotBefore) * _fraction;
    }

    // The authority was asked, and gave an answer; what is wrong with it, or why there is none.
    private async Task<(string? Problem, bool WasAnswered)> RenewAsync(CancellationToken cancellationToken)
    {
        try
        {
            using var key = identity.ReadKey();
            var before = Certificate;
            var name = PeerIdentity.Of(before, credentials.Now.Identity!.Domain).Name;
            var (pem, problem) = await AskAsync(key, name, cancellationToken);
            problem ??= EnrolmentClient.Objection(pem!, key, name, credentials.Now.Trust ?? [], time.GetUtcNow());
            if (problem is not null)
                return (problem, pem is not null);
            if (TryWrite(pem!) is { } reason)
            {
                credentials.Replace(credentials.Now with { Identity = TlsIdentity.FromPem(pem!, SecretFile.ReadText(identity.KeyFile)) });
                _unwritten = pem;
                log.CertificateNotWritten(reason);
            }

            // What is on the disk is in use, or it is useless: then the reason is in the log, and this would only repeat it.
            if (Certificate.SerialNumber == before.SerialNumber)
                return ($"the certificate in {identity.CertificateFile} is not used", true);
            log.RenewedHere(name, Certificate.NotAfter.ToUniversalTime());
            return (null, true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or CryptographicException)
        {
            return (e.Message, false);
        }
    }

    // Why it is not on the disk; null when it is, and so in use.
    private string? TryWrite(string pem)
    {
        try
        {
            identity.WriteCertificate(pem);
            if (_unwritten is not null)
                log.CertificateWritten(identity.CertificateFile);
            _unwritten = null;
            written();
            return null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return e.Message;
        }
    }

    private void WriteAgain()
    {
        if (_unwritten is not { } pem)
            return;
        using var ours = X509Certificate2.CreateFromPem(pem);
        // Somebody else has put another one there meanwhile: that one counts.
        if (Certificate.SerialNumber != ours.SerialNumber)
            _unwritten = null;
        else
            TryWrite(pem);
    }

    private async Task<(string? Pem, string? Problem)> AskAsync(ECDsa key, string name, CancellationToken cancellationToken)
    {
        var hasRunOut = Certificate.NotAfter.ToUniversalTime() <= time.GetUtcNow();
        if (own is not null)
            return await AskOwnAsync(own, key, hasRunOut, name, cancellationToken);
        var pem = Certificate.ExportCertificatePem();
        EnrolmentReply? reply = null;
        if (!hasRunOut)
        {
            foreach (var connection in links(from.Junction))
            {
                reply = await EnrolmentClient.ConverseAsync(connection, Renewal, cancellationToken);
                // A refusal by the authority is one; of a junction that only passes on the next may do better.
                if (reply.Answer is not null)
                    break;
            }
        }

        if (reply?.Answer?.Certificate is null && client is not null)
        {
            // One that has run out proves nothing any more: TLS would refuse it.
            var state = hasRunOut ? credentials.Now with { Identity = null } : credentials.Now;
            reply = await client.AskAsync(
                state, $"{from.Junction}.{credentials.Now.Identity!.Domain}", nonce => hasRunOut
                    ? new EnrolmentQuestion { Do = EnrolmentQuestion.Rejoin, Name = name, Csr = CertificateRequests.Create(key, nonce) }
                    : Renewal(nonce),
                cancellationToken);
        }

        return reply is null ? (null, $"no link leads to {from.Junction}, and no address is known where it can be reached")
            : reply.Answer?.Certificate is { } renewed ? (renewed, null) : (null, reply.Problem);

        EnrolmentQuestion Renewal(string nonce) => new() { Do = EnrolmentQuestion.Renew, Certificate = pem, Csr = CertificateRequests.Create(key, nonce) };
    }

    // The authority renews its own junction as any other, without a connection.
    private async Task<(string? Pem, string? Problem)> AskOwnAsync(EnrolmentOffice office, ECDsa key, bool hasRunOut, string name, CancellationToken cancellationToken)
    {
        var verdict = hasRunOut
            ? await office.RejoinAsync(name, new PublicKey(key), null, cancellationToken)
            : await office.RenewAsync(PeerIdentity.Of(Certificate, credentials.Now.Identity!.Domain), new PublicKey(key), null, cancellationToken);
        using (verdict.Certificate)
            return verdict.Certificate is { } issued ? (issued.ExportCertificatePem() + "\n", null) : (null, verdict.Reason);
    }

    // Never so long that the certificate runs out while a try is waited for.
    private TimeSpan Patience()
    {
        var left = Certificate.NotAfter.ToUniversalTime() - time.GetUtcNow();
        return left <= TimeSpan.Zero ? LongestRetryWithout : left / 10 < LongestRetry ? left / 10 : LongestRetry;
    }

    // Full jitter.
    private static TimeSpan Pause(int failures, TimeSpan most)
    {
        const int MostDoublings = 10;
        var longest = FirstRetry * (1 << Math.Min(failures, MostDoublings));
        if (longest > most)
            longest = most > FirstRetry ? most : FirstRetry;
        return longest * (0.5 + Random.Shared.NextDouble() / 2);
    }

    private static double Draw() => 2.0 / 3 - 0.05 + Random.Shared.NextDouble() / 10;
}
