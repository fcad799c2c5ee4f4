namespace JunctionRelay.Licensing;

/// <summary>An environment variable by which licensed programs find their servers.</summary>
/// <param name="Name">E.g. <c>LM_LICENSE_FILE</c>.</param>
/// <param name="Entries">In the order in which they are asked; joined by the path separator of the system that reads them.</param>
internal sealed record LicenseVariable(string Name, IReadOnlyList<string> Entries)
{
    /// <summary>Vendor daemons whose programs read another variable than the daemon's own.</summary>
    private static readonly Dictionary<string, string> Named = new(StringComparer.OrdinalIgnoreCase) { ["cdslmd"] = "CDS_LIC_FILE" };

    /// <summary>What a node sets for these servers.</summary>
    public static IReadOnlyList<LicenseVariable> Of(IEnumerable<PlacedServer> servers) =>
        Of(servers.GroupBy(s => s.Source).Select(s => (s.Key, (IReadOnlyList<(string, int)>)[.. s.Select(p => (p.NodeHost, p.Server.Port))])));

    /// <summary>
    /// What a node sets for these servers, each where the node finds it: a variable for each vendor, or the one for all where no vendor is known.
    /// </summary>
    public static IReadOnlyList<LicenseVariable> Of(IEnumerable<(LicenseSource Source, IReadOnlyList<(string Host, int Port)> Where)> sources)
    {
        var variables = new List<LicenseVariable>();
        foreach (var (source, where) in sources)
        {
            // Of a triad the three are one entry.
            var entry = source.Kind == LicenseKind.Sentieon
                ? HostAndPort(where[0].Host, where[0].Port)
                : string.Join(',', where.Select(w => $"{w.Port}@{w.Host}"));
            foreach (var name in Names(source))
                Add(variables, name, entry);
        }

        return variables;
    }

    /// <summary>Adds an entry to a variable that may be there already.</summary>
    public static void Add(List<LicenseVariable> variables, string name, string entry)
    {
        var known = variables.FindIndex(v => v.Name == name);
        if (known < 0)
            variables.Add(new LicenseVariable(name, [entry]));
        else if (!variables[known].Entries.Contains(entry))
            variables[known] = variables[known] with { Entries = [.. variables[known].Entries, entry] };
    }

    private static IEnumerable<string> Names(LicenseSource source)
    {
        var (forAll, suffix) = source.Kind switch
        {
            LicenseKind.Sentieon => ("SENTIEON_LICENSE", ""),
            LicenseKind.Rlm => ("RLM_LICENSE", "_LICENSE"),
            _ => ("LM_LICENSE_FILE", "_LICENSE_FILE"),
        };
        return source.Daemons.Select(d => Named.GetValueOrDefault(d.Name) ?? OfDaemon(d.Name)).DefaultIfEmpty(forAll);

        // FlexNet: the daemon's name in capitals. No shell takes a name that begins with a digit or has a hyphen.
        string OfDaemon(string name) => char.IsAsciiDigit(name[0]) || name.Contains('-') ? forAll
            : (source.Kind == LicenseKind.Rlm ? name : name.ToUpperInvariant()) + suffix;
    }

    private static string HostAndPort(string host, int port) => host.Contains(':') ? $"[{host}]:{port}" : $"{host}:{port}";
}
