using System.Collections.Concurrent;
using System.Globalization;
using System.Security.Cryptography;
using JunctionRelay.Connections;

namespace JunctionRelay.Relay;

/// <summary>
/// The live connections of this junction: list, count, sweep, drain, abort. A connection is registered before it runs and leaves after
/// everything of it is disposed, so that an empty table means that nothing is left.
/// </summary>
internal sealed class ConnectionTable(TimeProvider time)
{
    /// <summary>How often limits are checked; a limit is met at most this late.</summary>
    public static readonly TimeSpan SweepInterval = TimeSpan.FromSeconds(1);

    private readonly ConcurrentDictionary<string, RelayedConnection> _connections = new();
    private readonly string _prefix = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(4));
    private readonly Lock _lock = new();
    private TaskCompletionSource? _empty;   // under _lock; somebody waits for the last connection to leave
    private long _lastId;
    private int _count;

    public int Count => Volatile.Read(ref _count);
    public IEnumerable<RelayedConnection> Connections => _connections.Values;

    /// <summary>An id that no other connection has, in any junction: this process's random prefix and a number.</summary>
    public string NextId() => string.Create(CultureInfo.InvariantCulture, $"{_prefix}-{Interlocked.Increment(ref _lastId)}");

    /// <summary>Registers a connection and runs it to its end.</summary>
    public async Task RunAsync(RelayedConnection connection)
    {
        _connections[connection.Id] = connection;
        Interlocked.Increment(ref _count);
        try
        {
            await connection.RunAsync();
        }
        finally
        {
            _connections.TryRemove(connection.Id, out _);
            if (Interlocked.Decrement(ref _count) == 0)
            {
                lock (_lock) _empty?.TrySetResult();
            }
        }
    }

    /// <summary>Applies the limits of all connections now and then, until cancelled.</summary>
    public async Task SweepAsync(CancellationToken cancellationToken)
    {
        using var timer = new PeriodicTimer(SweepInterval, time);
        try
        {
            while (await timer.WaitForNextTickAsync(cancellationToken))
            {
                foreach (var (_, connection) in _connections) connection.Sweep();
            }
        }
        catch (OperationCanceledException)
        {
            // Told to stop.
        }
    }

    /// <summary>Completes when no connection is left.</summary>
    public Task WhenEmptyAsync()
    {
        lock (_lock)
        {
            _empty ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            if (Count == 0) _empty.TrySetResult();
            return _empty.Task;
        }
    }

    /// <summary>Ends every connection with a reset; returns how many there were.</summary>
    public int AbortAll(CloseReason reason)
    {
        var aborted = 0;
        foreach (var (_, connection) in _connections)
        {
            connection.Abort(reason);
            aborted++;
        }

        return aborted;
    }
}
