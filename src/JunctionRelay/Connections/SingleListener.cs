using System.Net;
using System.Threading.Channels;

namespace JunctionRelay.Connections;

/// <summary>A listener with one client, who is there from the start and is taken when all is ready.</summary>
internal sealed class SingleListener : ConnectionListener
{
    private readonly Channel<Connection> _taken = Channel.CreateUnbounded<Connection>();
    private Connection? _client;

    /// <param name="name">What logs call it.</param>
    /// <param name="client">Its client; from the accept on somebody else's.</param>
    public SingleListener(string name, Connection client) => (EndPoint, _client) = (new NamedEndPoint(name), client);

    public override EndPoint EndPoint { get; }

    public override async ValueTask<Connection?> AcceptAsync() =>
        await _taken.Reader.WaitToReadAsync() && _taken.Reader.TryRead(out var client) ? client : null;

    /// <summary>Lets the client be accepted.</summary>
    public void Begin()
    {
        if (Interlocked.Exchange(ref _client, null) is { } client) _taken.Writer.TryWrite(client);
    }

    /// <summary>There is nobody to be kept out.</summary>
    public override bool Listen(bool listening) => false;

    public override async ValueTask DisposeAsync()
    {
        Begin();
        _taken.Writer.TryComplete();
        while (_taken.Reader.TryRead(out var client)) await client.DisposeAsync();
    }
}

/// <summary>Something that is listened on and has a name alone: it is no socket of this machine.</summary>
internal sealed class NamedEndPoint(string name) : EndPoint
{
    public override bool Equals(object? other) => other is NamedEndPoint named && named.ToString() == name;
    public override int GetHashCode() => name.GetHashCode(StringComparison.Ordinal);
    public override string ToString() => name;
}
