using JunctionRelay.Connections;
using JunctionRelay.Greetings;

namespace JunctionRelay.Policies;

/// <summary>
/// Stage 5, Authorize: who TLS proved the client to be, against the names that the relay allows. <paramref name="allowNames"/> null = whoever
/// was admitted and, where certificates are asked for, holds one of the trusted authority.
/// </summary>
internal sealed class Authorization(NamePatterns? allowNames)
{
    /// <summary>Judges one connection; <paramref name="greeting"/> is what it asks for.</summary>
    public Verdict Judge(PeerIdentity? who, Greeting greeting)
    {
        _ = greeting;   // destinations that a client names come with the socks5:// and http:// entrances
        if (allowNames is null) return new Verdict(true, "admitted");
        if (who is null) return new Verdict(false, "tls.allowNames", "the client proved no name");
        return who.Names.Append(who.Name).Any(allowNames.Matches)
            ? new Verdict(true, "tls.allowNames")
            : new Verdict(false, "tls.allowNames", $"\"{who.Name}\" is none of {allowNames}");
    }
}
