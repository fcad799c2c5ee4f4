using JunctionRelay.App.CommandLine;
using JunctionRelay.Configuration;
using JunctionRelay.Licensing;

namespace JunctionRelay.App.Checks;

/// <summary>Which license servers a check is about, where it is not about a configuration.</summary>
internal static class CheckedServers
{
    /// <summary>The servers, each with its vendor daemon where that is known (else empty). None: the check is about a configuration.</summary>
    /// <param name="what">License files and values of license variables; a text that is neither leaves the list to the configuration.</param>
    /// <param name="hasConfiguration">Where nothing is named, and there is none, the variables say it.</param>
    public static IReadOnlyList<(LicenseKind Kind, LicenseServer Server, string Vendor)> Read(
        IReadOnlyList<string> what, IReadOnlyList<string> sentieon, IReadOnlyDictionary<string, string> environment, bool hasConfiguration, List<string> problems)
    {
        var servers = new List<(LicenseKind, LicenseServer, string)>();
        var others = new List<string>();
        foreach (var text in what)
        {
            var found = Entry(text, null, problems).ToList();
            servers.AddRange(found);
            if (found.Count == 0) others.Add(text);
        }

        servers.AddRange(sentieon.Select(Sentieon));
        if (servers.Count > 0 && others.Count > 0) problems.Add($"{string.Join(", ", others)}: no license file here and no PORT@HOST; relays of a configuration are checked by themselves");
        if (servers.Count == 0 && what.Count == 0 && !hasConfiguration) servers.AddRange(OfVariables(environment, problems));
        return servers;
    }

    private static IEnumerable<(LicenseKind, LicenseServer, string)> OfVariables(IReadOnlyDictionary<string, string> environment, List<string> problems)
    {
        var separator = OperatingSystem.IsWindows() ? ';' : ':';
        foreach (var (name, value) in environment.Where(v => LicenseVendors.IsVariable(v.Key)).OrderBy(v => v.Key, StringComparer.Ordinal))
        {
            if (name == "SENTIEON_LICENSE")
            {
                if (LicenseArguments.NoHostAndPort(value) is null) yield return Sentieon(value);
                continue;
            }

            foreach (var entry in value.Split(separator, StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
            {
                foreach (var server in Entry(entry, name, problems)) yield return server;
            }
        }
    }

    // A server, a triad, or a file; nothing of these: perhaps a relay.
    private static IEnumerable<(LicenseKind, LicenseServer, string)> Entry(string text, string? variable, List<string> problems)
    {
        if (LicenseSource.ListFromVariable(text) is { } list)
            return list.SelectMany(source => source.Servers.Select(s => (variable == "RLM_LICENSE" ? LicenseKind.Rlm : source.Kind, s, LicenseVendors.Of(variable) ?? "")));
        if (!File.Exists(text)) return [];
        var (file, problem) = LicenseArguments.ReadFile(text);
        if (file is null)
        {
            problems.Add($"{text} {problem}");
            return [];
        }

        var (sources, unclear) = LicenseImport.Sources([file], [], null);
        problems.AddRange(sources.Count == 0 ? unclear : []);
        return sources.SelectMany(s => s.Servers.SelectMany(server => s.Daemons.Select(d => d.Name).DefaultIfEmpty("").Select(vendor => (s.Kind, server, vendor))));
    }

    private static (LicenseKind, LicenseServer, string) Sentieon(string text)
    {
        var address = TargetAddress.Read(text, out _)!;
        return (LicenseKind.Sentieon, new LicenseServer(address.Host, address.Ports.First, LicenseSource.NameOf(address.Host)), "");
    }
}
