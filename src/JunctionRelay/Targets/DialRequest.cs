using System.Net;
using JunctionRelay.Connections;
using JunctionRelay.Greetings;

namespace JunctionRelay.Targets;

/// <summary>For whom a target is dialled.</summary>
/// <param name="Id">The connection's id, the same over all hops.</param>
/// <param name="PortOffset">For a relay of a port range, how far into the range the client's port was; 0 otherwise.</param>
/// <param name="Client">The client's address as the first junction saw it; null where it has none.</param>
/// <param name="Path">The junctions that the connection has come through before us.</param>
/// <param name="Destination">Where the client asks to go; null where it has no say.</param>
/// <param name="AwaitsAnswer">The client waits to be told whether it got there, so that a target which is reached in the end only is waited for.</param>
internal readonly record struct DialRequest(
    ConnectionId Id, int PortOffset, string? Client, IReadOnlyList<string> Path, EndPoint? Destination = null, bool AwaitsAnswer = false)
{
    /// <summary>What is known of the client beside its address; null = nothing.</summary>
    public ClientClaims? Claims { get; init; }

    /// <summary>A person checks the path, and waits: the junctions behind this one are to say in words why it leads nowhere, and soon.</summary>
    public bool IsCheck { get; init; }

    /// <summary>How long a target may take to accept, where the relay allows <paramref name="connectTimeout"/>; for a check three tries of the system's (at 0, 1 and 3 s).</summary>
    public TimeSpan Within(TimeSpan connectTimeout) => IsCheck && connectTimeout > CheckTimeout ? CheckTimeout : connectTimeout;

    private static readonly TimeSpan CheckTimeout = TimeSpan.FromSeconds(5);

    /// <summary>Where the client connected to at the first junction; null where that is no address.</summary>
    public string? Local { get; init; }

    /// <summary>What a PROXY header may say of the client's connection besides its addresses.</summary>
    public ProxyProtocolFacts Facts { get; init; }
}
