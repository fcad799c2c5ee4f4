using System.Net;
using JunctionRelay.Connections;
using JunctionRelay.Greetings;

namespace JunctionRelay.Policies;

/// <summary>Stage 5, Authorize: may this client have what it asks for? Clients of a relay and peers of a link are judged by different rules.</summary>
internal interface IAuthorization
{
    /// <summary>Judges one connection. <paramref name="who"/>: what TLS proved, and the only identity that counts; <paramref name="from"/>: where it connects from.</summary>
    Verdict Judge(PeerIdentity? who, EndPoint? from, Greeting greeting);
}
