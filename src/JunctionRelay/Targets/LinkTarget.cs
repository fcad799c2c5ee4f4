using System.Net;
using JunctionRelay.Connections;
using JunctionRelay.Links;

namespace JunctionRelay.Targets;

/// <summary>
/// A service of a peer, over whichever link with it there is, whoever dialled that. The stream is open at once, its first bytes travel with it, and
/// a refusal comes back as a reset that carries the reason; a client that awaits an answer makes us wait for the peer's.
/// </summary>
/// <param name="link">As the configuration calls it: a link that we dial, or the name of a peer that dials us.</param>
/// <param name="peer">The name that the peer's certificate bears.</param>
/// <param name="self">Our own name, which the path of the connection gets added.</param>
/// <param name="answerTimeout">How long the peer may take to reach the target, where that is waited for.</param>
/// <param name="fixedDestination">Where every connection goes behind the service (the first port of a range); null leaves that to the client, or to the peer.</param>
/// <param name="vendorPort">The port of the vendor daemon beside the service's license server; null for the license server itself.</param>
internal sealed class LinkTarget(
    string link, string peer, string service, string self, LinkDirectory links, TimeProvider time, TimeSpan answerTimeout, EndPoint? fixedDestination = null,
    int? vendorPort = null) : ITarget
{
    /// <summary>What travels over the link is compressed, if the peer can do that.</summary>
    public bool Compresses { get; init; }

    private readonly string _service = $"link://{link}/{service}";

    public string Name { get; } =
        $"link://{link}/{service}{(fixedDestination is null ? "" : $"/{SocketDialer.Text(fixedDestination)}")}{(vendorPort is null ? "" : $":{vendorPort}")}";

    /// <summary>The peer decides.</summary>
    public bool TakesDestination => fixedDestination is null && vendorPort is null;

    public string NameFor(DialRequest request) => DestinationOf(request) is { } destination ? $"{_service}/{destination}" : Name;

    /// <summary>Behind a service the peer knows the host, and which of its ports a redirect has named.</summary>
    public ITarget AtPort(int port) => fixedDestination is null
        ? new LinkTarget(link, peer, service, self, links, time, answerTimeout, null, port) { Compresses = Compresses }
        : new LinkTarget(link, peer, service, self, links, time, answerTimeout, Destination.At(fixedDestination, port)) { Compresses = Compresses };

    public async ValueTask<DialOutcome> DialAsync(DialRequest request, CancellationToken cancellationToken)
    {
        var open = new LinkOpen(service, request.Id.ToGuid(), request.Client, [.. request.Path, self])
        {
            LocalAddress = request.Local,
            Destination = DestinationOf(request),
            IsCheck = request.IsCheck,
            IsCompressed = Compresses,
            VendorPort = vendorPort,
            Claims = request.Claims ?? ClientClaims.None,
        };
        if (open.Problem() is { } problem) return DialOutcome.Failed(CloseReason.LinkLoop, $"{Name}: {problem}");
        if (request.AwaitsAnswer)
        {
            var held = await HeldStream.OpenAsync(links, peer, open, answerTimeout, time, cancellationToken);
            return held.Stream is { } answered ? DialOutcome.Connected(answered) : new DialOutcome(null, held.Reason, $"{NameFor(request)}: {held.Detail}", held.IsBeyond);
        }

        var (stream, reason) = await links.OpenAsync(peer, open, time, cancellationToken);
        return stream is not null ? DialOutcome.Connected(stream)
            : DialOutcome.Failed(reason, reason == CloseReason.LinkDown ? Down : $"{Name}: {reason.Name()}");
    }

    /// <summary>A dial waits for a link that was lost a moment ago, which it need not while another target is there.</summary>
    public bool IsReady => links.IsUp(peer);

    /// <summary>Often, since it is a look into memory: a link that went down is followed soon.</summary>
    public TimeSpan? ProbeInterval => TimeSpan.FromMilliseconds(200);

    public Task? News => links.Change;

    public ValueTask<DialOutcome?> ProbeAsync(CancellationToken cancellationToken) =>
        new(links.TakesStreams(peer, time) ? null : DialOutcome.Failed(CloseReason.LinkDown, Down));

    private string? DestinationOf(DialRequest request) =>
        (fixedDestination is null ? request.Destination : Destination.Shifted(fixedDestination, request.PortOffset)) is { } destination ? SocketDialer.Text(destination) : null;

    private string Down => $"{Name}: the link with {peer} is down";
}
