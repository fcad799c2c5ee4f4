namespace JunctionRelay.Load.Reports;

/// <summary>One window of one case through one relay.</summary>
internal sealed record Sample(RelayUnderTest Relay, LoadCase Case, int Round)
{
    /// <summary>In the order in which they are shown.</summary>
    public Dictionary<Metric, double> Figures { get; } = [];

    /// <summary>The same figures for each process of the relay, where they can be told apart: (process, metric) → figure.</summary>
    public Dictionary<(string Process, Metric Metric), double> ByProcess { get; } = [];

    public int Failed { get; set; }

    public string? Failure { get; set; }
}
