using System.Buffers.Text;
using System.Net;
using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using JunctionRelay.Connections;
using Microsoft.Extensions.Logging;

namespace JunctionRelay.Pki;

/// <summary>Holds the conversation with whoever wants a certificate (<c>docs/enrolment-protocol.md</c>, section 3): one question, one answer, and a line in the log.</summary>
internal sealed class EnrolmentServer(EnrolmentOffice office, TimeProvider time, ILogger log)
{
    /// <summary>The name in TLS's ALPN extension.</summary>
    public static readonly SslApplicationProtocol Protocol = new("junction-enroll/1");

    /// <summary>The service that stands for this conversation on a link; no service of a configuration can be called so.</summary>
    public const string Service = "junction:enroll";

    public const int MostAtOnce = 4096;

    /// <summary>A cluster behind one address (IPv6: /64) that starts all its nodes at once.</summary>
    public const int MostOfOneNetwork = 1024;

    public static readonly TimeSpan QuestionTimeout = TimeSpan.FromSeconds(10);

    /// <summary>For the lock of the directory, which commands hold as well.</summary>
    private static readonly TimeSpan AnswerTimeout = TimeSpan.FromSeconds(60);

    private readonly AttemptLimiter _limiter = new(time);
    private readonly LineBudget _busy = new();
    private readonly Lock _lock = new();
    private readonly Dictionary<string, int> _ofNetwork = [];   // under _lock
    private int _all;   // under _lock

    /// <summary>Serves one connection to its end, and disposes it. Never throws.</summary>
    public async Task ServeAsync(Connection connection, EndPoint? from)
    {
        var address = (from as IPEndPoint)?.Address is { } ip ? ip.IsIPv4MappedToIPv6 ? ip.MapToIPv4() : ip : null;
        var network = ClientNetwork.Of(address);
        var isTaken = TryTake(network);
        try
        {
            var answer = isTaken ? await ConverseAsync(connection, address) : TooMany(address);
            if (answer is not null)
            {
                await EnrolmentLine.WriteAsync(connection, answer, PkiJson.Default.EnrolmentAnswer);
                await connection.CompleteOutputAsync();
                await connection.DrainOutputAsync(QuestionTimeout);
            }
        }
        catch (Exception e) when (e is ConnectionBrokenException or OperationCanceledException or ObjectDisposedException)
        {
            // Who does not wait for the answer needs none.
        }
        catch (Exception e)
        {
            // A full disk, a loose mode, or a fault of ours: this one gets no answer, the next one is served.
            log.EnrolmentFailed(Text(address), e is IOException or UnauthorizedAccessException or CryptographicException ? e.Message : e.ToString());
        }
        finally
        {
            if (isTaken)
                Give(network);
            await connection.DisposeAsync();
        }
    }

    private async Task<EnrolmentAnswer?> ConverseAsync(Connection connection, IPAddress? from)
    {
        var nonce = Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(16));
        await EnrolmentLine.WriteAsync(
            connection, new EnrolmentGreeting { Version = 1, Junction = office.Pki.Settings.Junction, Authority = office.Pki.TrustPem, Nonce = nonce }, PkiJson.Default.EnrolmentGreeting);
        using var deadline = new CancellationTokenSource(QuestionTimeout, time);
        var (question, wrong) = await EnrolmentLine.ReadAsync(connection, PkiJson.Default.EnrolmentQuestion, EnrolmentLine.LongestQuestion, deadline.Token);
        if (question is null)
        {
            // Who came for the greeting alone is a node on its first visit.
            if (!wrong.StartsWith("the connection ended", StringComparison.Ordinal))
                Refuse("a question", from, ClientNetwork.Of(from), wrong);
            return null;
        }

        // Signatures and files from here on: the thread that served the question serves all sockets.
        await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
        var key = CertificateRequests.Read(question.Csr ?? [], nonce, out wrong);
        var shown = key is null || question.Do != EnrolmentQuestion.Renew ? null : Whose(question, key, connection.Peer);
        var who = Account(from, key is null ? null : office.Proof(question, key, shown));
        if (_limiter.Wait(who) is var wait && wait > TimeSpan.Zero)
        {
            if (_limiter.Waits(who!, out var times))
                log.EnrolmentSlowed(who!, times);
            return new EnrolmentAnswer { Refused = $"too many questions from {from} were refused: wait {Math.Ceiling(wait.TotalSeconds)} s", Again = true };
        }

