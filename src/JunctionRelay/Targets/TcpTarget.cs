using System.Net;
using JunctionRelay.Connections;
using JunctionRelay.Greetings;

namespace JunctionRelay.Targets;

/// <summary>A TCP host and port (or the first port of a range), or a unix socket; through a proxy where <paramref name="via"/> is one.</summary>
/// <param name="proxyProtocol">The version of the PROXY header that the target is told the client with, before TLS and all else; null = none.</param>
internal sealed class TcpTarget(EndPoint address, SocketDialer dialer, TimeSpan connectTimeout, HttpProxy? via = null, int? proxyProtocol = null) : ITarget
{
    public string Name { get; } = SocketDialer.Text(address);

    public string NameFor(DialRequest request) => request.PortOffset == 0 ? Name : SocketDialer.Text(Destination.Shifted(address, request.PortOffset));

    public ITarget AtPort(int port) => new TcpTarget(Destination.At(address, port), dialer, connectTimeout, via, proxyProtocol);

    public async ValueTask<DialOutcome> DialAsync(DialRequest request, CancellationToken cancellationToken)
    {
        var dialled = await ConnectAsync(request, cancellationToken);
        if (dialled.Connection is not { } connection || proxyProtocol is not { } version) return dialled;
        try
        {
            await connection.Output.WriteAsync(ProxyProtocolHeader.Write(version, Address(request.Client), Address(request.Local), request.Facts), cancellationToken);
            return dialled;
        }
        catch (ConnectionBrokenException)
        {
            await connection.DisposeAsync();
            return DialOutcome.Failed(CloseReason.DialRefused, $"{NameFor(request)}: reset before its PROXY header was sent");
        }
    }

    /// <summary>Without a header: nothing is said at all.</summary>
    public async ValueTask<DialOutcome?> ProbeAsync(CancellationToken cancellationToken)
    {
        var outcome = await ConnectAsync(default, cancellationToken);
        if (outcome.Connection is null) return outcome;
        // A reset, as haproxy's checks do: nothing was said, and no TIME_WAIT stays behind.
        outcome.Connection.Abort(CloseReason.ClientLeft);
        await outcome.Connection.DisposeAsync();
        return null;
    }

    private ValueTask<DialOutcome> ConnectAsync(DialRequest request, CancellationToken cancellationToken)
    {
        var to = Destination.Shifted(address, request.PortOffset);
        var within = request.Within(connectTimeout);
        return via is null ? dialer.DialAsync(to, within, cancellationToken) : via.ConnectAsync(to, dialer, within, cancellationToken);
    }

    private static IPEndPoint? Address(string? text) => IPEndPoint.TryParse(text ?? "", out var address) && text!.Contains(':') ? address : null;
}
