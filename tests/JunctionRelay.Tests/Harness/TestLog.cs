using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;

namespace JunctionRelay.Tests.Harness;

/// <summary>Keeps what was logged, field by field.</summary>
public class TestLog : ILogger
{
    private readonly ConcurrentQueue<LogEntry> _entries = new();

    public IReadOnlyCollection<LogEntry> Entries => _entries;

    public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;
    public bool IsEnabled(LogLevel logLevel) => true;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        var fields = state is IEnumerable<KeyValuePair<string, object?>> pairs ? pairs.ToDictionary(p => p.Key, p => p.Value) : [];
        // Shown with a test that fails.
        TestContext.Current.TestOutputHelper?.WriteLine(exception is null ? formatter(state, null) : $"{formatter(state, exception)} {exception}");
        _entries.Enqueue(new LogEntry(logLevel, eventId.Name ?? "", formatter(state, exception), fields));
    }

    /// <summary>Waits until a matching entry is there.</summary>
    public async Task<LogEntry> WaitAsync(string eventName, Func<LogEntry, bool>? match = null)
    {
        LogEntry? found = null;
        await Eventually.TrueAsync(
            () => (found = _entries.FirstOrDefault(e => e.Name == eventName && (match?.Invoke(e) ?? true))) is not null,
            () => $"no log entry {eventName}; there are:\n{string.Join('\n', _entries.Select(e => e.Message))}");
        return found!;
    }
}

/// <summary>The same for a class's own logger.</summary>
public sealed class TestLog<T> : TestLog, ILogger<T>;

public sealed record LogEntry(LogLevel Level, string Name, string Message, IReadOnlyDictionary<string, object?> Fields);
