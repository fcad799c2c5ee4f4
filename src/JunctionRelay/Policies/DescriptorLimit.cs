using System.Globalization;

namespace JunctionRelay.Policies;

/// <summary>
/// How many connections this process may hold before it runs out of file descriptors. It must never get there: a runtime without one cannot even
/// start a thread of its pool, and does not recover from that.
/// </summary>
internal static class DescriptorLimit
{
    /// <summary>Kept for the runtime's own threads and files, for names being looked up, for probes, and for accepting those that are then refused.</summary>
    private const int Reserve = 64;

    /// <summary>A client and a target each.</summary>
    private const int PerConnection = 2;

    /// <summary>
    /// The number for this process as it is now, its listeners bound; no limit where the system does not tell (Linux alone does, in /proc).
    /// <paramref name="toCome"/>: listeners that may be opened later.
    /// </summary>
    public static int MostConnections(int toCome) =>
        OperatingSystem.IsLinux() && Limit(File.ReadLines("/proc/self/limits")) is { } limit
            ? MostConnections(limit, Directory.GetFileSystemEntries("/proc/self/fd").Length + toCome)
            : int.MaxValue;

    /// <summary>At least one, so that a junction with an absurd limit still shows that it works.</summary>
    public static int MostConnections(long limit, int open) => (int)Math.Clamp((limit - open - Reserve) / PerConnection, 1, int.MaxValue);

    // "Max open files            1024                 524288               files": the second column is what holds.
    private static long? Limit(IEnumerable<string> limits)
    {
        const string name = "Max open files";
        var line = limits.FirstOrDefault(l => l.StartsWith(name, StringComparison.Ordinal));
        return line is not null && long.TryParse(line[name.Length..].Split(' ', StringSplitOptions.RemoveEmptyEntries)[0], CultureInfo.InvariantCulture, out var limit)
            ? limit
            : null;
    }
}
