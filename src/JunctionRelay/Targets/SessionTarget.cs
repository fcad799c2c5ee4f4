using JunctionRelay.Connections;
using JunctionRelay.Links;

namespace JunctionRelay.Targets;

/// <summary>The one process that asked for a listener, behind the very session by which it asked: another of its name knows nothing of it.</summary>
/// <param name="name">For logs.</param>
/// <param name="service">What it calls the connections of that listener.</param>
/// <param name="self">Our own name.</param>
/// <param name="compresses">It asked for that.</param>
internal sealed class SessionTarget(string name, LinkSession session, string service, string self, bool compresses) : ITarget
{
    public string Name => name;

    public ValueTask<DialOutcome> DialAsync(DialRequest request, CancellationToken cancellationToken)
    {
        var open = new LinkOpen(service, request.Id.ToGuid(), request.Client, [.. request.Path, self]) { LocalAddress = request.Local, IsCompressed = compresses };
        return new(session.TryOpen(open, out var stream, out var refused) ? DialOutcome.Connected(stream) : DialOutcome.Failed(refused, $"{Name}: {refused.Name()}"));
    }

    public ValueTask<DialOutcome?> ProbeAsync(CancellationToken cancellationToken) => new((DialOutcome?)null);
}
