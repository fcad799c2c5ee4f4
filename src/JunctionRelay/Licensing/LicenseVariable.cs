namespace JunctionRelay.Licensing;

/// <summary>An environment variable by which licensed programs find their servers.</summary>
/// <param name="Name">E.g. <c>LM_LICENSE_FILE</c>.</param>
/// <param name="Entries">In the order in which they are asked; joined by the path separator of the system that reads them.</param>
internal sealed record LicenseVariable(string Name, IReadOnlyList<string> Entries)
{
    /// <summary>Vendor daemons whose programs read another variable than the daemon's own.</summary>
    private static readonly Dictionary<string, string> Named = new(StringComparer.OrdinalIgnoreCase) { ["cdslmd"] = "CDS_LIC_FILE" };

    /// <summary>What a node sets for these servers: a variable for each vendor, or the one for all where no vendor is known.</summary>
    public static IReadOnlyList<LicenseVariable> Of(IEnumerable<PlacedServer> servers)
    {
        var variables = new List<LicenseVariable>();
        foreach (var source in servers.GroupBy(s => s.Source))
        {
            var names = source.Key.Kind switch
            {
                LicenseKind.Sentieon => ["SENTIEON_LICENSE"],
                LicenseKind.Rlm => source.Key.Daemons.Select(d => $"{d.Name}_LICENSE").DefaultIfEmpty("RLM_LICENSE"),
                _ => source.Key.Daemons.Select(OfDaemon).DefaultIfEmpty("LM_LICENSE_FILE"),
            };
            // Of a triad the three are one entry.
            var entry = source.Key.Kind == LicenseKind.Sentieon
                ? HostAndPort(source.Single())
                : string.Join(',', source.Select(s => $"{s.Server.Port}@{s.NodeHost}"));
            foreach (var name in names)
            {
                var known = variables.FindIndex(v => v.Name == name);
                if (known < 0)
                    variables.Add(new LicenseVariable(name, [entry]));
                else if (!variables[known].Entries.Contains(entry))
                    variables[known] = variables[known] with { Entries = [.. variables[known].Entries, entry] };
            }
        }

        return variables;
    }

    // FlexNet: the daemon's name in capitals, with _LICENSE_FILE.
    private static string OfDaemon(LicenseDaemon daemon) =>
        Named.GetValueOrDefault(daemon.Name, $"{daemon.Name.ToUpperInvariant().Replace('-', '_')}_LICENSE_FILE");

    private static string HostAndPort(PlacedServer server) =>
        server.NodeHost.Contains(':') ? $"[{server.NodeHost}]:{server.Server.Port}" : $"{server.NodeHost}:{server.Server.Port}";
}
