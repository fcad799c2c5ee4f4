using JunctionRelay.Connections;

namespace JunctionRelay.Tests.Connections;

/// <summary>OpenSSL's words for alerts, as its versions 3.0 to 3.5 write them.</summary>
public sealed class CertificateAlertTests
{
    [Theory]
    [InlineData("error:0A00045C:SSL routines::tlsv13 alert certificate required", "certificate required")]
    [InlineData("error:0A000418:SSL routines::tlsv1 alert unknown ca", "unknown ca")]
    [InlineData("error:0A000412:SSL routines::sslv3 alert bad certificate", "bad certificate")]
    [InlineData("error:0A000412:SSL routines::ssl/tls alert bad certificate", "bad certificate")]
    [InlineData("error:0A000415:SSL routines::ssl/tls alert certificate expired", "certificate expired")]
    [InlineData("error:0A000419:SSL routines::tlsv1 alert access denied", "access denied")]
    public void An_alert_about_our_certificate_says_what_to_set(string message, string alert) => Assert.Equal(
        $"the target refused our certificate, or wants one: set tls.certificate and tls.key to one that it trusts (alert: {alert})", CertificateAlert.Words(message));

    [Theory]
    [InlineData("error:0A000438:SSL routines::tlsv1 alert internal error")]
    [InlineData("error:0A000086:SSL routines::certificate verify failed")]
    public void Other_words_are_left_as_they_are(string message) => Assert.Null(CertificateAlert.Words(message));
}
