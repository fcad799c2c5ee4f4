using System.Diagnostics;
using System.Diagnostics.Metrics;
using JunctionRelay.Relay;

namespace JunctionRelay.App.Admin;

/// <summary>Instruments of the process, under the names that every Prometheus client library uses.</summary>
internal sealed class ProcessMetrics : IDisposable
{
    private readonly Meter _meter = new(RelayMetrics.MeterName);
    private readonly Process _process = Process.GetCurrentProcess();

    public ProcessMetrics()
    {
        var started = new DateTimeOffset(_process.StartTime).ToUnixTimeMilliseconds() / 1000.0;
        _meter.CreateObservableGauge("process.start_time", () => started, "s", "When the process started, Unix time.");
        _meter.CreateObservableCounter("process.cpu", () => Environment.CpuUsage.TotalTime.TotalSeconds, "s", "Processor time used, user and system.");
        _meter.CreateObservableGauge("process.resident_memory", () => Environment.WorkingSet, "By", "Memory in use.");
        if (!OperatingSystem.IsLinux()) return;
        _meter.CreateObservableGauge("process.open_fds", () => Directory.GetFileSystemEntries("/proc/self/fd").Length, description: "Descriptors in use.");
    }

    public void Dispose()
    {
        _meter.Dispose();
        _process.Dispose();
    }
}
