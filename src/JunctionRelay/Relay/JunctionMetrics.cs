using System.Diagnostics.Metrics;
using System.Reflection;

namespace JunctionRelay.Relay;

/// <summary>Instruments of the junction as a whole.</summary>
internal sealed class JunctionMetrics : IDisposable
{
    private readonly Meter _meter = new(RelayMetrics.MeterName);

    /// <param name="certificates">Those in use now.</param>
    /// <param name="state">What is written down while it runs.</param>
    public JunctionMetrics(ReloadOutcome reload, Func<IEnumerable<CertificateInUse>> certificates, Func<IEnumerable<KeptState>> state)
    {
        _meter.CreateObservableGauge(
            "junction.build_info", () => new Measurement<int>(1, new KeyValuePair<string, object?>("version", Version)), description: "Always 1; the labels say what runs.");
        _meter.CreateObservableGauge(
            "junction.config.reload_success", () => reload.Last.Succeeded ? 1 : 0, description: "Whether the configuration was usable when it was last read.");
        _meter.CreateObservableGauge(
            "junction.state.write_success", () => state().Select(s => new Measurement<int>(s.Failing is null ? 1 : 0, new KeyValuePair<string, object?>("kind", s.Kind))),
            description: "Whether what must outlive a restart could be written when that was last tried.");
        _meter.CreateObservableGauge(
            "junction.certificate.expiry_timestamp", () => OfFirst(certificates(), c => c.NotAfter.ToUnixTimeSeconds()), "s", "When a certificate expires, by the key that names it; of several the first.");
        // What is left says little alone: eight hours are a normal day of a node's certificate, and a disaster for one that lasts a year.
        _meter.CreateObservableGauge(
            "junction.certificate.lifetime", () => OfFirst(certificates(), c => (long)(c.NotAfter - c.NotBefore).TotalSeconds), "s", "For how long that certificate is valid in all.");
    }

    /// <summary>The version of the program, without the commit.</summary>
    public static string Version { get; } =
        (typeof(JunctionMetrics).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "0").Split('+')[0];

    public void Dispose() => _meter.Dispose();

    // Of those with one key the first to expire.
    private static IEnumerable<Measurement<long>> OfFirst(IEnumerable<CertificateInUse> certificates, Func<CertificateInUse, long> what) =>
        certificates.GroupBy(c => c.Kind).Select(same => new Measurement<long>(what(same.MinBy(c => c.NotAfter)!), new KeyValuePair<string, object?>("kind", same.Key)));
}
