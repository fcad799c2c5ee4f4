using System.Formats.Asn1;
using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using JunctionRelay.Connections;
using JunctionRelay.Policies;

namespace JunctionRelay.Pki;

/// <summary>What came of a question.</summary>
/// <param name="Node">Whose certificate it is; null when there is none.</param>
/// <param name="Told">What the node is told, when it gets none.</param>
/// <param name="Reason">What the log is told.</param>
/// <param name="Copy">The junction whose key may be in two places, and how that showed; null as a rule.</param>
internal sealed record EnrolmentVerdict(NodeRecord? Node, X509Certificate2? Certificate, string Told = "", string Reason = "", (string Name, string How)? Copy = null)
{
    public bool IsCopySuspected => Copy is not null;

    public static EnrolmentVerdict Refused(string told, string? reason = null) => new(null, null, told, reason ?? told);
}

/// <summary>
/// Decides who gets a certificate of which name (<c>docs/enrolment-protocol.md</c>, section 4), and takes down that he did. No sockets and no messages: those
/// are <see cref="EnrolmentServer"/>'s.
/// </summary>
internal sealed class EnrolmentOffice(PkiDirectory pki, EnrolmentRules rules, TimeProvider time)
{
    /// <summary>One answer for every token that is not genuine.</summary>
    private const string NotGenuine = "the token is not valid at this junction";

    private const string NotKnown = "this name and key are not known here: join with a token";

    public PkiDirectory Pki => pki;

    /// <summary>A new junction, by its token.</summary>
    public async Task<EnrolmentVerdict> JoinAsync(string? tokenText, PublicKey key, string? wish, IPAddress? from, CancellationToken cancellationToken)
    {
        if (JoinToken.Read(tokenText ?? "") is not { } token)
            return EnrolmentVerdict.Refused(NotGenuine, "no token");
        if (!token.IsSignedBy(pki.Ca.Certificate))
            return EnrolmentVerdict.Refused(NotGenuine, $"token {token.Id} was not signed by this authority");
        if (token.Audience != pki.Settings.Junction)
            return EnrolmentVerdict.Refused(NotGenuine, $"token {token.Id} is for the junction {token.Audience}");

        using var held = await pki.LockAsync(cancellationToken);
        if (pki.Tokens.Read(token.Id) is not { } record || !CryptographicOperations.FixedTimeEquals(Convert.FromHexString(record.Hash), token.SecretHash))
            return EnrolmentVerdict.Refused(NotGenuine, $"token {token.Id} is not known");
        if (Objection(record, from) is { } objection)
            return EnrolmentVerdict.Refused($"the token {objection}", $"token {token.Id} {objection}");

        var keyHash = PeerIdentity.KeyOf(key);
        var denied = pki.ReadDenyList()?.Denied;
        if (denied?.DeniesKey(keyHash) == true)
            return EnrolmentVerdict.Refused("this key is revoked", $"token {token.Id}: the key {keyHash} is revoked");
        return Spend(record, key, keyHash, wish, from, denied);
    }

    /// <summary>Who a certificate of this authority names; null when it is none, or not valid now.</summary>
    public PeerIdentity? Read(string pem)
    {
        try
        {
            using var certificate = X509Certificate2.CreateFromPem(pem);
            using var chain = new X509Chain { ChainPolicy = { RevocationMode = X509RevocationMode.NoCheck, DisableCertificateDownloads = true, TrustMode = X509ChainTrustMode.CustomRootTrust, VerificationTime = time.GetUtcNow().UtcDateTime } };
            chain.ChainPolicy.CustomTrustStore.Add(pki.Ca.Certificate);
            return chain.Build(certificate) && TlsHandshake.ObjectionToLeaf(certificate) is null ? PeerIdentity.Of(certificate, pki.Ca.Domain, chain) : null;
        }
        catch (Exception e) when (e is CryptographicException or AsnContentException or ArgumentException)   // ArgumentException: PEM that is none
        {
            return null;
        }
    }

    /// <summary>A junction that has proved to hold the key of a certificate which is valid now.</summary>
    public async Task<EnrolmentVerdict> RenewAsync(PeerIdentity? who, PublicKey key, IPAddress? from, CancellationToken cancellationToken)
    {
        if (who is null)
            return EnrolmentVerdict.Refused("a renewal needs the certificate that is to be renewed");
        var keyHash = PeerIdentity.KeyOf(key);
        if (keyHash != who.Key)
            return EnrolmentVerdict.Refused("a renewal is for the key of the certificate", $"\"{who.Name}\" asks for another key than that of its certificate");
        using var held = await pki.LockAsync(cancellationToken);
        if (Known(who.Name, keyHash) is not { } node)
            return EnrolmentVerdict.Refused(NotKnown, $"\"{who.Name}\" is not bound to this key");
        if (Denied(node, who.SerialNumber) is { } denied)
            return denied;
        return who.SerialNumber == node.Serial || who.SerialNumber == node.Previous
            ? Issue(node with { Previous = who.SerialNumber, Renewals = node.Renewals + 1, IsUnproven = false }, key, from)
            : Suspected(node, who, key, from);
    }

