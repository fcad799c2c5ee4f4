using System.Diagnostics.Metrics;
using System.Globalization;
using System.Text;
using JunctionRelay.Relay;

namespace JunctionRelay.App.Admin;

/// <summary>All series of one instrument at one moment.</summary>
/// <param name="Instrument">Its name, unit and description.</param>
/// <param name="Series">By their labels, in Prometheus' spelling: <c>relay="lmgrd",end="client-closed"</c>.</param>
internal sealed record MeterFamily(Instrument Instrument, IReadOnlyList<(string Labels, MeterSeries Series)> Series);

/// <summary>One series: a value, or the buckets of a histogram.</summary>
/// <param name="Value">The value; of a histogram the sum.</param>
/// <param name="Buckets">How many measurements were at most each bound, the last without bound; null for all but histograms.</param>
/// <param name="Bounds">The upper bounds of the buckets but the last.</param>
internal readonly record struct MeterSeries(double Value, IReadOnlyList<long>? Buckets = null, IReadOnlyList<double>? Bounds = null);

/// <summary>
/// Listens to the instruments of this program and knows their series when asked. Observable instruments are read then; of the others, what is measured from now on
/// is added up. Thread-safe.
/// </summary>
internal sealed class MeterReadings : IDisposable
{
    private readonly Lock _lock = new();
    private readonly MeterListener _listener = new();
    private readonly SortedDictionary<string, (Instrument Instrument, SortedDictionary<string, Entry> Series)> _families = new(StringComparer.Ordinal);   // under _lock

    public MeterReadings()
    {
        _listener.InstrumentPublished = (instrument, listener) =>
        {
            if (instrument.Meter.Name == RelayMetrics.MeterName) listener.EnableMeasurementEvents(instrument);
        };
        _listener.SetMeasurementEventCallback<int>((instrument, value, tags, _) => Measured(instrument, value, tags));
        _listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) => Measured(instrument, value, tags));
        _listener.SetMeasurementEventCallback<double>((instrument, value, tags, _) => Measured(instrument, value, tags));
        _listener.Start();
    }

    /// <summary>Everything as it is now, in the order of names and labels.</summary>
    public IReadOnlyList<MeterFamily> Read()
    {
        lock (_lock)
        {
            // What an observable instrument does not name any more is gone.
            foreach (var (instrument, series) in _families.Values)
            {
                if (instrument.IsObservable) series.Clear();
            }

            _listener.RecordObservableInstruments();
            return [.. _families.Values.Select(f => new MeterFamily(f.Instrument, [.. f.Series.Select(s => (s.Key, s.Value.Read()))]))];
        }
    }

    public void Dispose() => _listener.Dispose();

    private void Measured(Instrument instrument, double value, ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        var labels = Labels(tags);
        lock (_lock)
        {
            if (!_families.TryGetValue(instrument.Name, out var family))
                _families[instrument.Name] = family = (instrument, new SortedDictionary<string, Entry>(StringComparer.Ordinal));
            if (!family.Series.TryGetValue(labels, out var entry))
                family.Series[labels] = entry = new Entry((instrument as Histogram<double>)?.Advice?.HistogramBucketBoundaries);
            if (instrument.IsObservable) entry.Value = value;
            else entry.Add(value);
        }
    }

    private static string Labels(ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        var text = new StringBuilder();
        foreach (var (name, value) in tags)
        {
            if (text.Length > 0) text.Append(',');
            text.Append(name).Append("=\"");
            // The exposition format escapes these three; a certificate's name may hold any of them.
            foreach (var c in Convert.ToString(value, CultureInfo.InvariantCulture) ?? "")
                _ = c switch { '\\' => text.Append(@"\\"), '"' => text.Append("\\\""), '\n' => text.Append("\\n"), _ => text.Append(c) };
            text.Append('"');
        }

        return text.ToString();
    }

    private sealed class Entry(IReadOnlyList<double>? bounds)
    {
        private readonly long[]? _buckets = bounds is null ? null : new long[bounds.Count + 1];

        public double Value { get; set; }

        public void Add(double value)
        {
            Value += value;
            if (_buckets is null) return;
            var i = 0;
            while (i < bounds!.Count && value > bounds[i]) i++;
            _buckets[i]++;
        }

        public MeterSeries Read()
        {
            if (_buckets is null) return new MeterSeries(Value);
            var (atMost, sum) = (new long[_buckets.Length], 0L);
            for (var i = 0; i < atMost.Length; i++) atMost[i] = sum += _buckets[i];
            return new MeterSeries(Value, atMost, bounds);
        }
    }
}
