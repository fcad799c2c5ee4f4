using System.Net;
using JunctionRelay.Connections;
using JunctionRelay.Links;
using JunctionRelay.Pki;
using JunctionRelay.Policies;
using JunctionRelay.Routing;

namespace JunctionRelay.Relay;

/// <summary>The links of one junction, complete: what it dials, where it is dialled, and what its peers may use.</summary>
internal sealed record LinksPlan
{
    /// <summary>Who we are: name, instance, generation; and what we grant unless a peer's rule says otherwise.</summary>
    public required LinkOptions Options { get; init; }

    /// <summary>The live sessions, which <c>link://</c> targets look up.</summary>
    public required LinkDirectory Directory { get; init; }

    /// <summary>Our certificate and trust; sessions change their TLS connection when these are replaced.</summary>
    public TlsCredentials Credentials { get; init; } = new(null, null);

    /// <summary>What <see cref="Credentials"/> are to follow: another plan may name other files. Null = they stand for themselves.</summary>
    public TlsCredentials? Source { get; init; }

    public required IReadOnlyList<DialledLink> Dial { get; init; }
    public required IReadOnlyList<IPEndPoint> Listen { get; init; }

    /// <summary>TLS with those that dial us; null when nobody can.</summary>
    public TlsHandshake? Handshake { get; init; }

    /// <summary>Who serves junctions that want a certificate; null where no authority lives.</summary>
    public EnrolmentServer? Enrolment { get; init; }

    /// <summary>The junction where the authority of our own certificate lives, to which peers' questions are passed on; null where that is not known, or is this one.</summary>
    public string? Authority { get; init; }

    /// <summary>For what we open for ourselves.</summary>
    public OwnLinks Own => new(Directory, Options.Self.Name);

    public required PeerRules Peers { get; init; }
    public required ServiceTable Services { get; init; }
}

/// <summary>One link that we dial.</summary>
/// <param name="Name">In the configuration.</param>
/// <param name="Peer">The name that the other junction's certificate must bear.</param>
/// <param name="Connectors">A new round of its addresses, for each session its own.</param>
/// <param name="Ping">How often it is asked for a sign of life.</param>
internal sealed record DialledLink(string Name, string Peer, Func<ILinkConnector> Connectors, TimeSpan Resume, TimeSpan Ping)
{
    /// <summary>Where it is dialled, as configured.</summary>
    public IReadOnlyList<EndPoint> Addresses { get; init; } = [];

    /// <summary>The proxy on the way to an address; null = none.</summary>
    public Func<EndPoint, HttpProxy?> Proxy { get; init; } = _ => null;
}
