using System.Diagnostics.Metrics;
using System.Reflection;

namespace JunctionRelay.Relay;

/// <summary>Instruments of the junction as a whole.</summary>
internal sealed class JunctionMetrics : IDisposable
{
    private readonly Meter _meter = new(RelayMetrics.MeterName);

    /// <param name="certificates">Those in use now.</param>
    public JunctionMetrics(ReloadOutcome reload, Func<IEnumerable<CertificateInUse>> certificates)
    {
        _meter.CreateObservableGauge(
            "junction.build_info", () => new Measurement<int>(1, new KeyValuePair<string, object?>("version", Version)), description: "Always 1; the labels say what runs.");
        _meter.CreateObservableGauge(
            "junction.config.reload_success", () => reload.Last.Succeeded ? 1 : 0, description: "Whether the configuration was usable when it was last read.");
        _meter.CreateObservableGauge(
            "junction.certificate.expiry_timestamp", () => Expiries(certificates()), "s", "When a certificate expires, by the key that names it; of several the first.");
    }

    /// <summary>The version of the program, without the commit.</summary>
    public static string Version { get; } =
        (typeof(JunctionMetrics).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "0").Split('+')[0];

    public void Dispose() => _meter.Dispose();

    private static IEnumerable<Measurement<long>> Expiries(IEnumerable<CertificateInUse> certificates) =>
        certificates.GroupBy(c => c.Kind).Select(same => new Measurement<long>(
            same.Min(c => c.NotAfter).ToUnixTimeSeconds(), new KeyValuePair<string, object?>("kind", same.Key)));
}
