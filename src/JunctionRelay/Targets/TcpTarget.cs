using System.Net;
using System.Net.Sockets;
using JunctionRelay.Connections;

namespace JunctionRelay.Targets;

/// <summary>A TCP host and port (or the first port of a range), or a unix socket.</summary>
internal sealed class TcpTarget(EndPoint address, SocketDialer dialer, TimeSpan connectTimeout) : ITarget
{
    public string Name { get; } = SocketDialer.Text(address);

    public ValueTask<DialOutcome> DialAsync(DialRequest request, CancellationToken cancellationToken) =>
        dialer.DialAsync(request.PortOffset == 0 ? address : Shifted(request.PortOffset), connectTimeout, cancellationToken);

    public async ValueTask<DialOutcome?> ProbeAsync(CancellationToken cancellationToken)
    {
        var outcome = await DialAsync(default, cancellationToken);
        if (outcome.Connection is null) return outcome;
        // A reset, as haproxy's checks do: nothing was said, and no TIME_WAIT stays behind.
        outcome.Connection.Abort(CloseReason.ClientLeft);
        await outcome.Connection.DisposeAsync();
        return null;
    }

    private EndPoint Shifted(int offset) => address switch
    {
        IPEndPoint ip => new IPEndPoint(ip.Address, ip.Port + offset),
        DnsEndPoint named => new DnsEndPoint(named.Host, named.Port + offset, AddressFamily.Unspecified),
        _ => throw new InvalidOperationException("A unix socket has no port range."),
    };
}