    /// <summary>A junction whose certificate has run out, by its key, which has signed the request.</summary>
    public async Task<EnrolmentVerdict> RejoinAsync(string? name, PublicKey key, IPAddress? from, CancellationToken cancellationToken)
    {
        using var held = await pki.LockAsync(cancellationToken);
        if (Known(name, PeerIdentity.KeyOf(key)) is not { } node)
            return EnrolmentVerdict.Refused(NotKnown, $"\"{(NodeName.IsName(name ?? "") ? name : "?")}\" is not bound to this key");
        return Denied(node) ?? Rejoined(node, key, from);
    }

    /// <summary>
    /// What somebody has shown that is genuine, whatever will be said to it: a token that was signed here, or the key that a name is bound to. Null for a stranger, who may be
    /// guessing. No lock is taken: it decides nothing but whose refusals are counted with whose.
    /// </summary>
    public string? Proof(EnrolmentQuestion question, PublicKey key, PeerIdentity? shown) => question.Do == EnrolmentQuestion.Join
        ? JoinToken.Read(question.Token ?? "") is { } token && token.Audience == pki.Settings.Junction && token.IsSignedBy(pki.Ca.Certificate) ? $"token {token.Id}" : null
        : Known(question.Do == EnrolmentQuestion.Rejoin ? question.Name : shown?.Name, PeerIdentity.KeyOf(key)) is { } node ? $"key of {node.Name}" : null;

    private string? Objection(TokenRecord token, IPAddress? from)
    {
        var now = time.GetUtcNow();
        return token.Revoked is not null ? "has been revoked"
            : now > token.Expires ? $"ran out at {token.Expires:yyyy-MM-dd HH:mm:ss}Z"
            : token.From.Length > 0 && (from is null || !new CidrSet(token.From.Select(r => IPNetwork.Parse(r))).Contains(from)) ? $"may not be used from {from?.ToString() ?? "here"}"
            : null;
    }

    private EnrolmentVerdict Spend(TokenRecord token, PublicKey key, string keyHash, string? wish, IPAddress? from, AuthorityDenyList? denied)
    {
        var uses = pki.Tokens.Uses(token.Id);
        var name = uses.LastOrDefault(u => u.Key == keyHash)?.Name;
        var isAgain = name is not null;
        if (!isAgain)
        {
            if (uses.Count >= token.Uses)
                return EnrolmentVerdict.Refused("the token has been used up", $"token {token.Id} has been used {uses.Count} times of {token.Uses}");
            name = NameFor(token, keyHash, wish, denied);
            if (name is null)
                return EnrolmentVerdict.Refused($"no name is free that fits {token.Name}", $"token {token.Id}: no name is free that fits {token.Name}");
        }

        var known = pki.ReadNode(name!);
        // A token for one name may have moved it on to another key since.
        if (isAgain && known is not null && known.Key != keyHash)
            return EnrolmentVerdict.Refused($"the name {name} has another key by now", $"token {token.Id}: \"{name}\" has another key by now");
        if (denied?.DeniesName(name!) == true)
            return EnrolmentVerdict.Refused($"the name {name} is revoked", $"token {token.Id}: \"{name}\" is revoked");
        if (known?.Key == keyHash && Denied(known) is { } revoked)
            return revoked with { Reason = $"token {token.Id}: {revoked.Reason}" };
        var now = time.GetUtcNow();
        if (!isAgain)
            pki.Spend(token.Id, new TokenUse(keyHash, name!, now, from?.ToString()));
        return Issue(new NodeRecord { Name = name!, Key = keyHash, Serial = "", Token = token.Id, Joined = known?.Key == keyHash ? known.Joined : now }, key, from);
    }

    // Of a pattern, a name that nobody has, or that this very key has. A name without wildcards goes to whoever has its token.
    private string? NameFor(TokenRecord token, string keyHash, string? wish, AuthorityDenyList? denied)
    {
        if (NodeName.IsName(token.Name))
            return token.Name;
        var pattern = new PeerNamePatterns([token.Name]);
        wish = wish?.Split('.')[0].ToLowerInvariant();
        foreach (var candidate in Candidates(token.Name, wish))
        {
            if (NodeName.IsName(candidate) && pattern.Matches(candidate) && candidate != pki.Settings.Junction && denied?.DeniesName(candidate) != true
                && (pki.ReadNode(candidate) is not { } node || node.Key == keyHash))
                return candidate;
        }

        return null;
    }

