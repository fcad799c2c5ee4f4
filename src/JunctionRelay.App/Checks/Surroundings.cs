using JunctionRelay.App.CommandLine;
using JunctionRelay.Licensing;

namespace JunctionRelay.App.Checks;

/// <summary>What can lead a licensed program of this user elsewhere, whatever a junction does: variables, and the file in which FlexNet clients keep servers of before.</summary>
internal static class Surroundings
{
    private const string Kept = ".flexlmrc";
    private const int MostLines = 20;

    /// <summary>One line for each.</summary>
    public static IReadOnlyList<string> Read(IReadOnlyDictionary<string, string> environment, string home)
    {
        var lines = environment.Where(v => LicenseVendors.IsVariable(v.Key, v.Value) || v.Key is "ANSYSLI_SERVERS" or "FLEXLM_TIMEOUT" or "FLEXLM_BATCH").OrderBy(v => v.Key, StringComparer.Ordinal)
            .Select(v => $"{v.Key}={LicenseNames.Printable(v.Value)}{LicenseNames.Printable(Stale(v.Key, v.Value))}").ToList();
        if (environment.ContainsKey("LM_LICENSE_FILE") && environment.Keys.Any(k => LicenseVendors.Of(k) is not null))
            lines.Add("programs ask the servers of their vendor's own variable before those of LM_LICENSE_FILE");
        lines.AddRange(KeptServers(Path.Combine(home, Kept)));
        return lines;
    }

    // Entries that lead nowhere, so that a program asks the others or none.
    private static string Stale(string name, string value)
    {
        if (!LicenseVendors.IsVariable(name, value)) return "";
        if (name == LicenseVendors.Sentieon) return LicenseArguments.NoHostAndPort(value) is null || File.Exists(value) ? "" : " (neither HOST:PORT nor a file that is there)";
        if (LicenseSource.ListFromVariable(value) is not null) return "";
        var gone = LicenseVendors.Entries(value).Where(e => LicenseSource.ListFromVariable(e) is null && !File.Exists(e)).ToList();
        return gone.Count == 0 ? "" : $" ({string.Join(", ", gone)}: neither PORT@HOST nor a file that is there)";
    }

    private static IEnumerable<string> KeptServers(string file)
    {
        try
        {
            return File.Exists(file)
                ? [.. File.ReadLines(file).Where(l => l.Contains('=', StringComparison.Ordinal)).Take(MostLines).Select(l => $"~/{Kept}: {LicenseNames.Printable(l.Trim())}"),
                    $"FlexNet clients ask the servers in ~/{Kept} as well: delete lines that are out of date"]
                : [];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return [$"~/{Kept} cannot be read: {e.Message}"];
        }
    }
}