        if (key is null)
        {
            Refuse(What(question), from, who, wrong);
            return new EnrolmentAnswer { Refused = wrong };
        }

        using var patience = new CancellationTokenSource(AnswerTimeout, time);
        return await AnswerAsync(question, key, shown, from, who, patience.Token);
    }

    private async Task<EnrolmentAnswer> AnswerAsync(EnrolmentQuestion question, PublicKey key, PeerIdentity? shown, IPAddress? from, string? who, CancellationToken cancellationToken)
    {
        var verdict = question.Do switch
        {
            EnrolmentQuestion.Join => await office.JoinAsync(question.Token, key, question.Wish, from, cancellationToken),
            EnrolmentQuestion.Renew => await office.RenewAsync(shown, key, from, cancellationToken),
            EnrolmentQuestion.Rejoin => await office.RejoinAsync(question.Name, key, from, cancellationToken),
            _ => EnrolmentVerdict.Refused("this junction knows join, renew and rejoin"),
        };
        if (verdict.Copy is { } copy)
            log.CopySuspected(copy.Name, Text(from), copy.How);
        if (verdict.Node is not { } node || verdict.Certificate is not { } certificate)
        {
            Refuse(What(question), from, who, verdict.Reason);
            return new EnrolmentAnswer { Refused = verdict.Told };
        }

        Tell(question.Do!, node, from);
        using (certificate)
        {
            return new EnrolmentAnswer
            {
                Name = node.Name,
                Certificate = certificate.ExportCertificatePem() + "\n",
                Trust = office.Pki.TrustPem,
            };
        }
    }

    // Who has signed the request over our nonce has the key; whether he shows its certificate in TLS, or it came over the link of another, makes no difference.
    private PeerIdentity? Whose(EnrolmentQuestion question, PublicKey key, PeerIdentity? peer) =>
        peer is not null && peer.Key == PeerIdentity.KeyOf(key) ? peer : question.Certificate is { } pem ? office.Read(pem) : peer;

    private void Tell(string what, NodeRecord node, IPAddress? from)
    {
        if (what == EnrolmentQuestion.Join)
            log.Joined(node.Name, Text(from), node.Token!, node.Key, node.Expires);
        else if (what == EnrolmentQuestion.Renew)
            log.Renewed(node.Name, Text(from), node.Serial, node.Expires);
        else
            log.Rejoined(node.Name, Text(from), node.Rejoins.Length, node.Expires);
    }

    // Who shows something genuine is not in the way of those who guess from the same address, nor they in his: behind one address may be a whole site.
    private static string? Account(IPAddress? from, string? proof) =>
        ClientNetwork.Of(from) is not { } network ? null : proof is null ? network : $"{network} with the {proof}";

    private void Refuse(string what, IPAddress? from, string? who, string reason)
    {
        if (_limiter.Wait(who) > TimeSpan.Zero)
        {
            // Not worth a question of its own: it could not even be read.
            if (_limiter.Waits(who!, out var times))
                log.EnrolmentSlowed(who!, times);
            return;
        }

        log.EnrolmentRefused(what, Text(from), reason);
        _limiter.Failed(who);
    }

    private EnrolmentAnswer TooMany(IPAddress? address)
    {
        if (_busy.TryTake(time, out var leftOut))
            log.EnrolmentRefused("a question", Text(address), $"too many are joining now{(leftOut == 0 ? "" : $" ({leftOut} more since the last such line)")}");
        return new EnrolmentAnswer { Refused = "too many are joining now", Again = true };
    }

    private bool TryTake(string? network)
    {
        lock (_lock)
        {
            var ofNetwork = network is null ? 0 : _ofNetwork.GetValueOrDefault(network);
            if (_all >= MostAtOnce || ofNetwork >= MostOfOneNetwork)
                return false;
            _all++;
            if (network is not null)
                _ofNetwork[network] = ofNetwork + 1;
            return true;
        }
    }

    private void Give(string? network)
    {
        lock (_lock)
        {
            _all--;
            if (network is null)
                return;
            if (--_ofNetwork[network] == 0)
                _ofNetwork.Remove(network);
        }
    }

    // A stranger's own words stay out of the log.
    private static string What(EnrolmentQuestion question) =>
        question.Do is EnrolmentQuestion.Join or EnrolmentQuestion.Renew or EnrolmentQuestion.Rejoin ? question.Do : "something unknown";

    private static string Text(IPAddress? address) => address?.ToString() ?? "a link";
}
