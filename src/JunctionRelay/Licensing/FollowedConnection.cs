using System.IO.Pipelines;
using System.Net;
using JunctionRelay.Connections;

namespace JunctionRelay.Licensing;

/// <summary>A connection of which somebody reads along: the inner one, but for what is read from it.</summary>
internal sealed class FollowedConnection(Connection inner, FollowedInput input) : Connection
{
    public override PipeReader Input => input;
    public override PipeWriter Output => inner.Output;
    public override EndPoint? LocalEndPoint => inner.LocalEndPoint;
    public override EndPoint? RemoteEndPoint => inner.RemoteEndPoint;
    public override PeerIdentity? Peer => inner.Peer;
    public override uint? PeerUid => inner.PeerUid;

    public override ValueTask CompleteOutputAsync() => inner.CompleteOutputAsync();
    public override ValueTask DrainOutputAsync(TimeSpan limit) => inner.DrainOutputAsync(limit);
    public override ValueTask EndAboveAsync() => inner.EndAboveAsync();
    public override void Abort(CloseReason reason) => inner.Abort(reason);
    public override ConnectionFault? Probe(TimeSpan silentAfter) => inner.Probe(silentAfter);

    public override CloseReason? Told => inner.Told;
    public override ValueTask DisposeAsync() => inner.DisposeAsync();
}
