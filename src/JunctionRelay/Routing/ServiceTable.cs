using JunctionRelay.Greetings;
using JunctionRelay.Targets;

namespace JunctionRelay.Routing;

/// <summary>Stage 6, Route: from a relay, or the service that a peer asks for, to the targets that serve it.</summary>
internal sealed class ServiceTable
{
    private readonly TargetList? _relay;
    private readonly IReadOnlyDictionary<string, TargetList> _services;

    /// <summary>Of a relay: everything goes to its own targets.</summary>
    public ServiceTable(TargetList relay) => (_relay, _services) = (relay, new Dictionary<string, TargetList>());

    /// <summary>Of the links: each service has its targets.</summary>
    public ServiceTable(IReadOnlyDictionary<string, TargetList> services) => _services = services;

    /// <summary>All lists, to be probed.</summary>
    public IEnumerable<TargetList> All => _relay is null ? _services.Values : [_relay];

    /// <summary>The services by name; empty for a relay.</summary>
    public IReadOnlyDictionary<string, TargetList> Services => _services;

    /// <summary>Where a connection with <paramref name="greeting"/> goes; null when there is no such service.</summary>
    public TargetList? Find(Greeting greeting) => _relay ?? (greeting.Service is { } service ? _services.GetValueOrDefault(service) : null);
}
