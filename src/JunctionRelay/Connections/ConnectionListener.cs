using System.Net;

namespace JunctionRelay.Connections;

/// <summary>A place where peers connect to us: a bound port, a unix socket, or the streams that a link's peer opens.</summary>
internal abstract class ConnectionListener : IAsyncDisposable
{
    /// <summary>Where it listens; the port is the real one also where port 0 was asked for.</summary>
    public abstract EndPoint EndPoint { get; }

    /// <summary>The next connection, or null when the listener was stopped. Throws only what the accept loop backs off on (no descriptors left, for one).</summary>
    public abstract ValueTask<Connection?> AcceptAsync();

    /// <summary>Refuses new peers while keeping the port ours (<paramref name="listening"/> false), or takes them again; true if that changed anything. A paused accept stays pending.</summary>
    public abstract bool Listen(bool listening);

    /// <summary>Stops accepting; a pending <see cref="AcceptAsync"/> returns null.</summary>
    public abstract ValueTask DisposeAsync();
}
