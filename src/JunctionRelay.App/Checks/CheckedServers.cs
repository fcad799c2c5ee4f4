using JunctionRelay.App.CommandLine;
using JunctionRelay.Configuration;
using JunctionRelay.Licensing;

namespace JunctionRelay.App.Checks;

/// <summary>Which license servers a check is about, where it is not about a configuration.</summary>
internal static class CheckedServers
{
    /// <summary>What is to lead to a license, each by itself. None: the check is about a configuration.</summary>
    /// <param name="what">License files and values of license variables; a text that is neither leaves the list to the configuration.</param>
    /// <param name="hasConfiguration">Where nothing is named, and there is none, the variables say it.</param>
    public static IReadOnlyList<LicenseWays> Read(
        IReadOnlyList<string> what, IReadOnlyList<string> sentieon, IReadOnlyDictionary<string, string> environment, bool hasConfiguration, List<string> problems)
    {
        var ways = new List<LicenseWays>();
        var others = new List<string>();
        foreach (var text in what)
        {
            var found = Entries(text, null) is { } entries ? [LicenseWays.ToAny(entries)] : OfFile(text, problems);
            ways.AddRange(found);
            if (found.Count > 0) continue;
            if (IsFileName(text) && !File.Exists(text)) problems.Add($"{text}: there is no such license file");
            else others.Add(text);
        }

        ways.AddRange(sentieon.Select(Sentieon));
        if (ways.Count > 0 && others.Count > 0) problems.Add($"{string.Join(", ", others)}: no license file here and no PORT@HOST; relays of a configuration are checked by themselves");
        if (ways.Count > 0 || what.Count > 0 || hasConfiguration) return ways;

        var variables = environment.Where(v => LicenseVendors.IsVariable(v.Key, v.Value)).OrderBy(v => v.Key, StringComparer.Ordinal).ToList();
        ways.AddRange(OfVariables(variables, problems));
        if (ways.Count > 0 || problems.Count > 0) return ways;
        problems.AddRange(variables.Select(v => $"{v.Key}={v.Value} names neither {(v.Key == LicenseVendors.Sentieon ? "HOST:PORT" : "PORT@HOST")} nor a license file that is there: correct or unset it"));
        if (variables.Count == 0)
            problems.Add("no license variable is set here, and there is no configuration: name a server (27000@host, --sentieon host:8990), a license file, or a configuration (-c FILE)");
        return ways;
    }

    private static bool IsFileName(string text) =>
        text.Contains('/', StringComparison.Ordinal) || text.Contains('\\', StringComparison.Ordinal) || Path.GetExtension(text).ToLowerInvariant() is ".lic" or ".dat";

    private static IEnumerable<LicenseWays> OfVariables(IEnumerable<KeyValuePair<string, string>> variables, List<string> problems)
    {
        foreach (var (name, value) in variables)
        {
            if (name == LicenseVendors.Sentieon)
            {
                if (LicenseArguments.NoHostAndPort(value) is null) yield return Sentieon(value);
                continue;
            }

            if (Entries(value, name) is { } servers)
            {
                yield return LicenseWays.ToAny(servers);
                continue;
            }

            // With files among them, each of which must lead with all of its daemons.
            var list = LicenseVendors.Entries(value).Select(e => Entries(e, name) ?? OfFile(e, problems)).Where(e => e.Count > 0).ToList();
            if (list.Count > 1) yield return LicenseWays.ToAny([.. list.Select(LicenseWays.ToAll)]);
            foreach (var way in list is [var only] ? only : []) yield return way;
        }
    }

    // Servers and triads; null when it is neither.
    private static IReadOnlyList<LicenseWays>? Entries(string text, string? variable) => LicenseSource.ListFromVariable(text) is not { } list ? null
        : [.. list.Select(source => LicenseWays.ToEntry(
            [.. source.Servers.Select(s => new CheckedServer(LicenseVendors.IsRlm(variable) ? LicenseKind.Rlm : source.Kind, s, LicenseVendors.Of(variable) ?? ""))]))];

    // For each vendor daemon the server or triad.
    private static IReadOnlyList<LicenseWays> OfFile(string path, List<string> problems)
    {
        if (!File.Exists(path)) return [];
        var (file, problem) = LicenseArguments.ReadFile(path);
        if (file is null)
        {
            problems.Add($"{path} {problem}");
            return [];
        }

        var (sources, unclear) = LicenseImport.Sources([file], [], null);
        problems.AddRange(sources.Count == 0 ? unclear : []);
        return [.. sources.SelectMany(s => s.Daemons.DefaultIfEmpty(new LicenseDaemon("", null)).Select(daemon => LicenseWays.ToEntry(
            [.. s.Servers.Select(server => new CheckedServer(s.Kind, server, daemon.Name, s.Kind == LicenseKind.Rlm ? daemon.Port : null))])))];
    }

    private static LicenseWays Sentieon(string text)
    {
        var address = TargetAddress.Read(text, out _)!;
        return LicenseWays.ToEntry([new CheckedServer(LicenseKind.Sentieon, new LicenseServer(address.Host, address.Ports.First, LicenseSource.NameOf(address.Host)), "")]);
    }
}
