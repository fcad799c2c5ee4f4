using System.Net;
using JunctionRelay.Connections;

namespace JunctionRelay.Targets;

/// <summary>A TCP host and port (or the first port of a range), or a unix socket; through a proxy where <paramref name="via"/> is one.</summary>
internal sealed class TcpTarget(EndPoint address, SocketDialer dialer, TimeSpan connectTimeout, HttpProxy? via = null) : ITarget
{
    public string Name { get; } = SocketDialer.Text(address);

    public string NameFor(DialRequest request) => request.PortOffset == 0 ? Name : SocketDialer.Text(Destination.Shifted(address, request.PortOffset));

    public ITarget AtPort(int port) => new TcpTarget(Destination.At(address, port), dialer, connectTimeout, via);

    public ValueTask<DialOutcome> DialAsync(DialRequest request, CancellationToken cancellationToken)
    {
        var to = Destination.Shifted(address, request.PortOffset);
        return via is null ? dialer.DialAsync(to, connectTimeout, cancellationToken) : via.ConnectAsync(to, dialer, connectTimeout, cancellationToken);
    }

    public async ValueTask<DialOutcome?> ProbeAsync(CancellationToken cancellationToken)
    {
        var outcome = await DialAsync(default, cancellationToken);
        if (outcome.Connection is null) return outcome;
        // A reset, as haproxy's checks do: nothing was said, and no TIME_WAIT stays behind.
        outcome.Connection.Abort(CloseReason.ClientLeft);
        await outcome.Connection.DisposeAsync();
        return null;
    }
}
