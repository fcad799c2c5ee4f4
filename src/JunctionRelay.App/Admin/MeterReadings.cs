using System.Collections.Concurrent;
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
    private readonly Lock _reading = new();   // never taken by whoever measures: that is the thread that serves sockets
    private readonly MeterListener _listener = new();
    private readonly ConcurrentDictionary<string, (Instrument Instrument, ConcurrentDictionary<string, Entry> Series)> _families = new();

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
        lock (_reading)
        {
            // What an observable instrument does not name any more is gone.
            foreach (var (instrument, series) in _families.Values)
            {
                if (instrument.IsObservable) series.Clear();
            }

            _listener.RecordObservableInstruments();
            return [.. _families.OrderBy(f => f.Key, StringComparer.Ordinal).Select(f => new MeterFamily(
                f.Value.Instrument, [.. f.Value.Series.OrderBy(s => s.Key, StringComparer.Ordinal).Select(s => (s.Key, s.Value.Read()))]))];
        }
    }

    public void Dispose() => _listener.Dispose();

    private void Measured(Instrument instrument, double value, ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        var (_, series) = _families.GetOrAdd(instrument.Name, static (_, of) => (of, new()), instrument);
        var entry = series.GetOrAdd(Labels(tags), static (_, bounds) => new Entry(bounds), (instrument as Histogram<double>)?.Advice?.HistogramBucketBoundaries);
        if (instrument.IsObservable) entry.Set(value);
        else entry.Add(value);
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
        private double _value;

        public void Set(double value) => Volatile.Write(ref _value, value);

        // Without a lock, which a reader behind all others in line could hold for long.
        public void Add(double value)
        {
            double before;
            do before = Volatile.Read(ref _value);
            while (Interlocked.CompareExchange(ref _value, before + value, before) != before);
            if (_buckets is null) return;
            var i = 0;
            while (i < bounds!.Count && value > bounds[i]) i++;
            Interlocked.Increment(ref _buckets[i]);
        }

        public MeterSeries Read()
        {
            if (_buckets is null) return new MeterSeries(Volatile.Read(ref _value));
            var (atMost, sum) = (new long[_buckets.Length], 0L);
            for (var i = 0; i < atMost.Length; i++) atMost[i] = sum += Volatile.Read(ref _buckets[i]);
            return new MeterSeries(Volatile.Read(ref _value), atMost, bounds);
        }
    }
}
