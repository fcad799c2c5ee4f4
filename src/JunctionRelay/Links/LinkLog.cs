using Microsoft.Extensions.Logging;

namespace JunctionRelay.Links;

/// <summary>What links say; event ids 3000-3099. A peer's misbehaviour is never an error of ours.</summary>
internal static partial class LinkLog
{
    [LoggerMessage(3000, LogLevel.Information, "link with {peer} is up (session {session}, epoch {epoch})", EventName = "link-up")]
    public static partial void LinkUp(this ILogger log, string peer, Guid session, uint epoch);

    [LoggerMessage(3001, LogLevel.Information, "link with {peer} goes on where it stopped (session {session}, epoch {epoch})", EventName = "link-resumed")]
    public static partial void LinkResumed(this ILogger log, string peer, Guid session, uint epoch);

    [LoggerMessage(3002, LogLevel.Information, "link with {peer} lost its connection (session {session}): {reason}", EventName = "link-down")]
    public static partial void LinkDown(this ILogger log, string peer, Guid session, string reason);

    [LoggerMessage(3003, LogLevel.Warning, "link {link} could not be dialled: {reason}", EventName = "link-dial-failed")]
    public static partial void LinkDialFailed(this ILogger log, string link, string reason);

    [LoggerMessage(3004, LogLevel.Warning, "link {link} reached {actual}, not {expected}: check `dial` and `peer`", EventName = "link-wrong-peer")]
    public static partial void LinkWrongPeer(this ILogger log, string link, string actual, string expected);

    [LoggerMessage(3005, LogLevel.Warning, "link with {peer} refused ({verdict}): {reason}", EventName = "link-refused")]
    public static partial void LinkRefused(this ILogger log, string peer, string verdict, string reason);

    [LoggerMessage(3006, LogLevel.Warning, "{peer} sent no usable HELLO: {reason}", EventName = "link-hello-refused")]
    public static partial void LinkHelloRefused(this ILogger log, string peer, string reason);

    [LoggerMessage(3007, LogLevel.Warning, "a connection without a client certificate asked for a link", EventName = "link-without-identity")]
    public static partial void LinkWithoutIdentity(this ILogger log);

    [LoggerMessage(3008, LogLevel.Information, "{peer} came back as a new process: {count} old sessions ended", EventName = "link-ghosts-evicted")]
    public static partial void LinkGhostsEvicted(this ILogger log, string peer, int count);

    [LoggerMessage(3009, LogLevel.Warning, "could not accept a link on {listen}: {reason}", EventName = "link-accept-failed")]
    public static partial void LinkAcceptFailed(this ILogger log, string listen, string reason);

    [LoggerMessage(3010, LogLevel.Information, "link from {from} refused: {reason}", EventName = "link-stranger-refused")]
    public static partial void LinkStrangerRefused(this ILogger log, string from, string reason);

    [LoggerMessage(3011, LogLevel.Information, "{link} listens for us on {addresses}", EventName = "remote-listening")]
    public static partial void RemoteListening(this ILogger log, string link, string addresses);

    [LoggerMessage(3012, LogLevel.Warning, "{link} does not listen for us on {address} ({reason}): {detail}", EventName = "remote-listen-refused")]
    public static partial void RemoteListenRefused(this ILogger log, string link, string address, string reason, string detail);

    [LoggerMessage(3013, LogLevel.Warning, "{link} no longer listens for us on {address}: {why}", EventName = "remote-listen-lost")]
    public static partial void RemoteListenLost(this ILogger log, string link, string address, string why);

    [LoggerMessage(3014, LogLevel.Information, "link {link} moves to another junction of its name (session {session}); what is open stays where it is", EventName = "link-moved")]
    public static partial void LinkMoved(this ILogger log, string link, Guid session);

    [LoggerMessage(3015, LogLevel.Warning, "{peer} holds {most} streams, over all links with it, which is {limit}: more are refused", EventName = "link-streams-refused")]
    public static partial void LinkStreamsRefused(this ILogger log, string peer, uint most, string limit);
}
