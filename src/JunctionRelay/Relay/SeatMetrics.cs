using System.Collections.Concurrent;
using System.Diagnostics.Metrics;

namespace JunctionRelay.Relay;

/// <summary>How many seats are held, by relay and vendor; who holds them is the status's to tell.</summary>
internal sealed class SeatMetrics : IDisposable
{
    private readonly Meter _meter;

    // Those that were ever held: when all are returned the number is 0, not gone.
    private readonly ConcurrentDictionary<(string Relay, string Vendor), byte> _known = new();

    /// <param name="meter">The meter's name.</param>
    /// <param name="seats">Those that are held now.</param>
    public SeatMetrics(string meter, Func<IEnumerable<HeldSeat>> seats)
    {
        _meter = new Meter(meter);
        _meter.CreateObservableUpDownCounter("junction.seats", () => Measure(seats()), "{seat}", "Connections to vendor daemons: licenses in use, as a rule.");
    }

    public void Dispose() => _meter.Dispose();

    private List<Measurement<long>> Measure(IEnumerable<HeldSeat> seats)
    {
        var held = seats.CountBy(s => (s.Relay, s.Vendor)).ToDictionary();
        foreach (var key in held.Keys) _known.TryAdd(key, 0);
        return [.. _known.Keys.Select(k => new Measurement<long>(held.GetValueOrDefault(k), new("relay", k.Relay), new("vendor", k.Vendor)))];
    }
}
