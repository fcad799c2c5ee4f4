using System.Net;
using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using JunctionRelay.Connections;

namespace JunctionRelay.Pki;

/// <summary>What came of asking.</summary>
/// <param name="Answer">What the server answered; null when it could not be asked.</param>
/// <param name="Problem">For people; empty when there is a certificate.</param>
/// <param name="MayComeAgain">Nothing was decided: the server was not reached, or is busy.</param>
internal sealed record EnrolmentReply(EnrolmentAnswer? Answer, string Problem = "", bool MayComeAgain = false);

/// <summary>Asks the junction where the authority lives (<c>docs/enrolment-protocol.md</c>), at an address or over a connection that is there.</summary>
internal sealed class EnrolmentClient(EndPoint address, SocketDialer dialer, Func<EndPoint, HttpProxy?> proxy)
{
    private static readonly TimeSpan DialTimeout = TimeSpan.FromSeconds(15);

    /// <summary>For TLS and the greeting: when a whole cluster starts, the server has a thousand others to greet, and they wait in its system's queue.</summary>
    private static readonly TimeSpan GreetingTimeout = TimeSpan.FromSeconds(60);

    /// <summary>For the answer: the server may have others to serve first.</summary>
    private static readonly TimeSpan AnswerTimeout = TimeSpan.FromSeconds(90);

    private string Text => SocketDialer.Text(address);

    /// <summary>
    /// The first visit: the authority's certificate, known by the hash of its key. The server cannot be verified yet, so nothing is sent, and what comes counts
    /// only if it has that key.
    /// </summary>
    public async Task<(X509Certificate2? Authority, EnrolmentReply Reply)> FetchAuthorityAsync(string keyHash, CancellationToken cancellationToken)
    {
        var dialled = await DialAsync(cancellationToken);
        if (dialled.Connection is not { } transport)
            return (null, new EnrolmentReply(null, dialled.Detail, MayComeAgain: true));
        await using (transport)
        {
            var stream = new ConnectionStream(transport) { LeavesEngineThread = true };
            await using var tls = new SslStream(stream, leaveInnerStreamOpen: true);
            using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            deadline.CancelAfter(GreetingTimeout);
            try
            {
                await tls.AuthenticateAsClientAsync(
                    new SslClientAuthenticationOptions
                    {
                        TargetHost = "",
                        EnabledSslProtocols = SslProtocols.Tls13,
                        ApplicationProtocols = [EnrolmentServer.Protocol],
                        RemoteCertificateValidationCallback = (_, certificate, _, _) => certificate is not null,   // see the summary
                        AllowTlsResume = false,
                    },
                    deadline.Token);
                if (tls.NegotiatedApplicationProtocol != EnrolmentServer.Protocol)
                    return (null, NoAuthority());
                var line = await ReadLineAsync(tls, EnrolmentLine.LongestGreeting, deadline.Token);
                var (greeting, _) = EnrolmentLine.Parse(line, PkiJson.Default.EnrolmentGreeting);
                return Pinned(greeting?.Authority, keyHash) is { } authority ? (authority, new EnrolmentReply(null))
                    : (null, new EnrolmentReply(null, $"the authority at {Text} is not the one that made the token: is this the right junction?"));
            }
            // The alert of a TLS that knows no such protocol (RFC 7301, 3.2), in OpenSSL's words.
            catch (AuthenticationException e) when (e.ToString().Contains("no application protocol", StringComparison.OrdinalIgnoreCase))
            {
                return (null, NoAuthority());
            }
            catch (Exception e) when (e is IOException or AuthenticationException or OperationCanceledException && !cancellationToken.IsCancellationRequested)
            {
                return (null, new EnrolmentReply(null, $"{Text}: {(e is OperationCanceledException ? "no answer in time" : e.Message)}", MayComeAgain: true));
            }
        }
    }

    /// <summary>Asks a server that proves to be <paramref name="junction"/> (its DNS name) by an authority in <paramref name="credentials"/>.</summary>
    public async Task<EnrolmentReply> AskAsync(TlsCredentials.State credentials, string junction, Func<string, EnrolmentQuestion> question, CancellationToken cancellationToken)
    {
        var dialled = await DialAsync(cancellationToken);
        if (dialled.Connection is not { } transport)
            return new EnrolmentReply(null, dialled.Detail, MayComeAgain: true);
        var settings = new TlsSettings(new TlsCredentials(credentials.Identity, credentials.Trust), RequirePeerCertificate: true, Protocol: EnrolmentServer.Protocol);
        var secured = await TlsHandshake.Dialling(settings, junction).RunAsync(transport, GreetingTimeout, cancellationToken);
        if (secured.Connection is null)
        {
            transport.Abort(secured.Reason);
            await transport.DisposeAsync();
            return new EnrolmentReply(null, $"{Text}: {secured.Detail}", MayComeAgain: secured.Reason != CloseReason.DialCertificateRejected);
        }

        return await ConverseAsync(secured.Connection, question, cancellationToken);
    }

