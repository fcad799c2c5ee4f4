using Microsoft.Extensions.Logging;

namespace JunctionRelay.Pki;

/// <summary>What becomes of identities; event ids 4000-4099. Nothing here is secret: no token, no key.</summary>
internal static partial class PkiLog
{
    [LoggerMessage(4000, LogLevel.Information, "new certificate from {file}: {detail}", EventName = "certificate-replaced")]
    public static partial void CertificateReplaced(this ILogger log, string file, string detail);

    [LoggerMessage(4001, LogLevel.Warning, "the files of {file} have changed and cannot be used; what was there before stays in use: {reason}", EventName = "certificate-kept")]
    public static partial void CertificateKept(this ILogger log, string file, string reason);
}
