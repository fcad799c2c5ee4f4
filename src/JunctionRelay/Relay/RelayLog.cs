using JunctionRelay.Connections;
using Microsoft.Extensions.Logging;

namespace JunctionRelay.Relay;

/// <summary>Log events of the spine: ids 1000-1099. Names and ids are contract once released.</summary>
internal static partial class RelayLog
{
    /// <summary>The one line per connection, at its end.</summary>
    [LoggerMessage(EventId = 1000, EventName = "connection-ended", Message = "end {id} relay={relay} client={client} peer={peer} target={target} to_target={toTarget} to_client={toClient} seconds={seconds:0.000} reason={reason}{holder} {detail}")]
    public static partial void ConnectionEnded(this ILogger log, LogLevel level, ConnectionId id, string relay, string client, string peer, string target, long toTarget, long toClient, double seconds, string reason, LicenseHolder holder, string detail);

    /// <summary>A connection was refused before it got an id; one line a second and reason, with the number that it stands for.</summary>
    [LoggerMessage(1001, LogLevel.Information, "refused relay={relay} client={client} reason={reason} ({count} since the last such line)", EventName = "connection-refused")]
    public static partial void ConnectionRefused(this ILogger log, string relay, string client, string reason, long count);

    [LoggerMessage(1002, LogLevel.Information, "relay {relay} listens on {address}", EventName = "relay-listening")]
    public static partial void RelayListening(this ILogger log, string relay, string address);

    [LoggerMessage(1003, LogLevel.Warning, "relay {relay}: accepting on {address} failed ({error}); next try in {milliseconds} ms", EventName = "accept-failed")]
    public static partial void AcceptFailed(this ILogger log, string relay, string address, string error, long milliseconds);

    [LoggerMessage(1004, LogLevel.Error, "connection {id} of relay {relay} met a fault of ours; please report it", EventName = "unexpected-fault")]
    public static partial void UnexpectedFault(this ILogger log, Exception exception, ConnectionId id, string relay);

    [LoggerMessage(1005, LogLevel.Warning, "relay {relay} refuses connections: no target is up ({detail})", EventName = "relay-down")]
    public static partial void RelayDown(this ILogger log, string relay, string detail);

    [LoggerMessage(1006, LogLevel.Information, "relay {relay} takes connections again", EventName = "relay-up")]
    public static partial void RelayUp(this ILogger log, string relay);

    [LoggerMessage(1007, LogLevel.Information, "ready: relays {relays}, addresses {addresses}", EventName = "ready")]
    public static partial void Ready(this ILogger log, int relays, int addresses);

    [LoggerMessage(1008, LogLevel.Information, "draining: {connections} connections left", EventName = "draining")]
    public static partial void Draining(this ILogger log, int connections);

    [LoggerMessage(1009, LogLevel.Information, "stopped: {drained} connections ended by themselves, {aborted} were cut", EventName = "stopped")]
    public static partial void Stopped(this ILogger log, int drained, int aborted);

    [LoggerMessage(1012, LogLevel.Information, "relay {relay}: {connections} more connections were turned away before they proved anything; they have no line of their own", EventName = "connections-unlisted")]
    public static partial void ConnectionsUnlisted(this ILogger log, string relay, long connections);

    [LoggerMessage(1011, LogLevel.Information, "other junctions may dial {address}", EventName = "link-listening")]
    public static partial void LinkListening(this ILogger log, string address);

    /// <summary>For the audit; the log has the line at the end.</summary>
    [LoggerMessage(1016, LogLevel.Debug, "open {id} relay={relay} client={client} peer={peer} target={target} asserted={asserted}", EventName = "connection-opened")]
    public static partial void ConnectionOpened(this ILogger log, ConnectionId id, string relay, string client, string peer, string target, string asserted);

    [LoggerMessage(1014, LogLevel.Warning, "service {service} is paused: its peers are refused; {ended} of its connections were ended", EventName = "service-paused")]
    public static partial void ServicePaused(this ILogger log, string service, int ended);

    [LoggerMessage(1015, LogLevel.Warning, "service {service} goes on", EventName = "service-resumed")]
    public static partial void ServiceResumed(this ILogger log, string service);

    [LoggerMessage(1013, LogLevel.Information, "relay {relay} listens no more on {address}; its connections go on", EventName = "relay-left")]
    public static partial void RelayLeft(this ILogger log, string relay, string address);

    [LoggerMessage(1020, LogLevel.Information, "{relay}: vendor daemon {vendor} is at port {port} of {server}", EventName = "vendor-port-learnt")]
    public static partial void VendorPortLearnt(this ILogger log, string relay, string vendor, int port, string server);

    [LoggerMessage(1021, LogLevel.Information, "relay {relay}: vendor port {address} is open", EventName = "vendor-port-opened")]
    public static partial void VendorPortOpened(this ILogger log, string relay, string address);

    [LoggerMessage(1022, LogLevel.Information, "relay {relay}: vendor port {address} is closed: {why}", EventName = "vendor-port-closed")]
    public static partial void VendorPortClosed(this ILogger log, string relay, string address, string why);

    [LoggerMessage(1023, LogLevel.Warning, "{relay}: connection {id} is passed on without being followed: {why}", EventName = "not-followed")]
    public static partial void NotFollowed(this ILogger log, string relay, ConnectionId id, string why);

    [LoggerMessage(1024, LogLevel.Warning, "{relay}: the redirect to vendor daemon {vendor} of {server} has bytes that are not known; it passes unchanged", EventName = "not-rewritten")]
    public static partial void NotRewritten(this ILogger log, string relay, string vendor, string server);

    [LoggerMessage(1010, LogLevel.Error, "relay {relay}: its accept loop on {address} ended by a fault of ours; please report it", EventName = "accept-loop-fault")]
    public static partial void AcceptLoopFault(this ILogger log, Exception exception, string relay, string address);

    [LoggerMessage(1030, LogLevel.Information, "listening for {peer} on {addresses}", EventName = "peer-listening")]
    public static partial void PeerListening(this ILogger log, string peer, string addresses);

    [LoggerMessage(1031, LogLevel.Information, "not listening for {peer} on {address} ({reason}): {detail}", EventName = "peer-listen-refused")]
    public static partial void PeerListenRefused(this ILogger log, string peer, string address, string reason, string detail);

    [LoggerMessage(1032, LogLevel.Information, "{address} is taken over by a later process of {peer}; the one before it does not answer", EventName = "peer-listen-taken-over")]
    public static partial void PeerListenTakenOver(this ILogger log, string peer, string address);

    [LoggerMessage(1033, LogLevel.Information, "listening for {peer} no more on {addresses}; its connections go on", EventName = "peer-listen-ended")]
    public static partial void PeerListenEnded(this ILogger log, string peer, string addresses);

    [LoggerMessage(1034, LogLevel.Error, "listening for {peer} on {address} met a fault of ours; please report it", EventName = "peer-listen-fault")]
    public static partial void PeerListenFault(this ILogger log, Exception exception, string peer, string address);
}
