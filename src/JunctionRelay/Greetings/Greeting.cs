using System.Net;
using JunctionRelay.Connections;

namespace JunctionRelay.Greetings;

/// <summary>What a client said before its own bytes. A plain listener's client says nothing; a peer's stream says all of this.</summary>
internal sealed record Greeting
{
    /// <summary>No preamble: the relay alone decides where the connection goes.</summary>
    public static Greeting None { get; } = new();

    /// <summary>The service that a peer asks for; null where the relay decides.</summary>
    public string? Service { get; init; }

    /// <summary>The id that the connection got at the first junction; null where we are the first.</summary>
    public ConnectionId? Id { get; init; }

    /// <summary>The client that the first junction saw: asserted by the peer, good for logs.</summary>
    public string? Client { get; init; }

    /// <summary>Where the client connected to at the first junction: asserted by the peer; null where we are the first.</summary>
    public string? Local { get; init; }

    /// <summary>The junctions that the connection has come through, the last one last: asserted by the peer.</summary>
    public IReadOnlyList<string> Path { get; init; } = [];

    /// <summary>Where the client asks to go; null where it has no say.</summary>
    public EndPoint? Destination { get; init; }

    /// <summary>Of the service's license server, the port of the vendor daemon that is wanted; null for the server itself.</summary>
    public int? VendorPort { get; init; }

    /// <summary>Who the client proved to be by a password; null where none was asked for.</summary>
    public string? User { get; init; }

    /// <summary>Who the client is by the word of the machine that it runs on: asserted by the peer.</summary>
    public ClientClaims Claims { get; init; } = ClientClaims.None;

    /// <summary>The client waits to be told whether it got there.</summary>
    public bool AwaitsAnswer { get; init; }

    /// <summary>A peer checks the path, and is told in words why it leads nowhere.</summary>
    public bool IsCheck { get; init; }
}
