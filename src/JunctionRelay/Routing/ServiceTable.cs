using JunctionRelay.Greetings;
using JunctionRelay.Targets;

namespace JunctionRelay.Routing;

/// <summary>Stage 6, Route: from a relay and what the client asked for to the targets that serve it.</summary>
internal sealed class ServiceTable(TargetList relayTargets)
{
    /// <summary>The targets of a relay's own configuration.</summary>
    public TargetList RelayTargets => relayTargets;

    /// <summary>Where a connection with <paramref name="greeting"/> goes.</summary>
    public TargetList Find(Greeting greeting)
    {
        _ = greeting;   // a plain client names nothing: services and destinations come with links and the SOCKS entrance
        return relayTargets;
    }
}
