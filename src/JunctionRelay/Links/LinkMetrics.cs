using System.Diagnostics.Metrics;
using JunctionRelay.Connections;

namespace JunctionRelay.Links;

/// <summary>The state of what the configuration calls one link: a link that we dial, or an entry of <c>peers</c> with all junctions that dialled in under it.</summary>
/// <param name="Link">The name in the configuration.</param>
/// <param name="IsUp">A session of it has a transport.</param>
/// <param name="Streams">Of all its sessions.</param>
/// <param name="RoundTrip">The longest of its sessions; null until one was measured.</param>
/// <param name="Resumes">Since the junction started, of sessions that have ended as well.</param>
/// <param name="SavedBytes">By compression, in both directions; counted likewise.</param>
internal readonly record struct LinkReading(string Link, bool IsUp, int Streams, TimeSpan? RoundTrip, long Resumes, long SavedBytes);

/// <summary>Instruments of links.</summary>
internal sealed class LinkMetrics : IDisposable
{
    /// <summary>What the port where peers dial in is called beside the relays: its key in the configuration.</summary>
    public const string Port = "linkListen";

    private readonly Meter _meter;
    private readonly Func<IReadOnlyList<LinkReading>> _links;

    /// <param name="failures">Of those that did not come about: series of the same instruments that relays and targets have.</param>
    public LinkMetrics(string meter, Func<IReadOnlyList<LinkReading>> links, LinkFailures failures)
    {
        (_meter, _links) = (new Meter(meter), links);
        _meter.CreateObservableGauge("junction.link.up", () => Each(l => l.IsUp ? 1 : 0), description: "Whether the link has a connection.");
        _meter.CreateObservableUpDownCounter("junction.link.streams", () => Each(l => l.Streams), "{stream}", "Streams open in the link.");
        _meter.CreateObservableGauge("junction.link.rtt", RoundTrips, "s", "Round trip over the link; the longest where several junctions dialled in.");
        _meter.CreateObservableCounter("junction.link.resumes", () => Each(l => l.Resumes), "{resume}", "Times that the link went on where it had stopped.");
        _meter.CreateObservableCounter("junction.link.saved", () => Each(l => l.SavedBytes), "By", "Bytes that compression kept off the link, in both directions.");
        _meter.CreateObservableCounter("junction.denied", () => Denied(failures), "{connection}", "Connections refused by a rule.");
        _meter.CreateObservableCounter("junction.dial_failures", () => Dials(failures), "{failure}", "Dials that failed, by target and reason.");
    }

    public void Dispose() => _meter.Dispose();

    private static IEnumerable<Measurement<long>> Denied(LinkFailures failures) =>
        failures.Denied.Select(d => new Measurement<long>(d.Value, new("relay", Port), new("rule", d.Key)));

    private static IEnumerable<Measurement<long>> Dials(LinkFailures failures) =>
        failures.Dials.Select(d => new Measurement<long>(d.Value, new("target", $"link://{d.Key.Link}"), new("reason", d.Key.Reason.Name())));

    private IEnumerable<Measurement<long>> Each(Func<LinkReading, long> value) => _links().Select(l => new Measurement<long>(value(l), Tag(l)));

    private IEnumerable<Measurement<double>> RoundTrips() =>
        from link in _links()
        where link.RoundTrip is not null
        select new Measurement<double>(link.RoundTrip!.Value.TotalSeconds, Tag(link));

    private static KeyValuePair<string, object?> Tag(LinkReading link) => new("link", link.Link);
}
