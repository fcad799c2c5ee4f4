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
    // The spine begins on the thread that read the OPEN, as it does on the one that accepted a socket.
    private readonly Channel<LinkStream> _opened = Channel.CreateUnbounded<LinkStream>(new UnboundedChannelOptions { AllowSynchronousContinuations = true });
    private volatile bool _listening = true;

    public override EndPoint EndPoint { get; } = new NamedEndPoint($"link://{name}");

    /// <summary>Who takes the streams by which peers ask us to listen for them; null refuses them. Set before the first peer comes.</summary>
    public Action<LinkStream>? Requests { get; set; }

    /// <summary>Serves the streams for the junction itself, to their end; false for a service that it does not have. Null = it has none.</summary>
    public Func<LinkStream, bool>? Own { get; set; }

    /// <summary>Called when a stream is refused because its peer holds as many as it may.</summary>
    public Action? Full { get; set; }

    /// <summary>A peer has opened <paramref name="stream"/>. It is this method's from now on: refused here, or handed to the next accept.</summary>
    public void Offer(LinkStream stream)
    {
        if (stream.Open.Listen is not null)
        {
            if (Requests is { } take)
                take(stream);
            else
                stream.Abort(CloseReason.NotPermitted, "this junction listens for nobody");
            return;
        }

        if (stream.Open.IsOwn)
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
}
