using System.Runtime.InteropServices;
using JunctionRelay.Relay;
using Microsoft.Extensions.Hosting;

namespace JunctionRelay.App.Hosting;

/// <summary>
/// TERM and INT drain, and end at once when they come again; the service manager is told (sd_notify) when the junction stops. HUP reloads the configuration; where
/// there is none to reload, it stops, as for every program whose terminal is closed. USR2 starts the process that takes this one's place.
/// </summary>
internal sealed class Signals(IHostApplicationLifetime lifetime, RelayService relays, Reloader? reloader, SuccessorPort? successors) : IHostLifetime, IDisposable
{
    private const int UserSignal2 = 12;   // SIGUSR2 of Linux, for which the framework has no name

    private readonly List<PosixSignalRegistration> _registrations = [];
    private int _stops;

    public Task WaitForStartAsync(CancellationToken cancellationToken)
    {
        _registrations.Add(PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop));
        _registrations.Add(PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop));
        _registrations.Add(PosixSignalRegistration.Create(PosixSignal.SIGHUP, Reload));
        if (OperatingSystem.IsLinux() && successors is not null) _registrations.Add(PosixSignalRegistration.Create((PosixSignal)UserSignal2, Succeed));
        lifetime.ApplicationStopping.Register(() => ServiceManager.Notify("STOPPING=1"));
        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public void Dispose()
    {
        foreach (var registration in _registrations) registration.Dispose();
    }

    private void Stop(PosixSignalContext signal)
    {
        signal.Cancel = true;
        if (Interlocked.Increment(ref _stops) > 1) relays.StopNow();
        else lifetime.StopApplication();
    }

    private void Succeed(PosixSignalContext signal)
    {
        signal.Cancel = true;
        successors?.StartSuccessor();
    }

    private void Reload(PosixSignalContext signal)
    {
        if (reloader is null)
        {
            Stop(signal);
            return;
        }

        signal.Cancel = true;
        reloader.Request();
    }
}
