using JunctionRelay.Connections;
using JunctionRelay.Links;

namespace JunctionRelay.Relay;

/// <summary>One listener of a peer: the sockets of one request, and the stream that stands for them.</summary>
/// <param name="peer">Who asked.</param>
/// <param name="stream">By which stream; the listener lives as long.</param>
internal sealed class PeerListener(string peer, LinkStream stream)
{
    private readonly Lock _gate = new();
    private List<SocketListener> _sockets = [];   // under _gate
    private bool _isClosed;                       // under _gate

    public string Peer => peer;

    public LinkStream Stream => stream;

    /// <summary>What serves it.</summary>
    public Task Serving { get; set; } = Task.CompletedTask;

    public IReadOnlyList<SocketListener> Sockets
    {
        get
        {
            lock (_gate) return [.. _sockets];
        }
    }

    /// <summary>Takes the socket over. False, and the socket is closed, when the listener was closed meanwhile.</summary>
    public async Task<bool> TryAddAsync(SocketListener socket)
    {
        lock (_gate)
        {
            if (!_isClosed)
            {
                _sockets.Add(socket);
                return true;
            }
        }

        await socket.DisposeAsync();
        return false;
    }

    /// <summary>Frees its ports; it may have others.</summary>
    public async Task ReleaseAsync()
    {
        List<SocketListener> sockets;
        lock (_gate) (sockets, _sockets) = (_sockets, []);
        foreach (var socket in sockets) await socket.DisposeAsync();
    }

    /// <summary>Frees its ports for good; what they have accepted goes on.</summary>
    public Task CloseAsync()
    {
        lock (_gate) _isClosed = true;
        return ReleaseAsync();
    }

    /// <summary>Ends it and tells whoever asked. Its ports are free when this is over.</summary>
    public async Task StopAsync(CloseReason reason, string why)
    {
        await CloseAsync();
        stream.Abort(reason, why);
        await Serving;
    }
}
