namespace JunctionRelay.Load.Reports;

/// <summary>A figure of the table: what it is counted in and which way is better.</summary>
internal sealed record Metric(string Unit, bool HigherIsBetter = false)
{
    public static readonly Metric GigabytesPerSecond = new("GB/s", HigherIsBetter: true);
    public static readonly Metric CpuPerGigabyte = new("CPU s/GB");
    public static readonly Metric RequestsPerSecond = new("req/s", HigherIsBetter: true);
    public static readonly Metric ConnectionsPerSecond = new("conn/s", HigherIsBetter: true);
    public static readonly Metric Median = new("p50 µs");
    public static readonly Metric Percentile99 = new("p99 µs");
    public static readonly Metric MedianMilliseconds = new("p50 ms");
    public static readonly Metric CpuPer10000 = new("CPU s/10k");
    public static readonly Metric CpuPer1000 = new("CPU s/1k");
    public static readonly Metric KilobytesPerConnection = new("KB/conn");
    public static readonly Metric BaseMegabytes = new("base MB");

    /// <summary>The order of the rows.</summary>
    public static readonly Metric[] InOrder =
    [
        GigabytesPerSecond, RequestsPerSecond, ConnectionsPerSecond, Median, Percentile99, MedianMilliseconds,
        CpuPerGigabyte, CpuPer10000, CpuPer1000, KilobytesPerConnection, BaseMegabytes,
    ];
}
