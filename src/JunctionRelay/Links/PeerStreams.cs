namespace JunctionRelay.Links;

/// <summary>The streams that one peer has open and opened itself, over all sessions with it: however often it dials, it holds no more.</summary>
internal sealed class PeerStreams
{
    /// <summary>
    /// Of the junctions' own, whose number no configuration grants: a junction in between passes on the renewals of many nodes at once, 256 at most
    /// (<c>docs/enrolment-protocol.md</c>), and each end gives a list for each authority.
    /// </summary>
    public const uint MostOwn = 300;

    /// <summary>Those that carry a connection.</summary>
    public StreamCount Relayed { get; } = new();

    /// <summary>Those that junctions open for themselves: renewals, deny lists.</summary>
    public StreamCount Own { get; } = new();
}
