using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using JunctionRelay.Connections;

namespace JunctionRelay.Relay;

/// <summary>
/// Instruments of the spine; the names are those of the product contract, in dotted form. No tag has more values than the configuration. All but the histogram are
/// read from <see cref="RelayTotals"/> when somebody asks, so that who asks late sees the same numbers, and the status page too.
/// </summary>
internal sealed class RelayMetrics : IDisposable
{
    public const string MeterName = "JunctionRelay";

    /// <summary>From a server in the same rack to a dial that its deadline ended.</summary>
    private static readonly double[] ConnectSeconds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

    private readonly Meter _meter = new(MeterName);
    private readonly ConcurrentDictionary<string, RelayTotals> _relays = new();
    private readonly Histogram<double> _connect;

    public RelayMetrics()
    {
        _meter.CreateObservableUpDownCounter(
            "junction.connections.active", () => Each(t => t.Active), "{connection}", "Connections being relayed now.");
        _meter.CreateObservableCounter(
            "junction.connections", () => Many(t => t.Ended.Select(e => (e.Key.Name(), e.Value)), "end"), "{connection}", "Connections that ended, by reason.");
        _meter.CreateObservableCounter(
            "junction.bytes", () => Many(t => [("to_target", t.ToTarget), ("to_client", t.ToClient)], "direction"), "By", "Bytes passed on.");
        _meter.CreateObservableCounter(
            "junction.denied", () => Many(t => t.Denied.Select(d => (d.Key, d.Value)), "rule"), "{connection}", "Connections refused by a rule.");
        _connect = _meter.CreateHistogram(
            "junction.connect", "s", "Time to dial a target, over all tries.", advice: new InstrumentAdvice<double> { HistogramBucketBoundaries = ConnectSeconds });
    }

    /// <summary>The relays and services that have done anything yet.</summary>
    public IEnumerable<KeyValuePair<string, RelayTotals>> Relays => _relays;

    /// <summary>What <paramref name="relay"/> has done.</summary>
    public RelayTotals Of(string relay) => _relays.GetOrAdd(relay, static _ => new RelayTotals());

    public void Started(string relay) => Of(relay).Start();

    /// <summary>A peer's stream turned out to be for a service, under whose name it is counted from now on.</summary>
    public void Renamed(string from, string to)
    {
        Of(from).Leave();
        Of(to).Start();
    }

    public void Ended(string relay, CloseReason reason) => Of(relay).End(reason);
    public void Passed(string relay, long toTarget, long toClient) => Of(relay).Pass(toTarget, toClient);
    public void Denied(string relay, string rule) => Of(relay).Deny(rule);
    public void Dialled(string relay, TimeSpan took) => _connect.Record(took.TotalSeconds, new KeyValuePair<string, object?>("relay", relay));
    public void Dispose() => _meter.Dispose();

    private IEnumerable<Measurement<long>> Each(Func<RelayTotals, long> value) =>
        _relays.Select(r => new Measurement<long>(value(r.Value), new KeyValuePair<string, object?>("relay", r.Key)));

    private IEnumerable<Measurement<long>> Many(Func<RelayTotals, IEnumerable<(string Is, long Value)>> values, string tag) =>
        from relay in _relays
        from value in values(relay.Value)
        select new Measurement<long>(value.Value, new("relay", relay.Key), new(tag, value.Is));
}
