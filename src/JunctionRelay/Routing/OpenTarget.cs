using System.Net;
using JunctionRelay.Connections;
using JunctionRelay.Targets;

namespace JunctionRelay.Routing;

/// <summary>Wherever the client asks to go, as far as <paramref name="permitted"/> permits. Names are resolved here, and what they resolve to is judged before it is dialled.</summary>
internal sealed class OpenTarget(DestinationPatterns permitted, SocketDialer dialer, TimeSpan connectTimeout) : ITarget
{
    public string Name => "open";

    public bool TakesDestination => true;

    /// <summary>One that goes where this or any of <paramref name="others"/> would.</summary>
    public OpenTarget With(IEnumerable<OpenTarget> others) =>
        new(new DestinationPatterns([.. permitted.Patterns, .. others.SelectMany(o => o.Patterns)]), dialer, connectTimeout);

    private IReadOnlyList<DestinationPattern> Patterns => permitted.Patterns;

    public string NameFor(DialRequest request) => request.Destination is { } destination ? SocketDialer.Text(destination) : Name;

    public async ValueTask<DialOutcome> DialAsync(DialRequest request, CancellationToken cancellationToken)
    {
        if (request.Destination is not { } destination) return NotPermitted("the client named no destination, and this place has none of its own");
        if (!permitted.MayPermit(destination)) return NotPermitted(permitted.Refusal(destination, []));
        List<IPAddress> refused = [];
        var outcome = await dialer.DialAsync(destination, connectTimeout, cancellationToken, May);
        if (outcome.Connection is not null) return outcome;
        return outcome.Reason == CloseReason.NotPermitted ? NotPermitted(permitted.Refusal(destination, refused)) : outcome with { IsBeyond = true };

        bool May(IPAddress address)
        {
            if (permitted.Permits(destination, address)) return true;
            refused.Add(address);
            return false;
        }
    }

    private static DialOutcome NotPermitted(string why) => new(null, CloseReason.NotPermitted, why, IsBeyond: true);

    /// <summary>There is no place to ask.</summary>
    public ValueTask<DialOutcome?> ProbeAsync(CancellationToken cancellationToken) => new((DialOutcome?)null);
}
