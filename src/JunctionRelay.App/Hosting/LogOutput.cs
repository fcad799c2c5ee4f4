using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using System.Text;
using JunctionRelay.Relay;
using Microsoft.Extensions.Logging;

namespace JunctionRelay.App.Hosting;

/// <summary>
/// Where the log goes: lines are made by whoever logs and written by one thread of this class's own. A reader that does not read, a full disk, a closed pipe: lines are dropped and
/// counted, and nothing waits.
/// </summary>
internal sealed class LogOutput : ILoggerProvider
{
    /// <summary>Lines that wait for the reader.</summary>
    private const int MostWaiting = 4096;

    /// <summary>A line that is longer was made by somebody who means harm, or is a very deep exception.</summary>
    private const int LongestLine = 16 * 1024;

    /// <summary>Written at once, where many lines wait.</summary>
    private const int BatchBytes = 64 * 1024;

    /// <summary>
    /// Between two writes: what is said meanwhile is written together. A line for each of many short connections would otherwise wake this thread and write
    /// each time, a fifth of such a connection's processor time. The first line after a pause is written at once.
    /// </summary>
    private static readonly TimeSpan Rest = TimeSpan.FromMilliseconds(10);

    /// <summary>At the end, for a reader that is slow.</summary>
    private static readonly TimeSpan LastLines = TimeSpan.FromSeconds(1);

    private readonly Stream _output;
    private readonly ILogFormat _format;
    private readonly TimeProvider _time;
    private readonly BlockingCollection<string> _lines = new(MostWaiting);
    private readonly ManualResetEvent _ending = new(false);
    private readonly Thread _writing;
    private readonly Meter _meter = new(RelayMetrics.MeterName);
    private long _dropped;
    private long _told;
    private int _isDisposed;

    /// <param name="what">What the lines are, in the name of the counter of those that were dropped.</param>
    public LogOutput(Stream output, ILogFormat format, LogLevel level, TimeProvider time, string what = "log")
    {
        (_output, _format, _time, Level) = (output, format, time, level);
        _meter.CreateObservableCounter($"junction.{what}.dropped", () => Dropped, "{line}", $"Lines of the {what} that were dropped because nobody took them.");
        _writing = new Thread(Write) { IsBackground = true, Name = "log" };
        _writing.Start();
    }

    /// <summary>What is below is not shown.</summary>
    public LogLevel Level { get; set; }

    /// <summary>The events that are written; null = all.</summary>
    public IReadOnlySet<int>? Only { get; init; }

    /// <summary>Lines that were dropped since the start.</summary>
    public long Dropped => Interlocked.Read(ref _dropped);

    public ILogger CreateLogger(string categoryName) => new Category(this, categoryName, Add);

    /// <summary>Writes what is left and ends. The container does so for each service that this is, so that the second time is none.</summary>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref _isDisposed, 1) != 0) return;
        _lines.CompleteAdding();
        _ending.Set();
        if (_writing.Join(LastLines))
        {
            _lines.Dispose();
            _ending.Dispose();
        }

        _meter.Dispose();
    }

    private void Add(string line)
    {
        try
        {
            if (_lines.TryAdd(line.Length <= LongestLine ? line : line[..LongestLine] + "…\n")) return;
        }
        catch (InvalidOperationException)
        {
            // Said after the end.
        }

        Interlocked.Increment(ref _dropped);
    }

    private void Write()
    {
        var batch = new StringBuilder();
        var inBatch = new Category(this, typeof(LogOutput).FullName!, line => batch.Append(line));
        foreach (var line in _lines.GetConsumingEnumerable())
        {
            var count = 1;
            batch.Append(line);
            while (batch.Length < BatchBytes && _lines.TryTake(out var more))
            {
                batch.Append(more);
                count++;
            }

            // The count of what is missing stands where it is missing, as soon as somebody reads again.
            var dropped = Dropped;
            if (dropped > _told) inBatch.LogLinesDropped(dropped - _told);
            try
            {
                _output.Write(Encoding.UTF8.GetBytes(batch.ToString()));
                _output.Flush();
                _told = dropped;
            }
            catch (IOException)
            {
                Interlocked.Add(ref _dropped, count);
            }

            batch.Clear();
            _ending.WaitOne(Rest);
        }
    }

    private sealed class Category(LogOutput output, string name, Action<string> take) : ILogger
    {
        // What the framework has to say of itself is not the operator's business.
        private readonly bool _isOurs = name.StartsWith("JunctionRelay.", StringComparison.Ordinal);

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => _isOurs && logLevel >= output.Level && logLevel != LogLevel.None;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (IsEnabled(logLevel) && output.Only?.Contains(eventId.Id) != false)
                take(output._format.Line(output._time.GetUtcNow(), logLevel, eventId, formatter(state, exception), state as IReadOnlyList<KeyValuePair<string, object?>> ?? [], exception));
        }
    }
}
