using System.Net;
using JunctionRelay.Connections;
using JunctionRelay.Greetings;
using JunctionRelay.Policies;

namespace JunctionRelay.Relay;

/// <summary>
/// Stage 2, Admit, from the slot on: on whose behalf a connection was made. As a rule that is the other end of the socket; where that is a load balancer which
/// the relay trusts, it is whom its PROXY header names. Holds the slot that <see cref="AcceptLoop"/> has taken.
/// </summary>
internal sealed class AdmittedClient(Connection connection, Admission admission)
{
    private readonly EndPoint? _balancer = admission.AwaitsHeader(connection.RemoteEndPoint) ? connection.RemoteEndPoint : null;
    private EndPoint? _counted = admission.AwaitsHeader(connection.RemoteEndPoint) ? null : connection.RemoteEndPoint;

    private EndPoint? _local;   // as a balancer says it

    /// <summary>The other end of the socket is not the client itself.</summary>
    public bool IsBehindBalancer => _balancer is not null;

    /// <summary>Where the client connects from.</summary>
    public EndPoint? Address { get; private set; } = connection.RemoteEndPoint;

    /// <summary>Where the client connected to.</summary>
    public EndPoint? Local => _local ?? connection.LocalEndPoint;

    /// <summary>Reads the header where one is awaited, before TLS and all else, and admits the client that it names. Null = go on.</summary>
    public async ValueTask<(CloseReason Reason, string Detail)?> UnwrapAsync(TimeSpan timeout, TimeProvider time, CancellationToken cancellationToken)
    {
        if (_balancer is null) return null;
        using var reader = new PreambleReader(connection, timeout, time, cancellationToken);
        var parsed = await reader.ReadAsync<ProxyProtocolHeader>(ProxyProtocolHeader.Parse);
        if (parsed.Message is not { } header) return parsed.State == PreambleState.Invalid ? (CloseReason.GreetingInvalid, parsed.Why) : reader.Missing;
        if (header.Source is not { } client) return null;
        (Address, _local) = (client, header.Destination);
        if (admission.RefuseBehind(client) is { } refusal) return (refusal, $"behind {SocketDialer.Text(_balancer)}");
        _counted = client;
        return null;
    }

    /// <summary>Gives the slot back.</summary>
    public void Release() => admission.Release(_counted);
}
