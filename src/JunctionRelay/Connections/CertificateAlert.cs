namespace JunctionRelay.Connections;

/// <summary>
/// The alerts by which a target tells that it does not like our certificate, or that we showed none (RFC 8446, 6.2), in words for people. In TLS 1.3 they come after a
/// handshake that looked good to us.
/// </summary>
internal static class CertificateAlert
{
    // OpenSSL's words for certificate_required, unknown_ca, bad_certificate, unsupported_certificate, certificate_revoked, certificate_expired, certificate_unknown, access_denied.
    private static readonly string[] Alerts =
    [
        "certificate required", "unknown ca", "bad certificate", "unsupported certificate", "certificate revoked", "certificate expired", "certificate unknown", "access denied",
    ];

    /// <summary>What <paramref name="message"/>, an error of the system's TLS, means to whoever configured a <c>tls://</c> target; null when it is about something else.</summary>
    public static string? Words(string message) =>
        Array.Find(Alerts, alert => message.Contains($"alert {alert}", StringComparison.OrdinalIgnoreCase)) is { } said
            ? $"the target refused our certificate, or wants one: set tls.certificate and tls.key to one that it trusts (alert: {said})"
            : null;
}
