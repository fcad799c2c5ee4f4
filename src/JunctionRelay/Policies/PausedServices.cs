using System.Collections.Concurrent;

namespace JunctionRelay.Policies;

/// <summary>
/// The services that somebody has paused while the junction runs (<c>junction pause</c>): no new stream of a peer reaches them. A restart forgets them; what is paused for good
/// says so in the configuration.
/// </summary>
internal sealed class PausedServices
{
    /// <summary>The rule that refuses, as peers and metrics hear it.</summary>
    public const string Rule = "paused";

    private readonly ConcurrentDictionary<string, byte> _names = new(StringComparer.Ordinal);

    /// <summary>What a refused peer hears.</summary>
    public static string Refusal(string service) => $"{Rule}: the service \"{service}\" is paused";

    public bool Contains(string service) => _names.ContainsKey(service);

    /// <summary>False where it was paused already.</summary>
    public bool Pause(string service) => _names.TryAdd(service, 0);

    /// <summary>False where it was not paused.</summary>
    public bool Resume(string service) => _names.TryRemove(service, out _);
}
