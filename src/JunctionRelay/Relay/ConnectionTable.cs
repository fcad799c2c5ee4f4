using System.Collections.Concurrent;
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

    private readonly ConcurrentDictionary<RelayedConnection, ConnectionId> _connections = new();
    private readonly Lock _lock = new();
    private TaskCompletionSource? _empty;   // under _lock; somebody waits for the last connection to leave
    private int _count;
    private long _sweptAt = time.GetTimestamp();

    public int Count => Volatile.Read(ref _count);

    /// <summary>How many there may be at once; set before the first is accepted.</summary>
    public int Most { get; set; } = int.MaxValue;

    /// <summary>Not a copy: those that come and go meanwhile may be there or not.</summary>
    public IEnumerable<RelayedConnection> Connections => _connections.Select(c => c.Key);

    /// <summary>The licenses that are held over them; not a copy, either.</summary>
    public IEnumerable<HeldSeat> Seats => _connections.Select(c => c.Key.Seat).OfType<HeldSeat>();

    /// <summary>Those that ended last.</summary>
    public EndedConnections Ended { get; } = new();

    /// <summary>When limits were checked last: it stands still when this process does.</summary>
    public long SweptAt => Volatile.Read(ref _sweptAt);

    /// <summary>Registers a connection and runs it to its end.</summary>
    public Task RunAsync(RelayedConnection connection)
    {
        _connections[connection] = connection.Id;
        Interlocked.Increment(ref _count);
        return connection.RunAsync(this);
    }

    /// <summary>Nothing of the connection is left.</summary>
    public void Left(RelayedConnection connection)
    {
        _connections.TryRemove(connection, out _);
        if (connection.End is { } end) Ended.Add(end);
        if (Interlocked.Decrement(ref _count) == 0)
        {
            lock (_lock) _empty?.TrySetResult();
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
                var began = time.GetTimestamp();
                foreach (var (connection, _) in _connections) Sweep(connection);
                Volatile.Write(ref _sweptAt, began);
            }
        }
        catch (OperationCanceledException)
        {
            // Told to stop.
        }
    }

    // A fault of ours in one connection ends that one, not the sweep of all others.
    private static void Sweep(RelayedConnection connection)
    {
        try
        {
            connection.Sweep();
        }
        catch (Exception)
        {
            connection.Abort(CloseReason.InternalError);
        }
    }

    /// <summary>Brings the totals up to date with what the connections have passed on until now.</summary>
    public void CountBytes()
    {
        foreach (var (connection, _) in _connections) connection.CountBytes();
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
    public int AbortAll(CloseReason reason) => AbortWhere(_ => true, reason);

    /// <summary>Ends those connections with a reset; returns how many there were.</summary>
    public int AbortWhere(Func<RelayedConnection, bool> which, CloseReason reason)
    {
        var aborted = 0;
        foreach (var (connection, _) in _connections.Where(c => which(c.Key)))
        {
            connection.Abort(reason);
            aborted++;
        }

        return aborted;
    }
}
