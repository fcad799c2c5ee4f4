using System.Runtime.CompilerServices;
using JunctionRelay.Relay;

namespace JunctionRelay.App.Admin;

/// <summary>A live connection and the number that it has in the feed.</summary>
internal sealed record FeedRow(long Row, StatusConnection Connection);

/// <summary>Everything: what a page begins with, and goes on with when it was too slow for the steps in between.</summary>
/// <param name="Status">Without connections.</param>
internal sealed record FullFrame(StatusDocument Status, IReadOnlyList<FeedRow> Rows, TrafficColumns History);

/// <summary>What changed within a second.</summary>
/// <param name="Status">Without connections; of the ends only those that are new.</param>
/// <param name="Rows">New connections, and those of which more is known than their bytes.</param>
/// <param name="Moved">Row, bytes to the target, bytes to the client.</param>
/// <param name="Gone">Rows that are over.</param>
internal sealed record DeltaFrame(StatusDocument Status, IReadOnlyList<FeedRow> Rows, IReadOnlyList<long[]> Moved, IReadOnlyList<long> Gone);

/// <summary>
/// The junction as a film, for pages that watch: one frame a second, made once for all of them, and only while there is one. A reader that is slow misses frames and
/// then gets a full one; nobody waits for it.
/// </summary>
internal sealed class StatusFeed(StatusReader reader, TrafficHistory history, QuietThread quiet, TimeProvider time)
{
    public static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);

    /// <summary>A page with more rows than this helps nobody and costs a browser's breath; the count tells of all.</summary>
    public const int MostRows = 5_000;

    private readonly Lock _lock = new();
    private readonly Dictionary<RelayedConnection, FeedRow> _rows = [];   // of the newest frame; as the next two, of the quiet thread
    private int _readers;   // under _lock
    private Task<Frame>? _first;   // under _lock; null while nobody reads
    private Frame? _latest;   // under _lock
    private long _lastRow;
    private long _ends;

    /// <summary>The frames as server-sent events, from now until cancelled.</summary>
    public async IAsyncEnumerable<Chunks> ReadAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        try
        {
            var frame = await Enter();
            yield return await FullAsync(frame);
            while (true)
            {
                await frame.Next.Task.WaitAsync(cancellationToken);
                Frame next;
                lock (_lock) next = _latest!;
                yield return next.Number == frame.Number + 1 ? next.Delta : await FullAsync(next);
                frame = next;
            }
        }
        finally
        {
            lock (_lock) _readers--;
        }
    }

    // The newest frame; the first reader starts the film.
    private async Task<Frame> Enter()
    {
        Task<Frame> first;
        lock (_lock)
        {
            _readers++;
            if (_latest is { } latest) return latest;
            first = _first ??= BeginAsync();
        }

        return await first;
    }

    private async Task<Frame> BeginAsync()
    {
        try
        {
            var frame = await quiet.RunAsync(() =>
            {
                _rows.Clear();
                return Make(0);
            });
            lock (_lock) _latest = frame;
            _ = RunAsync(frame);
            return frame;
        }
        catch
        {
            lock (_lock) _first = null;
            throw;
        }
    }

    // Until nobody reads.
    private async Task RunAsync(Frame frame)
    {
        using var timer = new PeriodicTimer(Interval, time);
        try
        {
            while (await timer.WaitForNextTickAsync())
            {
                lock (_lock)
                {
                    if (_readers == 0)
                    {
                        (_first, _latest) = (null, null);
                        return;
                    }
                }

                var next = await quiet.RunAsync(() => Make(frame.Number + 1));
                lock (_lock) _latest = next;
                frame.Next.SetResult();
                frame = next;
            }
        }
        catch (Exception fault)
        {
            // Ends the pages' streams, which come again; the fault is told where they are served.
            lock (_lock) (_first, _latest) = (null, null);
            frame.Next.SetException(fault);
        }
    }

    // Most frames are never asked for in full.
    private Task<Chunks> FullAsync(Frame frame) => quiet.RunAsync(() => frame.Full.Value);

    private Frame Make(long number)
    {
        var status = reader.Read(withConnections: false);
        var (rows, moved, gone) = Rows(status.Now);
        var (ended, count) = reader.Ended.After(_ends);
        _ends = count;
        FeedRow[] all = [.. _rows.Values];
        var delta = new DeltaFrame(status with { Ends = status.Ends with { Recent = [.. ended.Reverse().Select(StatusReader.Row)] } }, rows, moved, gone);
        return new Frame(
            number, Chunks.Event("delta", delta, StatusJson.Default.DeltaFrame),
            new Lazy<Chunks>(() => Chunks.Event("full", new FullFrame(status, all, history.Read()), StatusJson.Default.FullFrame)));
    }

    private (List<FeedRow> Rows, List<long[]> Moved, List<long> Gone) Rows(DateTimeOffset now)
    {
        var (rows, moved, gone) = (new List<FeedRow>(), new List<long[]>(), new List<long>());
        var live = reader.Connections.ToHashSet();
        foreach (var (connection, row) in _rows.Where(r => !live.Contains(r.Key)).ToList())
        {
            _rows.Remove(connection);
            gone.Add(row.Row);
        }

        foreach (var connection in live)
        {
            var known = _rows.GetValueOrDefault(connection);
            if (known is null && _rows.Count >= MostRows) continue;
            var seen = StatusReader.Row(connection, now);
            if (known is null) _rows[connection] = new FeedRow(++_lastRow, seen);
            // When it began is measured anew each time, and differs by a hair.
            else _rows[connection] = known with { Connection = seen = seen with { Since = known.Connection.Since } };
            var row = _rows[connection];
            if (known is null || seen with { BytesToTarget = 0, BytesToClient = 0 } != known.Connection with { BytesToTarget = 0, BytesToClient = 0 }) rows.Add(row);
            else if (seen != known.Connection) moved.Add([row.Row, seen.BytesToTarget, seen.BytesToClient]);
        }

        return (rows, moved, gone);
    }

    private sealed record Frame(long Number, Chunks Delta, Lazy<Chunks> Full)
    {
        /// <summary>Completed when there is a newer frame.</summary>
        public TaskCompletionSource Next { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
