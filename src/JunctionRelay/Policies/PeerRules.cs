using System.Net;
using JunctionRelay.Connections;
using JunctionRelay.Greetings;
using JunctionRelay.Links;

namespace JunctionRelay.Policies;

/// <summary>What one entry of <c>peers</c> grants.</summary>
/// <param name="Pattern">The name or pattern that the entry stands under.</param>
/// <param name="Services">The services that the peer may use; null = none.</param>
/// <param name="From">Where it may connect from; null = anywhere.</param>
/// <param name="MaxStreams">How many streams it may hold; null = no limit of its own.</param>
/// <param name="Resume">How long its streams survive the loss of the link; null = as usual.</param>
/// <param name="Ping">How often it is asked for a sign of life; null = as usual.</param>
internal sealed record PeerRule(string Pattern, NamePatterns? Services, CidrSet? From, int? MaxStreams, TimeSpan? Resume, TimeSpan? Ping)
{
    private readonly PeerNamePatterns _names = new([Pattern]);

    /// <summary>Where it may have us listen for it.</summary>
    public IReadOnlyList<ListenRule> Listen { get; init; } = [];

    /// <summary>Whether the entry is about junctions of this name.</summary>
    public bool IsNamed(string name) => _names.Matches(name);

    /// <summary>Whether the entry is about this peer, connecting from there.</summary>
    public bool IsFor(PeerIdentity peer, EndPoint? from) =>
        (_names.Matches(peer.Name) || peer.Names.Any(Matches)) && (From is null || from is IPEndPoint ip && From.Contains(ip.Address));

    // A key of the configuration can have no colon: a SPIFFE ID stands there without its scheme. What has no slash is a pattern of other names.
    private bool Matches(string name) => _names.Matches(name)
        || Pattern.Contains('/', StringComparison.Ordinal) && name.StartsWith(SpiffeId.Scheme, StringComparison.Ordinal) && _names.Matches(name[SpiffeId.Scheme.Length..]);
}

/// <summary>
/// Of the peers of a link: every stream is judged by the name that TLS proved, here where its target is dialled. Default: nothing. Where several
/// entries are about a peer, what one of them grants is granted.
/// </summary>
/// <param name="denied">Who is refused, as of now; also the junctions before the peer in a chain, by the peer's word.</param>
internal sealed class PeerRules(IReadOnlyList<PeerRule> rules, Func<DenyList>? denied = null) : IAuthorization
{
    /// <summary>All entries, as configured.</summary>
    public IReadOnlyList<PeerRule> Rules => rules;

    public Verdict Judge(PeerIdentity? who, EndPoint? from, Greeting greeting)
    {
        if (who is null || greeting.Service is not { } service) return new Verdict(false, "peers", "a stream without a name or a service");
        if (denied?.Invoke().ObjectionToPath(greeting.Path, who) is { } objection) return new Verdict(false, "revoked", objection);
        var about = For(who, from).ToList();
        var granting = about.FindAll(r => service == LinkOpen.AnyService ? r.Services is not null : r.Services?.Matches(service) == true);
        if (granting is [var first, ..]) return new Verdict(true, $"peers.{first.Pattern}", Services: NamePatterns.AnyOf(granting.Select(r => r.Services!)));
        return about.Count == 0
            ? new Verdict(false, "peers", NoEntryAbout(who, from))
            : new Verdict(false, $"peers.{about[0].Pattern}", $"\"{who.Name}\" may not use the service \"{service}\"");
    }

    /// <summary>Why a peer gets nothing, for people: the name may be right, and the address not.</summary>
    public static string NoEntryAbout(PeerIdentity who, EndPoint? from) => $"no entry of peers is about \"{who.Name}\" at {(from is null ? "its address" : SocketDialer.Text(from))}";

    /// <summary>The entries about a peer.</summary>
    public IEnumerable<PeerRule> For(PeerIdentity peer, EndPoint? from) => rules.Where(r => r.IsFor(peer, from));
}
