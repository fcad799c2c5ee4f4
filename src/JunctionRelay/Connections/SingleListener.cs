using System.Net;
using System.Threading.Channels;

namespace JunctionRelay.Connections;

/// <summary>A listener with one client, who is there from the start.</summary>
internal sealed class SingleListener : ConnectionListener
{
    private readonly Channel<Connection> _client = Channel.CreateUnbounded<Connection>();

    /// <param name="name">What logs call it.</param>
    /// <param name="client">Its client; from the accept on somebody else's.</param>
    public SingleListener(string name, Connection client)
    {
        EndPoint = new NamedEndPoint(name);
        _client.Writer.TryWrite(client);
    }

    public override EndPoint EndPoint { get; }

    public override async ValueTask<Connection?> AcceptAsync() =>
        await _client.Reader.WaitToReadAsync() && _client.Reader.TryRead(out var client) ? client : null;

    /// <summary>There is nobody to be kept out.</summary>
    public override bool Listen(bool listening) => false;

    public override async ValueTask DisposeAsync()
    {
        _client.Writer.TryComplete();
        while (_client.Reader.TryRead(out var client)) await client.DisposeAsync();
    }
}

/// <summary>Something that is listened on and has a name alone: it is no socket of this machine.</summary>
internal sealed class NamedEndPoint(string name) : EndPoint
{
    public override bool Equals(object? other) => other is NamedEndPoint named && named.ToString() == name;
    public override int GetHashCode() => name.GetHashCode(StringComparison.Ordinal);
    public override string ToString() => name;
}
