using System.Net;
using JunctionRelay.Licensing;

namespace JunctionRelay.Configuration;

/// <summary>What compute nodes must set to use the relays of a configuration.</summary>
internal static class NodeEnvironment
{
    /// <summary>
    /// A variable for each relay that follows a license server or whose preset has one. A node finds the relay under <paramref name="junction"/>; else under <c>rewriteHost</c>, or the name that the hosts block
    /// gives it, <c>hostName</c> or the target's; else at its listen address.
    /// </summary>
    public static (IReadOnlyList<LicenseVariable> Variables, IReadOnlyList<string> Problems) Of(JunctionConfig config, string? junction)
    {
        var (variables, problems, presets) = (new List<LicenseVariable>(), new List<string>(), new Presets(config.Presets));
        foreach (var (name, relay) in config.Relays ?? new Dictionary<string, RelayConfig>())
        {
            var preset = presets.Find(relay.Preset);
            if ((preset?.Variable ?? (relay.Protocol is null ? null : presets.Find("flexnet")!.Variable)) is not { } variable)
                continue;
            var listen = ListenAddress.Read(relay.Listen![0], out _)!;
            if (listen.UnixPath is not null || (junction ?? relay.RewriteHost ?? NodeHosts.NameOf(relay) ?? AddressOf(listen)) is not { } host)
            {
                problems.Add($"relays.{name}: where the nodes find it is not known; say it: --junction HOST");
                continue;
            }

            var bracketed = host.Contains(':') ? $"[{host}]" : host;
            LicenseVariable.Add(variables, variable, preset?.Entry == "host:port" ? $"{bracketed}:{listen.Ports.First}" : $"{listen.Ports.First}@{host}");
        }

        if (variables.Count == 0 && problems.Count == 0)
            problems.Add("no relay says whose licenses it carries; write it (\"preset\": \"ansys\"), or name a license file");
        return (variables, problems);
    }

    private static string? AddressOf(ListenAddress listen) =>
        listen.Address is { } address && !address.Equals(IPAddress.Any) && !address.Equals(IPAddress.IPv6Any) ? address.ToString() : null;
}
