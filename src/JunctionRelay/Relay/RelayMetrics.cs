using System.Diagnostics.Metrics;
using JunctionRelay.Connections;

namespace JunctionRelay.Relay;

/// <summary>Instruments of the spine; the names are those of the product contract, in dotted form. No tag has more values than the configuration.</summary>
internal sealed class RelayMetrics : IDisposable
{
    public const string MeterName = "JunctionRelay";

    private readonly Meter _meter = new(MeterName);
    private readonly UpDownCounter<long> _active;
    private readonly Counter<long> _total;
    private readonly Counter<long> _bytes;
    private readonly Histogram<double> _connect;
    private readonly Counter<long> _dialFailures;
    private readonly Counter<long> _denied;

    public RelayMetrics()
    {
        _active = _meter.CreateUpDownCounter<long>("junction.connections.active", "{connection}", "Connections being relayed now.");
        _total = _meter.CreateCounter<long>("junction.connections", "{connection}", "Connections that ended, by reason.");
        _bytes = _meter.CreateCounter<long>("junction.bytes", "By", "Bytes passed on, counted at the end of the connection.");
        _connect = _meter.CreateHistogram<double>("junction.connect", "s", "Time to dial a target, over all tries.");
        _dialFailures = _meter.CreateCounter<long>("junction.dial_failures", "{failure}", "Dials that failed, by reason.");
        _denied = _meter.CreateCounter<long>("junction.denied", "{connection}", "Connections refused by a rule.");
    }

    public void Started(string relay) => _active.Add(1, Tag("relay", relay));

    /// <summary>A peer's stream turned out to be for a service, under whose name it is counted from now on.</summary>
    public void Renamed(string from, string to)
    {
        _active.Add(-1, Tag("relay", from));
        _active.Add(1, Tag("relay", to));
    }

    public void Ended(string relay, CloseReason reason, long toTarget, long toClient)
    {
        _active.Add(-1, Tag("relay", relay));
        _total.Add(1, Tag("relay", relay), Tag("end", reason.Name()));
        _bytes.Add(toTarget, Tag("relay", relay), Tag("direction", "to_target"));
        _bytes.Add(toClient, Tag("relay", relay), Tag("direction", "to_client"));
    }

    public void Denied(string relay, string rule) => _denied.Add(1, Tag("relay", relay), Tag("rule", rule));
    public void Dialled(string relay, TimeSpan took) => _connect.Record(took.TotalSeconds, Tag("relay", relay));
    public void DialFailed(string target, CloseReason reason) => _dialFailures.Add(1, Tag("target", target), Tag("reason", reason.Name()));
    public void Dispose() => _meter.Dispose();

    private static KeyValuePair<string, object?> Tag(string name, string value) => new(name, value);
}
