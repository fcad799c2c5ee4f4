using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using JunctionRelay.Connections;

namespace JunctionRelay.Pki;

/// <summary>How an enrolment ended.</summary>
internal enum EnrolmentOutcome
{
    Enrolled,
    Refused,
    NotReached,
    NoToken,
}

/// <summary>
/// The whole way of one node to its identity: nothing where it has one, by its key where it had one, by a token where it has none. What it leaves behind when it
/// fails is a key, with which it is the same node when it comes again.
/// </summary>
internal sealed class Enrolment(IdentityDirectory directory, EnrolmentClient client, string address, TimeProvider time)
{
    private static readonly TimeSpan FirstRetry = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan LongestRetry = TimeSpan.FromSeconds(5);

    /// <summary>What is there, when it is valid.</summary>
    public string? Valid()
    {
        using var certificate = directory.ReadCertificate();
        if (certificate is null || certificate.NotAfter.ToUniversalTime() <= time.GetUtcNow() || !File.Exists(directory.TrustFile))
            return null;
        using var key = directory.ReadKey();
        return certificate.PublicKey.ExportSubjectPublicKeyInfo().AsSpan().SequenceEqual(key.ExportSubjectPublicKeyInfo())
            ? $"{PeerIdentity.Of(certificate, PeerIdentity.DomainOf(certificate)).Name} is valid until {certificate.NotAfter.ToUniversalTime():yyyy-MM-dd HH:mm:ss}Z, in {directory.Root}" : null;
    }

    /// <summary>Gets a certificate. Tries for <paramref name="wait"/> while the junction cannot be reached or is busy.</summary>
    /// <exception cref="IOException">The directory cannot be used.</exception>
    /// <exception cref="CryptographicException">What is in it is no identity.</exception>
    public async Task<(EnrolmentOutcome Outcome, string Told)> RunAsync(JoinToken? token, string? wish, TimeSpan wait, CancellationToken cancellationToken)
    {
        using var key = directory.KeepKey();
        if (Expired() is { } old)
        {
            var rejoined = await RejoinAsync(old.Name, old.Domain, key, wait, cancellationToken);
            // Whoever is not let in by the key may still be by a token.
            if (rejoined.Outcome != EnrolmentOutcome.Refused || token is null)
                return rejoined;
        }

        return token is null
            ? (EnrolmentOutcome.NoToken, "there is no identity here, and no token: name its file with --token-file, or set JUNCTION_JOIN_TOKEN")
            : await JoinAsync(token, key, wish, wait, cancellationToken);
    }

    private async Task<(EnrolmentOutcome, string)> JoinAsync(JoinToken token, ECDsa key, string? wish, TimeSpan wait, CancellationToken cancellationToken)
    {
        X509Certificate2? authority = null;
        var reply = await RepeatAsync(
            async () =>
            {
                if (authority is null)
                {
                    (authority, var fetched) = await client.FetchAuthorityAsync(token.Authority, cancellationToken);
                    if (authority is null)
                        return fetched;
                }

                return await client.AskAsync(
                    new TlsCredentials.State(null, [authority]), $"{token.Audience}.{JunctionCa.DomainIn(authority)}",
                    nonce => new EnrolmentQuestion { Do = EnrolmentQuestion.Join, Token = token.Reveal(), Wish = wish, Csr = CertificateRequests.Create(key, nonce) },
                    cancellationToken);
            },
            wait, cancellationToken);
        using (authority)
            return Take(reply, key, null, reply.Answer?.Trust, authority is null ? [] : [authority], token.Audience);
    }

    private async Task<(EnrolmentOutcome Outcome, string Told)> RejoinAsync(string name, string domain, ECDsa key, TimeSpan wait, CancellationToken cancellationToken)
    {
        var trustPem = await File.ReadAllTextAsync(directory.TrustFile, cancellationToken);
        var trust = TlsSettings.TrustFromPem(trustPem);
        var junction = directory.ReadEnrolment()?.Junction;
        if (junction is null)
            return (EnrolmentOutcome.Refused, $"{directory.EnrolmentFile} is missing, so that it is not known where this identity comes from");
        var reply = await RepeatAsync(
            () => client.AskAsync(
                new TlsCredentials.State(null, trust), $"{junction}.{domain}",
                nonce => new EnrolmentQuestion { Do = EnrolmentQuestion.Rejoin, Name = name, Csr = CertificateRequests.Create(key, nonce) }, cancellationToken),
            wait, cancellationToken);
        return Take(reply, key, name, trustPem, trust, junction);
    }

    // The trust that is written is that of a server which proved to be the authority's junction, or the one that was there.
    private (EnrolmentOutcome, string) Take(EnrolmentReply reply, ECDsa key, string? name, string? trustPem, X509Certificate2Collection trust, string junction)
    {
        if (reply.Answer is not { Certificate: { } pem } || trustPem is null)
            return (reply.MayComeAgain ? EnrolmentOutcome.NotReached : EnrolmentOutcome.Refused, reply.Problem);
        if (EnrolmentClient.Objection(pem, key, name, trust, time.GetUtcNow()) is { } objection)
            return (EnrolmentOutcome.Refused, objection);
        directory.WriteEnrolment(new EnrolmentRecord(junction, address));
        directory.Write(pem, trustPem);
        return (EnrolmentOutcome.Enrolled, Valid() ?? $"{directory.Root} was written");
    }

    private (string Name, string Domain)? Expired()
    {
        using var certificate = directory.ReadCertificate();
        return certificate is not null && PeerIdentity.DomainOf(certificate) is { } domain && File.Exists(directory.TrustFile) ? (PeerIdentity.Of(certificate, domain).Name, domain) : null;
    }

    private async Task<EnrolmentReply> RepeatAsync(Func<Task<EnrolmentReply>> ask, TimeSpan wait, CancellationToken cancellationToken)
    {
        const int MostDoublings = 6;
        var begun = time.GetTimestamp();
        for (var tries = 0; ; tries++)
        {
            var reply = await ask();
            var longest = FirstRetry * (1 << Math.Min(tries, MostDoublings));
            var pause = (longest < LongestRetry ? longest : LongestRetry) * (0.5 + Random.Shared.NextDouble() / 2);
            if (!reply.MayComeAgain || time.GetElapsedTime(begun) + pause > wait)
                return reply;
            await Task.Delay(pause, time, cancellationToken);
        }
    }
}
