using System.Buffers;
using System.Diagnostics.Metrics;
using JunctionRelay.Relay;
using Microsoft.Extensions.Logging;

namespace JunctionRelay.App.Hosting;

/// <summary>
/// Where the log goes: lines are made by whoever logs and written by one thread of this class's own. A reader that does not read, a full disk, a closed pipe: lines are dropped and
/// counted, and nothing waits.
/// </summary>
internal sealed class LogOutput : ILoggerProvider
{
    /// <summary>Lines that wait for the reader, and their bytes.</summary>
    private const int MostWaiting = 4096;
    private const int MostWaitingBytes = 4 * 1024 * 1024;

    /// <summary>In bytes. A line that is longer was made by somebody who means harm, or is a very deep exception.</summary>
    private const int LongestLine = 16 * 1024;

    /// <summary>A buffer that grew beyond this for a flood is not kept.</summary>
    private const int MostKept = 256 * 1024;

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
    private readonly object _gate = new();
    private readonly ManualResetEvent _ending = new(false);
    private readonly Thread _writing;
    private readonly Meter _meter = new(RelayMetrics.MeterName);
    [ThreadStatic]
    private static ArrayBufferWriter<byte>? _line;
    private ArrayBufferWriter<byte> _waiting = new();
    private ArrayBufferWriter<byte> _batch = new();
    private int _count;
    private bool _isEnding;
    private long _dropped;
    private long _told;
    private volatile string? _failing;
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

    /// <summary>Why the last lines could not be written; null when they were.</summary>
    public string? Failing => _failing;

    public ILogger CreateLogger(string categoryName) => new Category(this, categoryName, Add);

    /// <summary>Writes what is left and ends. The container does so for each service that this is, so that the second time is none.</summary>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref _isDisposed, 1) != 0) return;
        lock (_gate)
        {
            _isEnding = true;
            Monitor.Pulse(_gate);
        }

        _ending.Set();
        if (_writing.Join(LastLines)) _ending.Dispose();
        _meter.Dispose();
    }

    private void Add(ReadOnlySpan<byte> line)
    {
        lock (_gate)
        {
            // What is said after the end is dropped, too.
            if (!_isEnding && _count < MostWaiting && _waiting.WrittenCount < MostWaitingBytes)
            {
                _waiting.Write(line);
                if (_count++ == 0) Monitor.Pulse(_gate);
                return;
            }
        }

        Interlocked.Increment(ref _dropped);
    }

    private void Write()
    {
        var inBatch = new Category(this, typeof(LogOutput).FullName!, line => _batch.Write(line));
        while (Take() is > 0 and var count)
        {
            // The count of what is missing stands where it is missing, as soon as somebody reads again.
            var dropped = Dropped;
            if (dropped > _told) inBatch.LogLinesDropped(dropped - _told);
            try
            {
                _output.Write(_batch.WrittenSpan);
                _output.Flush();
                _told = dropped;
                _failing = null;
            }
            catch (IOException e)
            {
                _failing = e.Message;
                Interlocked.Add(ref _dropped, count);
            }

            Empty(ref _batch);
            _ending.WaitOne(Rest);
        }
    }

    // Waits for lines and makes them the batch; 0 at the end.
    private int Take()
    {
        lock (_gate)
        {
            while (_count == 0 && !_isEnding) Monitor.Wait(_gate);
            (_batch, _waiting) = (_waiting, _batch);
            var count = _count;
            _count = 0;
            return count;
        }
    }

    private static void Empty(ref ArrayBufferWriter<byte> buffer)
    {
        if (buffer.Capacity > MostKept) buffer = new();
        else buffer.ResetWrittenCount();
    }

    private sealed class Category(LogOutput output, string name, Action<ReadOnlySpan<byte>> take) : ILogger
    {
        // What the framework has to say of itself is not the operator's business.
        private readonly bool _isOurs = name.StartsWith("JunctionRelay.", StringComparison.Ordinal);

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => _isOurs && logLevel >= output.Level && logLevel != LogLevel.None;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (!IsEnabled(logLevel) || output.Only?.Contains(eventId.Id) == false) return;
            var line = _line ??= new(1024);
            output._format.Write(line, output._time.GetUtcNow(), logLevel, eventId, formatter(state, exception), state as IReadOnlyList<KeyValuePair<string, object?>> ?? [], exception);
            if (line.WrittenCount > LongestLine)
            {
                var most = LongestLine;
                // Not in the middle of a character.
                while ((line.WrittenSpan[most] & 0xC0) == 0x80) most--;
                take([.. line.WrittenSpan[..most], .. "…\n"u8]);
            }
            else
            {
                take(line.WrittenSpan);
            }

            Empty(ref line);
            _line = line;
        }
    }
}
