using System.Diagnostics;
using System.Security.Cryptography;
using JunctionRelay.Configuration;
using JunctionRelay.Relay;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace JunctionRelay.App.Hosting;

/// <summary>
/// Reads the configuration again, on SIGHUP and when its files have changed, and puts it in force as a whole or not at all. What does not change is not touched:
/// its listeners, links, health and connections.
/// </summary>
/// <param name="first">The configuration that runs.</param>
/// <param name="build">The plan of a configuration, made of the parts of the one before.</param>
/// <param name="applied">Told of each configuration that came into force.</param>
/// <param name="notify">The service manager's ear.</param>
internal sealed class Reloader(
    ConfigReading first, PlanInForce inForce, Func<ConfigReading, JunctionPlan, JunctionPlan> build, RelayService relays, LinkService links, ReloadOutcome outcome,
    Action<JunctionConfig> applied, Action<string> notify, ILogger<Reloader> log, TimeProvider time) : BackgroundService
{
    /// <summary>How often the files are looked at; a change counts when it is still there at the next look, so that nobody reads half a file.</summary>
    public static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);

    /// <summary>A configuration that was no good is tried again: what it needs may be there by now, a certificate or a port.</summary>
    public static readonly TimeSpan RetryInterval = TimeSpan.FromSeconds(10);

    /// <summary>Nobody who began under the plan before is still on the way to his target by then.</summary>
    private static readonly TimeSpan DisposeAfter = TimeSpan.FromMinutes(1);

    private readonly SemaphoreSlim _asked = new(0);
    private readonly List<(long Since, IDisposable Part)> _dropped = [];
    private readonly ConfigWatch _watch = new(first.File);
    private JunctionConfig _config = first.Config!;
    private string _problems = "";
    private long _triedAt;

    /// <summary>Reads it now (SIGHUP).</summary>
    public void Request()
    {
        if (_asked.CurrentCount == 0) _asked.Release();
    }

    public override void Dispose()
    {
        base.Dispose();
        _asked.Dispose();
        foreach (var (_, part) in _dropped) part.Dispose();
        _dropped.Clear();
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Interval, time);
        var tick = timer.WaitForNextTickAsync(stoppingToken).AsTask();
        var asked = _asked.WaitAsync(stoppingToken);
        try
        {
            while (true)
            {
                await Task.WhenAny(asked, tick);
                if (asked.IsCompleted)
                {
                    await asked;
                    asked = _asked.WaitAsync(stoppingToken);
                    await ReloadAsync(isAsked: true);
                    continue;
                }

                await tick;
                tick = timer.WaitForNextTickAsync(stoppingToken).AsTask();
                await LookAsync();
            }
        }
        catch (OperationCanceledException)
        {
            // Told to stop.
        }
    }

    private async Task LookAsync()
    {
        _dropped.RemoveAll(Expired);
        var isDue = _problems.Length > 0 && time.GetElapsedTime(_triedAt) >= RetryInterval;
        if (_watch.Look() || isDue) await ReloadAsync(isAsked: false);
    }

    private async Task ReloadAsync(bool isAsked)
    {
        // systemd's Type=notify-reload wants the clock that Stopwatch reads (CLOCK_MONOTONIC), whatever ours is.
        notify($"RELOADING=1\nMONOTONIC_USEC={(long)Stopwatch.GetElapsedTime(0).TotalMicroseconds}");
        _watch.Read();
        var (problems, changes) = await TryAsync();
        _triedAt = time.GetTimestamp();
        outcome.Read(problems);
        var text = string.Join(" | ", problems);
        if (problems.Count == 0) log.ConfigReloaded(changes);
        else if (isAsked || text != _problems) log.ConfigRefused(text);
        _problems = text;
        notify(problems.Count == 0 ? "READY=1\nSTATUS=running" : $"READY=1\nSTATUS=running the configuration of before: {problems[0]}");
    }

    private async Task<(IReadOnlyList<string> Problems, string Changes)> TryAsync()
    {
        try
        {
            var reading = first.Again();
            if (reading.Config is not { } config) return ([.. reading.Problems.Select(p => p.ToString())], "");
            var plan = build(reading, inForce.Plan);
            await using var nextLinks = await links.PrepareAsync(plan.Links);
            await using var nextRelays = await relays.PrepareAsync(plan.Relays, plan.DrainTimeout, plan.Peers);
            if (!await relays.CommitAsync(nextRelays)) return (["the junction is draining"], "");
            await links.CommitAsync(nextLinks);
            inForce.Plan = plan;
            _dropped.AddRange(plan.Dropped.Select(part => (time.GetTimestamp(), part)));
            var changes = ConfigChanges.Between(_config, config);
            _config = config;
            applied(config);
            return ([], changes);
        }
        catch (Exception e)
        {
            // A port in use, a file that vanished since it was checked, or a fault of ours: what runs goes on in any case.
            if (e is not (ListenException or IOException or UnauthorizedAccessException or CryptographicException)) log.ReloadFault(e);
            return ([e.Message], "");
        }
    }

    private bool Expired((long Since, IDisposable Part) dropped)
    {
        if (time.GetElapsedTime(dropped.Since) < DisposeAfter) return false;
        dropped.Part.Dispose();
        return true;
    }
}
