using System.Net;
using System.Threading.Channels;
using JunctionRelay.Connections;

namespace JunctionRelay.Links;

/// <summary>
/// The streams that peers open, as accepted connections: relaying starts again at its first stage. One listener may serve all links of a junction.
/// Its queue is bounded by what the sessions admit.
/// </summary>
internal sealed class LinkListener(string name) : ConnectionListener
{
    /// <summary>Services that begin so are the junction's own: no name of a configuration has a colon.</summary>
    public const string OwnPrefix = "junction:";

    // The spine begins on the thread that read the OPEN, as it does on the one that accepted a socket.
    private readonly Channel<LinkStream> _opened = Channel.CreateUnbounded<LinkStream>(new UnboundedChannelOptions { AllowSynchronousContinuations = true });
    private volatile bool _listening = true;

    public override EndPoint EndPoint { get; } = new LinkEndPoint(name);

    /// <summary>Serves the streams for the junction itself, to their end; false for a service that it does not have. Null = it has none.</summary>
    public Func<LinkStream, bool>? Own { get; set; }

    /// <summary>A peer has opened <paramref name="stream"/>. It is this method's from now on: refused here, or handed to the next accept.</summary>
    public void Offer(LinkStream stream)
    {
        if (stream.Open.Service.StartsWith(OwnPrefix, StringComparison.Ordinal))
        {
            if (Own?.Invoke(stream) != true)
                stream.Abort(CloseReason.NoSuchService);
            return;
        }

        if (!_listening || !_opened.Writer.TryWrite(stream))
            stream.Abort(CloseReason.Stopping);
    }

    public override async ValueTask<Connection?> AcceptAsync()
    {
        while (await _opened.Reader.WaitToReadAsync())
        {
            if (_opened.Reader.TryRead(out var stream))
                return stream;
        }

        return null;
    }

    public override bool Listen(bool listening)
    {
        _listening = listening;
        return true;
    }

    public override ValueTask DisposeAsync()
    {
        _opened.Writer.TryComplete();
        while (_opened.Reader.TryRead(out var stream))
            stream.Abort(CloseReason.Stopping);
        return ValueTask.CompletedTask;
    }

    private sealed class LinkEndPoint(string name) : EndPoint
    {
        public override string ToString() => $"link://{name}";
    }
}
