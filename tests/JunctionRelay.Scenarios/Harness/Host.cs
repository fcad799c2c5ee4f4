namespace JunctionRelay.Scenarios.Harness;

/// <summary>Where a program runs: this machine, or a network namespace that stands for a machine of its own.</summary>
/// <param name="Name">How the scenario calls it.</param>
/// <param name="Prefix">The words that come before a program's own to run it there.</param>
/// <param name="Namespace">The network namespace; null for this machine.</param>
internal sealed record Host(string Name, IReadOnlyList<string> Prefix, string? Namespace = null)
{
    /// <summary>This machine itself.</summary>
    public static readonly Host Machine = new("machine", []);
}