    private static IEnumerable<string> Candidates(string pattern, string? wish)
    {
        const int Tries = 20;
        if (wish is not null)
        {
            yield return wish;
            for (var i = 0; i < Tries; i++)
                yield return $"{wish[..Math.Min(wish.Length, NodeName.Longest - 5)]}-{RandomName(4)}";
        }

        for (var i = 0; i < Tries; i++)
            yield return string.Concat(pattern.Select(c => c == '*' ? RandomName(8) : c == '?' ? RandomName(1) : c.ToString()));
    }

    // Without letters and digits that look alike.
    private static string RandomName(int length) => RandomNumberGenerator.GetString("23456789abcdefghjkmnpqrstuvwxyz", length);

    private NodeRecord? Known(string? name, string keyHash) =>
        name is not null && NodeName.IsName(name) && pki.ReadNode(name) is { } node && node.Key == keyHash ? node : null;

    // A serial number names one certificate: who is to renew with it, or has it as his newest, is refused; who has a newer one is not.
    private EnrolmentVerdict? Denied(NodeRecord node, string? shown = null)
    {
        const string Told = "this junction is revoked";
        if (pki.ReadDenyList()?.Denied is not { } denied)
            return null;
        return denied.DeniesName(node.Name) ? EnrolmentVerdict.Refused(Told, $"\"{node.Name}\" is revoked")
            : denied.DeniesKey(node.Key) ? EnrolmentVerdict.Refused(Told, $"the key of \"{node.Name}\" is revoked")
            : new[] { shown, node.Serial }.FirstOrDefault(s => s is not null && denied.DeniesSerial(s)) is { } serial
                ? EnrolmentVerdict.Refused(Told, $"the certificate {serial} of \"{node.Name}\" is revoked") : null;
    }

    // By its key alone. While nobody has shown what was issued so, its answer may have been lost: it is the same return, and counts once for each life of a certificate.
    private EnrolmentVerdict Rejoined(NodeRecord node, PublicKey key, IPAddress? from)
    {
        var (now, rejoins) = (time.GetUtcNow(), Recent(node.Rejoins));
        if (rules.RejoinLimit == 0)
            return TooOften(node, "come back by its key", rejoins.Length, 0);
        if (node.IsUnproven && rejoins is [.., var last] && now - last < rules.Lifetime)
            return Issue(node with { Rejoins = rejoins }, key, from);
        if (rejoins.Length >= rules.RejoinLimit)
            return TooOften(node, "come back by its key", rejoins.Length, rules.RejoinLimit);
        var back = node with { Previous = node.IsUnproven ? node.Previous : node.Serial, Rejoins = [.. rejoins, now], IsUnproven = true };
        if (node.IsUnproven || node.Expires <= now)
            return Issue(back, key, from);

        // Its newest certificate is in use and good: a clock that is ahead, a directory that was brought back, or a copy of the key.
        var (copies, most) = (Recent(node.Copies), Math.Min(rules.RejoinLimit, EnrolmentRules.MostCopies));
        var verdict = copies.Length >= most ? TooOften(node, "come back by its key while its certificate was good", copies.Length, most) : Issue(back with { Copies = [.. copies, now] }, key, from);
        return verdict with { Copy = (node.Name, "by its key alone while its newest certificate is good") };
    }

    // Somebody with the same key has renewed since: a copy of the directory, or this is one that was brought back.
    private EnrolmentVerdict Suspected(NodeRecord node, PeerIdentity who, PublicKey key, IPAddress? from)
    {
        var (copies, most) = (Recent(node.Copies), Math.Min(rules.RejoinLimit, EnrolmentRules.MostCopies));
        var verdict = copies.Length >= most
            ? TooOften(node, "come with a certificate that it had replaced", copies.Length, most)
            : Issue(node with { Previous = who.SerialNumber, Copies = [.. copies, time.GetUtcNow()], IsUnproven = false }, key, from);
        return verdict with { Copy = (who.Name, $"with the certificate {who.SerialNumber}, which is not its newest") };
    }

    private static EnrolmentVerdict TooOften(NodeRecord node, string what, int times, int most) => EnrolmentVerdict.Refused(
        most == 0 ? "coming back by key alone is turned off here: join with a token" : $"this name has {what} too often: join with a token",
        $"\"{node.Name}\" has {what} {times} times in {EnrolmentRules.Period.TotalDays:0} days, the limit is {most}");

    private DateTimeOffset[] Recent(DateTimeOffset[] times)
    {
        var now = time.GetUtcNow();
        return [.. times.Where(at => now - at < EnrolmentRules.Period)];
    }

    private EnrolmentVerdict Issue(NodeRecord node, PublicKey key, IPAddress? from)
    {
        var issued = pki.Issue(node with { From = from?.ToString() }, key, rules.Lifetime);
        return new EnrolmentVerdict(pki.ReadNode(node.Name), issued);
    }
}
