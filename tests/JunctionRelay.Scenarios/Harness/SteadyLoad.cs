using System.Collections.Concurrent;
using System.Net.Sockets;

namespace JunctionRelay.Scenarios.Harness;

/// <summary>
/// Clients of an echo server behind junctions: some that hold their connection and use it about once a second, and new ones all the time, which connect, ask and leave. Whatever goes
/// otherwise for any of them is kept: a refused connection, a cut one, a wrong byte, an answer that does not come.
/// </summary>
internal sealed class SteadyLoad : IAsyncDisposable
{
    private const int Bytes = 1000;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private readonly IReadOnlyList<int> _ports;
    private readonly CancellationTokenSource _stop = new();
    private readonly ConcurrentQueue<string> _failures = new();
    private readonly List<Task> _running = [];
    private readonly System.Diagnostics.Stopwatch _watch = new();
    private int _visits;
    private int _exchanges;
    private long _slowest;

    private SteadyLoad(IReadOnlyList<int> ports) => _ports = ports;

    /// <summary>What went wrong so far.</summary>
    public IReadOnlyCollection<string> Failures => _failures;

    /// <summary>New connections that were served to their ends.</summary>
    public int Visits => Volatile.Read(ref _visits);

    /// <summary>For how long new connections came.</summary>
    public TimeSpan Elapsed => _watch.Elapsed;

    /// <summary>What connections that stay have asked and got.</summary>
    public int Exchanges => Volatile.Read(ref _exchanges);

    /// <summary>The longest that anybody waited for an answer, from before connecting where he was new.</summary>
    public TimeSpan Slowest => TimeSpan.FromTicks(Volatile.Read(ref _slowest));

    /// <summary>Starts the clients, in turn at each of these ports; returns when all that stay are served.</summary>
    public static async Task<SteadyLoad> Start(IReadOnlyList<int> ports, int staying, int newPerSecond)
    {
        var load = new SteadyLoad(ports);
        var served = new List<Task>();
        for (var i = 0; i < staying; i++)
        {
            var first = new TaskCompletionSource();
            served.Add(first.Task);
            load._running.Add(load.Stay(i, first));
            if (i % 20 == 19)
                await Task.WhenAll(served);
        }

        await Task.WhenAll(served);
        load._watch.Start();
        load._running.Add(load.Visit(TimeSpan.FromSeconds(1.0 / newPerSecond)));
        return load;
    }

    /// <summary>Lets every client come to its end, which is part of the oracle.</summary>
    public async Task End()
    {
        _watch.Stop();
        await _stop.CancelAsync();
        await Task.WhenAll(_running);
    }

    public async ValueTask DisposeAsync()
    {
        await End();
        _stop.Dispose();
    }

    private async Task Stay(int client, TaskCompletionSource first)
    {
        var when = "connecting";
        try
        {
            using var socket = await Loopback.Connect(_ports[client % _ports.Count]).WaitAsync(Patience);
            var pattern = new PatternedBytes(client);
            for (var at = 0L; ; at += Bytes)
            {
                when = $"after {at} bytes";
                await Ask(socket, pattern, at);
                first.TrySetResult();
                Interlocked.Increment(ref _exchanges);
                if (_stop.IsCancellationRequested)
                    break;
                await Pause(TimeSpan.FromSeconds(0.5 + Random.Shared.NextDouble()));
            }

            when = "at the end";
            socket.Shutdown(SocketShutdown.Send);
            await PatternedBytes.End(socket).WaitAsync(Patience);
        }
        catch (Exception e) when (e is SocketException or TimeoutException or Xunit.Sdk.XunitException)
        {
            _failures.Enqueue($"{TimeProvider.System.GetUtcNow():HH:mm:ss.fff} client {client} {when}: {e.Message}");
            first.TrySetResult();
        }
    }

    private async Task Visit(TimeSpan every)
    {
        using var timer = new PeriodicTimer(every);
        var visiting = new List<Task>();
        for (var i = 0; !_stop.IsCancellationRequested; i++)
        {
            visiting.Add(VisitOnce(i));
            visiting.RemoveAll(v => v.IsCompleted);
            await timer.WaitForNextTickAsync();
        }

        await Task.WhenAll(visiting);
    }

    private async Task VisitOnce(int client)
    {
        var when = "connecting";
        try
        {
            var began = System.Diagnostics.Stopwatch.GetTimestamp();
            using var socket = await Loopback.Connect(_ports[client % _ports.Count]).WaitAsync(Patience);
            when = "asking";
            await Ask(socket, new PatternedBytes(client), 0, began);
            when = "leaving";
            socket.Shutdown(SocketShutdown.Send);
            await PatternedBytes.End(socket).WaitAsync(Patience);
            Interlocked.Increment(ref _visits);
        }
        catch (Exception e) when (e is SocketException or TimeoutException or Xunit.Sdk.XunitException)
        {
            _failures.Enqueue($"{TimeProvider.System.GetUtcNow():HH:mm:ss.fff} new client {client} {when}: {e.Message}");
        }
    }

    private async Task Ask(Socket socket, PatternedBytes pattern, long at, long? began = null)
    {
        began ??= System.Diagnostics.Stopwatch.GetTimestamp();
        await pattern.Send(socket, at, at + Bytes).WaitAsync(Patience);
        await pattern.Receive(socket, at, at + Bytes).WaitAsync(Patience);
        var took = System.Diagnostics.Stopwatch.GetElapsedTime(began.Value).Ticks;
        for (var slowest = Volatile.Read(ref _slowest); took > slowest; slowest = Volatile.Read(ref _slowest))
            Interlocked.CompareExchange(ref _slowest, took, slowest);
    }

    private async Task Pause(TimeSpan time)
    {
        try
        {
            await Task.Delay(time, _stop.Token);
        }
        catch (OperationCanceledException)
        {
            // The end is near.
        }
    }
}
