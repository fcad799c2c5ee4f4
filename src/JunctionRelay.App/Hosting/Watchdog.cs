using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Net.Sockets;
using JunctionRelay.Relay;
using Microsoft.Extensions.Hosting;

namespace JunctionRelay.App.Hosting;

/// <summary>
/// systemd's watchdog (sd_watchdog_enabled(3)): says twice in each interval that we work, and says nothing when we do not, so that we are started again. We work while the thread that
/// serves all sockets answers, and connections are looked after.
/// </summary>
internal sealed class Watchdog(TimeSpan? interval, Func<CancellationToken, Task<bool>> works, Action<string> notify, TimeProvider time) : BackgroundService
{
    /// <summary>The interval that the service manager asks for; null when it asks for none.</summary>
    public static TimeSpan? Interval()
    {
        var process = Environment.GetEnvironmentVariable("WATCHDOG_PID");
        var isOurs = process is null || process == Environment.ProcessId.ToString(CultureInfo.InvariantCulture);
        return isOurs && long.TryParse(Environment.GetEnvironmentVariable("WATCHDOG_USEC"), NumberStyles.None, CultureInfo.InvariantCulture, out var microseconds) && microseconds > 0
            ? TimeSpan.FromMicroseconds(microseconds) : null;
    }

    /// <summary>The watchdog of a running junction.</summary>
    public static Watchdog Of(RelayService relays, TimeProvider time)
    {
        var interval = Interval();
        var engine = interval is null ? null : new EngineProbe();
        return new Watchdog(
            interval, async stop => await engine!.AnswersAsync(interval!.Value, stop) && time.GetElapsedTime(relays.Connections.SweptAt) < interval.Value + TimeSpan.FromSeconds(10),
            ServiceManager.Notify, time);
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        if (interval is null) return;
        using var timer = new PeriodicTimer(interval.Value / 2, time);
        do
        {
            if (await works(stoppingToken)) notify("WATCHDOG=1");
        }
        while (await timer.WaitForNextTickAsync(stoppingToken));
    }

    /// <summary>A pair of sockets by which the thread that serves sockets shows that it does.</summary>
    [SuppressMessage("Design", "CA1001:Types that own disposable fields should be disposable", Justification = "it lives as long as the process")]
    private sealed class EngineProbe
    {
        private readonly Socket _here = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        private readonly Socket _there;

        public EngineProbe()
        {
            using var listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
            var nowhere = new UnixDomainSocketEndPoint($"\0junction-watchdog-{Guid.NewGuid():N}");
            listener.Bind(nowhere);
            listener.Listen(1);
            _here.Connect(nowhere);
            _there = listener.Accept();
        }

        public async Task<bool> AnswersAsync(TimeSpan within, CancellationToken stop)
        {
            try
            {
                // Asked for before it is there, it comes by that thread.
                var answer = _here.ReceiveAsync(new byte[1], SocketFlags.None, stop).AsTask();
                _there.Send([1]);
                await answer.WaitAsync(within, stop);
                return true;
            }
            catch (Exception e) when (e is TimeoutException or SocketException)
            {
                return false;
            }
        }
    }
}
