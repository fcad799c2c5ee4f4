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

    public ValueTask<DialOutcome> ProbeAsync(CancellationToken cancellationToken) => DialAsync(default, cancellationToken);

    private EndPoint Shifted(int offset) => address switch
    {
        IPEndPoint ip => new IPEndPoint(ip.Address, ip.Port + offset),
        DnsEndPoint named => new DnsEndPoint(named.Host, named.Port + offset, AddressFamily.Unspecified),
        _ => throw new InvalidOperationException("A unix socket has no port range."),
    };
}
