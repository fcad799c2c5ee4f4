using Microsoft.Extensions.Logging;

namespace JunctionRelay.Pki;

/// <summary>What becomes of identities; event ids 4000-4099. Nothing here is secret: no token, no key.</summary>
internal static partial class PkiLog
{
    [LoggerMessage(4000, LogLevel.Information, "new certificate from {file}: {detail}", EventName = "certificate-replaced")]
    public static partial void CertificateReplaced(this ILogger log, string file, string detail);

    [LoggerMessage(4001, LogLevel.Warning, "the files of {file} have changed and cannot be used; what was there before stays in use: {reason}", EventName = "certificate-kept")]
    public static partial void CertificateKept(this ILogger log, string file, string reason);

    [LoggerMessage(4010, LogLevel.Information, "{name} joined from {from} with token {token}: key {key}, certificate until {until:u}", EventName = "joined")]
    public static partial void Joined(this ILogger log, string name, string from, string token, string key, DateTimeOffset until);

    [LoggerMessage(4011, LogLevel.Information, "{name} renewed from {from}: serial {serial}, certificate until {until:u}", EventName = "renewed")]
    public static partial void Renewed(this ILogger log, string name, string from, string serial, DateTimeOffset until);

    [LoggerMessage(4012, LogLevel.Warning, "{name} came back from {from} by its key alone ({count} times in 30 days); certificate until {until:u}", EventName = "rejoined")]
    public static partial void Rejoined(this ILogger log, string name, string from, int count, DateTimeOffset until);

    [LoggerMessage(4013, LogLevel.Warning, "{what} from {from} refused: {reason}", EventName = "enrolment-refused")]
    public static partial void EnrolmentRefused(this ILogger log, string what, string from, string reason);

    [LoggerMessage(4014, LogLevel.Warning, "{count} questions from {from} were turned away unread, since too many before them were refused; the next such line comes a minute later at the earliest", EventName = "enrolment-slowed")]
    public static partial void EnrolmentSlowed(this ILogger log, string from, long count);

    [LoggerMessage(4015, LogLevel.Error, "a question from {from} could not be answered: {reason}", EventName = "enrolment-failed")]
    public static partial void EnrolmentFailed(this ILogger log, string from, string reason);

    [LoggerMessage(4016, LogLevel.Warning, "{name} asked from {from} {how}: its key may be in two places", EventName = "copy-suspected")]
    public static partial void CopySuspected(this ILogger log, string name, string from, string how);

    [LoggerMessage(4030, LogLevel.Information, "deny list {number} with {count} entries from {from}", EventName = "deny-list-taken")]
    public static partial void DenyListTaken(this ILogger log, ulong number, int count, string from);

    [LoggerMessage(4031, LogLevel.Warning, "a deny list from {from} cannot be used: {reason}", EventName = "deny-list-refused")]
    public static partial void DenyListRefused(this ILogger log, string from, string reason);

    [LoggerMessage(4032, LogLevel.Warning, "the deny list cannot be kept for the next start: {reason}", EventName = "deny-list-not-kept")]
    public static partial void DenyListNotKept(this ILogger log, string reason);

    [LoggerMessage(4034, LogLevel.Information, "the deny list is kept for the next start again", EventName = "deny-list-kept")]
    public static partial void DenyListKept(this ILogger log);

    [LoggerMessage(4033, LogLevel.Warning, "the link with {peer} ends, with {streams} streams: {reason}", EventName = "revoked-link")]
    public static partial void RevokedLink(this ILogger log, string peer, int streams, string reason);

    [LoggerMessage(4020, LogLevel.Information, "our certificate ({name}) was renewed, until {until:u}", EventName = "renewed-here")]
    public static partial void RenewedHere(this ILogger log, string name, DateTimeOffset until);

    [LoggerMessage(4021, LogLevel.Warning, "our certificate could not be renewed: {reason}; it is valid until {until:u}, next try in {seconds} s", EventName = "renewal-failed")]
    public static partial void RenewalFailed(this ILogger log, string reason, DateTimeOffset until, long seconds);

    [LoggerMessage(4022, LogLevel.Warning, "our renewed certificate is in use, and cannot be written for the next start: {reason}", EventName = "certificate-not-written")]
    public static partial void CertificateNotWritten(this ILogger log, string reason);

    [LoggerMessage(4023, LogLevel.Information, "our renewed certificate is written for the next start: {file}", EventName = "certificate-written")]
    public static partial void CertificateWritten(this ILogger log, string file);
}
