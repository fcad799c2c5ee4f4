using System.Runtime.InteropServices;
using JunctionRelay.Relay;
using Microsoft.Extensions.Hosting;

namespace JunctionRelay.App.Hosting;

/// <summary>
/// TERM and INT drain, and end at once when they come again; the service manager is told (sd_notify) when the junction stops. HUP reloads the configuration; where
/// there is none to reload, it stops, as for every program whose terminal is closed.
/// </summary>
internal sealed class Signals(IHostApplicationLifetime lifetime, RelayService relays, Reloader? reloader) : IHostLifetime, IDisposable
{
    private readonly List<PosixSignalRegistration> _registrations = [];
    private int _stops;

    public Task WaitForStartAsync(CancellationToken cancellationToken)
    {
        _registrations.Add(PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop));
        _registrations.Add(PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop));
        _registrations.Add(PosixSignalRegistration.Create(PosixSignal.SIGHUP, Reload));
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
