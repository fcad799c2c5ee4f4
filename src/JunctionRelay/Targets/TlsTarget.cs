using JunctionRelay.Connections;

namespace JunctionRelay.Targets;

/// <summary>Any target with TLS over it. <paramref name="serverName"/> is sent as SNI and checked against the certificate.</summary>
internal sealed class TlsTarget(ITarget transport, TlsSettings settings, string serverName, TimeSpan handshakeTimeout) : ITarget
{
    private readonly TlsHandshake _handshake = TlsHandshake.Dialling(settings, serverName);

    public string Name { get; } = $"tls://{transport.Name}";

    public string NameFor(DialRequest request) => $"tls://{transport.NameFor(request)}";

    public ITarget AtPort(int port) => new TlsTarget(transport.AtPort(port), settings, serverName, handshakeTimeout);

    public async ValueTask<DialOutcome> DialAsync(DialRequest request, CancellationToken cancellationToken)
    {
        var dialled = await transport.DialAsync(request, cancellationToken);
        if (dialled.Connection is not { } connection) return dialled;
        var secured = await _handshake.RunAsync(connection, handshakeTimeout, cancellationToken);
        if (secured.Connection is not null) return secured;
        connection.Abort(secured.Reason);
        return secured with { Detail = $"{Name}: {secured.Detail}" };
    }

    /// <summary>The transport alone: a handshake every few seconds would cost more than it tells.</summary>
    public ValueTask<DialOutcome?> ProbeAsync(CancellationToken cancellationToken) => transport.ProbeAsync(cancellationToken);
}
