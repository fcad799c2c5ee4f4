using System.IO.Pipelines;
using System.Net;
using JunctionRelay.Connections;

namespace JunctionRelay.Tests.Licensing;

/// <summary>A connection of which only the reading matters.</summary>
internal sealed class PipeConnection(Pipe pipe) : Connection
{
    public override PipeReader Input => pipe.Reader;
    public override PipeWriter Output => throw new NotSupportedException();
    public override EndPoint? LocalEndPoint => null;
    public override EndPoint? RemoteEndPoint => null;
    public override ValueTask CompleteOutputAsync() => throw new NotSupportedException();
    public override void Abort(CloseReason reason) => throw new NotSupportedException();
    public override ValueTask DisposeAsync() => ValueTask.CompletedTask;
}
