using JunctionRelay.Connections;
using JunctionRelay.Links;

namespace JunctionRelay.Relay;

/// <summary>The streams that a junction opens for itself, on whatever link leads where it wants: no service of a configuration is called so.</summary>
internal sealed class OwnLinks(LinkDirectory directory, string self)
{
    /// <summary>
    /// Streams towards the junction of this name: over the links with it first, then over those that we dial and that do not lead back along <paramref name="path"/>,
    /// whose other end passes them on. Each is opened when it is asked for.
    /// </summary>
    public IEnumerable<LinkStream> Towards(string junction, string service, IReadOnlyList<string> path)
    {
        var up = directory.All().Select(s => s.Session).Where(s => s.IsUp && s.Peer is { } peer && !path.Any(peer.IsCalled)).ToList();
        foreach (var session in up.Where(s => s.Peer!.IsCalled(junction)).Concat(up.Where(s => !s.Peer!.IsCalled(junction) && s.IsDialler)))
        {
            if (TryOpen(session, service, path) is { } stream)
                yield return stream;
        }
    }

    /// <summary>A stream on this session; null when it takes none now.</summary>
    public LinkStream? TryOpen(LinkSession session, string service, IReadOnlyList<string> path) =>
        path.Count < LinkOpen.MaxHops && session.TryOpen(new LinkOpen(service, ConnectionId.Next().ToGuid(), null, [.. path, self]), out var stream, out _) ? stream : null;
}
