using System.Net;
using JunctionRelay.Connections;
using JunctionRelay.Greetings;

namespace JunctionRelay.Policies;

/// <summary>
/// Of a relay's clients: the name that TLS proved, against the names that the relay allows. <paramref name="allowNames"/> null = whoever was
/// admitted and, where certificates are asked for, holds one of the trusted authority.
/// </summary>
internal sealed class ClientAuthorization(PeerNamePatterns? allowNames) : IAuthorization
{
    public Verdict Judge(PeerIdentity? who, EndPoint? from, Greeting greeting)
    {
        if (allowNames is null) return new Verdict(true, "admitted");
        if (who is null) return new Verdict(false, "tls.allowNames", "the client proved no name");
        return who.Names.Append(who.Name).Any(allowNames.Matches)
            ? new Verdict(true, "tls.allowNames")
            : new Verdict(false, "tls.allowNames", $"\"{who.Name}\" is none of {allowNames}");
    }
}
