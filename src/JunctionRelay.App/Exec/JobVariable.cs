using System.Text.RegularExpressions;
using JunctionRelay.App.CommandLine;
using JunctionRelay.Configuration;
using JunctionRelay.Licensing;

namespace JunctionRelay.App.Exec;

/// <summary>A server that a job wants to reach.</summary>
/// <param name="Host">As the job calls it.</param>
/// <param name="IsFollowed">It is an lmgrd, or may be one.</param>
internal sealed record JobServer(string Host, PortRange Ports, bool IsFollowed);

/// <summary>A license variable that a job already has: <c>LM_LICENSE_FILE=27000@lic1:27000@lic2</c>, <c>SENTIEON_LICENSE=lic3:8990</c>, or a license file's path in either.</summary>
internal sealed partial record JobVariable(string Name, string Value)
{
    private const string Sentieon = "SENTIEON_LICENSE";

    /// <summary>The license variables of an environment.</summary>
    public static IReadOnlyList<JobVariable> Of(IReadOnlyDictionary<string, string> environment) =>
        [.. environment.Where(v => v.Value.Length > 0 && IsLicense(v.Key)).OrderBy(v => v.Key, StringComparer.Ordinal).Select(v => new JobVariable(v.Key, v.Value))];

    /// <summary>The servers that it names; of license files those that stand in them.</summary>
    public IReadOnlyList<JobServer> Servers
    {
        get
        {
            var servers = new List<JobServer>();
            foreach (Match entry in Entries().Matches(Value))
            {
                if (Server(entry) is { } server) servers.Add(server);
                else if (File.Exists(entry.Value) && LicenseArguments.ReadFile(entry.Value).File is { } file) servers.AddRange(Of(file));
            }

            return servers;
        }
    }

    /// <summary>The value with each server's host replaced.</summary>
    public string With(Func<string, string> host) =>
        Entries().Replace(Value, entry => Server(entry) is { } server ? Name == Sentieon ? $"{Bracketed(host(server.Host))}:{server.Ports}" : $"{server.Ports}@{host(server.Host)}" : entry.Value);

    private static bool IsLicense(string name) =>
        name is Sentieon or "LM_LICENSE_FILE" or "CDS_LIC_FILE" or "RLM_LICENSE" || name.EndsWith("_LICENSE_FILE", StringComparison.Ordinal) || name.EndsWith("_LICENSE", StringComparison.Ordinal);

    private bool IsFollowed => Name == "CDS_LIC_FILE" || Name.EndsWith("_LICENSE_FILE", StringComparison.Ordinal);

    private JobServer? Server(Match entry)
    {
        if (Name == Sentieon)
            return TargetAddress.Read(Value, out _) is { Scheme: "", UnixPath: null, Count: 1 } address && !LicenseNames.IsNobody(address.Host) ? new JobServer(address.Host, address.Ports, false) : null;
        var server = LicenseSource.FromVariable(entry.Value)?.Servers[0];
        return server is null || LicenseNames.IsNobody(server.Host) ? null : new JobServer(server.Host, new PortRange(server.Port, server.Port), IsFollowed);
    }

    private static IEnumerable<JobServer> Of(LicenseFile file)
    {
        var (sources, _) = LicenseImport.Sources([file], [], null);
        return sources.SelectMany(s => s.Servers.Select(server => new JobServer(server.DialHost, new PortRange(server.Port, server.Port), s.Kind == LicenseKind.FlexNet)))
            .Where(s => !LicenseNames.IsNobody(s.Host));
    }

    // Of a Sentieon license there is one.
    private Regex Entries() => Name == Sentieon ? Whole() : Listed();

    private static string Bracketed(string host) => host.Contains(':', StringComparison.Ordinal) ? $"[{host}]" : host;

    [GeneratedRegex(@"^.+$")]
    private static partial Regex Whole();

    [GeneratedRegex(@"[^:;,]+")]
    private static partial Regex Listed();
}
