using System.Text;

namespace JunctionRelay.Licensing;

/// <summary>What to ask the firewall's people for: one line for each thing that must pass.</summary>
internal static class FirewallSheet
{
    private const string Unpinned = "1024-65535: another one at every start of the server, unless its file pins it";

    public static string Of(IReadOnlyList<PlacedServer> servers, ImportOptions options)
    {
        var text = new StringBuilder("""
            # Firewall request

            Everything is TCP. The side in *source* opens the connection; answers travel back on it.

            | source | destination | port | direction | purpose |
            |---|---|---|---|---|

            """);
        var nodes = options.Nodes.Count == 0 ? "compute nodes" : $"compute nodes {string.Join(", ", options.Nodes)}";
        var relays = servers.SelectMany(s => s.Relays).ToList();
        // On loopback the nodes have the cloud junction with them.
        var (near, far) = options.Enterprise is null ? ("junction", "junction")
            : (relays.TrueForAll(r => LicenseNames.IsNobody(r.Address)) ? nodes : "cloud junction", "enterprise junction");
        foreach (var relay in relays.Where(r => !LicenseNames.IsNobody(r.Address)))
            Rows(relay, nodes, $"{near} {relay.Address}", $"into the {near}");
        if (options.Enterprise is { } enterprise)
            Row(near, $"{far} {enterprise.Host}", $"{enterprise.Port}", "out of the cloud, into the enterprise", "link between the junctions: TLS 1.3, certificates both ways; carries all of the others");
        foreach (var relay in relays)
            Rows(relay, far, relay.Host, "within the enterprise");
        return text.ToString();

        void Rows(ImportedRelay relay, string source, string destination, string direction)
        {
            Row(source, destination, $"{relay.Port}", direction, relay.Purpose);
            foreach (var daemon in relay.Followed ?? [])
                Row(source, destination, daemon.Port is { } port ? $"{port}" : Unpinned, direction, $"vendor daemon {daemon.Name}");
            if (relay.Followed is { Count: 0 })
                Row(source, destination, Unpinned, direction, "vendor daemon");
        }

        void Row(string source, string destination, string port, string direction, string purpose) =>
            text.Append($"| {source} | {destination} | {port} | {direction} | {purpose} |\n");
    }
}
