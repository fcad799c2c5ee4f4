using JunctionRelay.Connections;
using JunctionRelay.Links;

namespace JunctionRelay.Targets;

/// <summary>
/// A service of a peer, over whichever link with it there is, whoever dialled that. The stream is open at once, its first bytes travel with it, and
/// a refusal comes back as a reset that carries the reason.
/// </summary>
/// <param name="link">As the configuration calls it: a link that we dial, or the name of a peer that dials us.</param>
/// <param name="peer">The name that the peer's certificate bears.</param>
/// <param name="self">Our own name, which the path of the connection gets added.</param>
internal sealed class LinkTarget(string link, string peer, string service, string self, LinkDirectory links, TimeProvider time) : ITarget
{
    public string Name { get; } = $"link://{link}/{service}";

    public async ValueTask<DialOutcome> DialAsync(DialRequest request, CancellationToken cancellationToken)
    {
        var open = new LinkOpen(service, request.Id.ToGuid(), request.Client, [.. request.Path, self]);
        if (open.Problem() is { } problem) return DialOutcome.Failed(CloseReason.LinkLoop, $"{Name}: {problem}");
        var (stream, reason) = await links.OpenAsync(peer, open, time, cancellationToken);
        return stream is not null ? DialOutcome.Connected(stream)
            : DialOutcome.Failed(reason, reason == CloseReason.LinkDown ? Down : $"{Name}: {reason.Name()}");
    }

    /// <summary>A dial waits for a link that was lost a moment ago, which it need not while another target is there.</summary>
    public bool IsReady => links.IsUp(peer);

    /// <summary>Often, since it is a look into memory: a link that came up or went down is followed at once.</summary>
    public TimeSpan? ProbeInterval => TimeSpan.FromMilliseconds(200);

    public ValueTask<DialOutcome?> ProbeAsync(CancellationToken cancellationToken) =>
        new(links.Find(peer).Any(s => s.TakesStreams) ? null : DialOutcome.Failed(CloseReason.LinkDown, Down));

    private string Down => $"{Name}: the link with {peer} is down";
}