    /// <summary>Asks over a connection whose other end is known; disposes it.</summary>
    public static async Task<EnrolmentReply> ConverseAsync(Connection connection, Func<string, EnrolmentQuestion> question, CancellationToken cancellationToken)
    {
        await using (connection)
        {
            using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            deadline.CancelAfter(AnswerTimeout);
            try
            {
                var (greeting, wrong) = await EnrolmentLine.ReadAsync(connection, PkiJson.Default.EnrolmentGreeting, EnrolmentLine.LongestGreeting, deadline.Token);
                if (greeting?.Refused is { } busy)
                    return new EnrolmentReply(null, busy, MayComeAgain: true);
                if (greeting?.Nonce is not { } nonce)
                    return new EnrolmentReply(null, greeting is null ? wrong : "the greeting has no nonce", MayComeAgain: true);
                await EnrolmentLine.WriteAsync(connection, question(nonce), PkiJson.Default.EnrolmentQuestion);
                (var answer, wrong) = await EnrolmentLine.ReadAsync(connection, PkiJson.Default.EnrolmentAnswer, EnrolmentLine.LongestAnswer, deadline.Token);
                await connection.CompleteOutputAsync();
                return answer switch
                {
                    null => new EnrolmentReply(null, wrong, MayComeAgain: true),
                    { Refused: { } refused } => new EnrolmentReply(answer, Printable(refused), answer.Again == true),
                    { Certificate: null } => new EnrolmentReply(null, "the answer holds no certificate", MayComeAgain: true),
                    _ => new EnrolmentReply(answer),
                };
            }
            catch (Exception e) when (e is IOException or OperationCanceledException && !cancellationToken.IsCancellationRequested)
            {
                return new EnrolmentReply(null, e is OperationCanceledException ? "no answer in time" : e.Message, MayComeAgain: true);
            }
        }
    }

    /// <summary>What is wrong with a certificate that was answered; null when it is for this key and name, and valid by <paramref name="trust"/>.</summary>
    public static string? Objection(string certificatePem, ECDsa key, string? name, X509Certificate2Collection trust, DateTimeOffset now)
    {
        try
        {
            using var certificate = X509Certificate2.CreateFromPem(certificatePem);
            if (!certificate.PublicKey.ExportSubjectPublicKeyInfo().AsSpan().SequenceEqual(key.ExportSubjectPublicKeyInfo()))
                return "the certificate that was answered is for another key";
            var who = PeerIdentity.Of(certificate, PeerIdentity.DomainOf(certificate));
            if (name is not null && who.Name != name)
                return $"the certificate that was answered is for \"{Printable(who.Name)}\", not \"{name}\"";
            using var chain = new X509Chain { ChainPolicy = { RevocationMode = X509RevocationMode.NoCheck, DisableCertificateDownloads = true, TrustMode = X509ChainTrustMode.CustomRootTrust, VerificationTime = now.UtcDateTime } };
            chain.ChainPolicy.CustomTrustStore.AddRange(trust);
            return chain.Build(certificate) ? TlsHandshake.ObjectionToLeaf(certificate)
                : $"the certificate that was answered is not valid here: {string.Join(", ", chain.ChainStatus.Select(s => s.Status))} (from {certificate.NotBefore.ToUniversalTime():u} to {certificate.NotAfter.ToUniversalTime():u}; is the clock right?)";
        }
        catch (CryptographicException e)
        {
            return $"the certificate that was answered cannot be read: {e.Message}";
        }
    }

    private async Task<DialOutcome> DialAsync(CancellationToken cancellationToken) => proxy(address) is { } through
        ? await through.ConnectAsync(address, dialer, DialTimeout, cancellationToken)
        : await dialer.DialAsync(address, DialTimeout, cancellationToken);

    private EnrolmentReply NoAuthority() => new(null, $"nobody can join at {Text}: no junction there, or none with an authority (`pki` in its configuration)");

    private static X509Certificate2? Pinned(string? pem, string keyHash)
    {
        var bundle = new X509Certificate2Collection();
        try
        {
            bundle.ImportFromPem(pem);
        }
        catch (CryptographicException)
        {
            return null;
        }

        return bundle.FirstOrDefault(c => PeerIdentity.KeyOf(c.PublicKey) == keyHash);
    }

    private static async Task<byte[]> ReadLineAsync(SslStream tls, int longest, CancellationToken cancellationToken)
    {
        var line = new List<byte>();
        var buffer = new byte[4096];
        while (true)
        {
            var length = await tls.ReadAsync(buffer, cancellationToken);
            var end = buffer.AsSpan(0, length).IndexOf((byte)'\n');
            line.AddRange(buffer.AsSpan(0, end < 0 ? length : end));
            if (end >= 0)
                return [.. line];
            if (length == 0 || line.Count > longest)
                throw new IOException("it sent no greeting");
        }
    }

    private static string Printable(string said) => new([.. said.Take(300).Select(c => char.IsControl(c) ? '?' : c)]);
}
