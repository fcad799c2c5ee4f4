using Microsoft.Extensions.Logging;

namespace JunctionRelay.Links;

/// <summary>What links say; event ids 3000-3099. A peer's misbehaviour is never an error of ours.</summary>
internal static partial class LinkLog
{
    [LoggerMessage(3000, LogLevel.Information, "Link with {Peer} is up: session {Session}, epoch {Epoch}")]
    public static partial void LinkUp(this ILogger log, string peer, Guid session, uint epoch);

    [LoggerMessage(3001, LogLevel.Information, "Link with {Peer} resumed: session {Session}, epoch {Epoch}")]
    public static partial void LinkResumed(this ILogger log, string peer, Guid session, uint epoch);

    [LoggerMessage(3002, LogLevel.Information, "Link with {Peer} lost its connection: session {Session}: {Reason}")]
    public static partial void LinkDown(this ILogger log, string peer, Guid session, string reason);

    [LoggerMessage(3003, LogLevel.Warning, "Link {Link} could not be dialled: {Reason}")]
    public static partial void LinkDialFailed(this ILogger log, string link, string reason);

    [LoggerMessage(3004, LogLevel.Warning, "Link {Link} reached {Actual}, not {Expected}: check `dial` and `peer`")]
    public static partial void LinkWrongPeer(this ILogger log, string link, string actual, string expected);

    [LoggerMessage(3005, LogLevel.Warning, "Link with {Peer} refused: {Verdict}: {Reason}")]
    public static partial void LinkRefused(this ILogger log, string peer, string verdict, string reason);

    [LoggerMessage(3006, LogLevel.Warning, "{Peer} sent no usable HELLO: {Reason}")]
    public static partial void LinkHelloRefused(this ILogger log, string peer, string reason);

    [LoggerMessage(3007, LogLevel.Warning, "A connection without a client certificate asked for a link")]
    public static partial void LinkWithoutIdentity(this ILogger log);

    [LoggerMessage(3008, LogLevel.Information, "{Peer} came back as a new process: {Count} old sessions ended")]
    public static partial void LinkGhostsEvicted(this ILogger log, string peer, int count);

    [LoggerMessage(3009, LogLevel.Warning, "Could not accept a link on {Listen}: {Reason}")]
    public static partial void LinkAcceptFailed(this ILogger log, string listen, string reason);

    [LoggerMessage(3010, LogLevel.Information, "Link from {From} refused: {Reason}")]
    public static partial void LinkStrangerRefused(this ILogger log, string from, string reason);
}
