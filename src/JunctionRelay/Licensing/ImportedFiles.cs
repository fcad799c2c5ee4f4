namespace JunctionRelay.Licensing;

/// <summary>The files that an import leaves: configurations, and what nodes and firewalls need.</summary>
/// <param name="servers">In the order in which clients ask them.</param>
/// <param name="made">The command that made them, for their first lines.</param>
internal sealed class ImportedFiles(IReadOnlyList<PlacedServer> servers, ImportOptions options, string made)
{
    /// <summary>The name that the enterprise junction's certificate bears.</summary>
    private const string Enterprise = "enterprise";

    /// <summary>… and that of the cloud's; where each node has a junction of its own, what their names have in common.</summary>
    private string Cloud => servers.Any(s => LicenseNames.IsNobody(s.Address)) ? "node-*" : "cloud";

    /// <summary>Names and contents.</summary>
    public IReadOnlyList<(string Name, string Text)> All()
    {
        var files = new List<(string, string)>();
        if (options.Enterprise is null)
            files.Add(("junction.json", Junction()));
        else
            files.AddRange([("cloud.json", CloudJunction()), ("enterprise.json", EnterpriseJunction())]);
        files.AddRange(ClientFiles());
        files.Add(("license.env", EnvironmentScript.Write(LicenseVariable.Of(servers), Shell.Sh)));
        var names = servers.Where(s => s.NodeHost != s.Address).Select(s => (s.Address, s.NodeHost)).ToList();
        if (names.Count > 0)
            files.Add(("hosts", HostsBlock.Of(names)));
        files.Add(("firewall.md", FirewallSheet.Of(servers, options)));
        return files;
    }

    private IEnumerable<ImportedRelay> Relays => servers.SelectMany(s => s.Relays);

    private string Junction() =>
        Head("One junction between the compute nodes and the license servers.") + "{\n" + RelaySection(r => HostAndPort(r.Host, r.Port)) + "}\n";

    private string CloudJunction() =>
        Head("The cloud junction: compute nodes connect to it, and it dials the enterprise junction.") + $$"""
        {
          // junction.crt, junction.key and ca.crt, as `junction enroll` leaves them; the certificate bears the name "{{Cloud}}".
          "identity": { "directory": "identity" },
          "links": { "{{Enterprise}}": { "dial": ["{{HostAndPort(options.Enterprise!.Value.Host, options.Enterprise.Value.Port)}}"] } },

        """ + RelaySection(r => $"link://{Enterprise}/{r.Name}") + "}\n";

    private string EnterpriseJunction() =>
        Head("The enterprise junction: the cloud junction dials it, and it reaches the license servers.") + $$"""
        {
          // junction.crt, junction.key and ca.crt, as `junction pki issue` leaves them; the certificate bears the name "{{Enterprise}}".
          "identity": { "directory": "identity" },
          // The authority, as `junction pki init` makes it: the other junction joins and renews here. With certificates of your own leave this line out.
          "pki": { "directory": "pki" },
          "linkListen": ["[::]:{{options.Enterprise!.Value.Port}}"],

        """ + Section("services", Relays.Select(r => $$"""
        "{{r.Name}}": { {{Preset(r)}}"target": ["{{HostAndPort(r.Host, r.Port)}}"]{{Protocol(r)}} }
        """)) + ",\n" + $$"""
          "peers": { "{{Cloud}}": { "services": [{{string.Join(", ", Relays.Select(r => $"\"{r.Name}\""))}}] } }
        }

        """;

    private string RelaySection(Func<ImportedRelay, string> target)
    {
        var allow = options.Nodes.Count == 0 ? "" : $", \"allow\": [{string.Join(", ", options.Nodes.Select(n => $"\"{n}\""))}]";
        return Section("relays", servers.SelectMany(s => s.Relays.Select(r => $$"""
        "{{r.Name}}": { {{Preset(r)}}"listen": ["{{HostAndPort(r.Address, r.Port)}}"], "target": ["{{target(r)}}"]{{HostName(s)}}{{Protocol(r)}}{{(LicenseNames.IsNobody(r.Address) ? "" : allow)}} }
        """))) + "\n";
    }

    // By it env knows the variable, and check the vendor's own program.
    private static string Preset(ImportedRelay relay) => relay.Preset is { } preset ? $"\"preset\": \"{preset}\", " : "";

    // What the nodes call the server: behind a link the target does not say it.
    private string HostName(PlacedServer server) => options.Enterprise is not null && server.NodeHost != server.Address ? $", \"hostName\": \"{server.NodeHost}\"" : "";

    // The same at both junctions: where clients connect the vendor port is opened, where the server is it is permitted.
    private static string Protocol(ImportedRelay relay) => relay.Followed is null ? ""
        : $", \"protocol\": \"flexlm\"{(relay.VendorPorts.Count == 0 ? "" : $", \"vendorPorts\": [{string.Join(", ", relay.VendorPorts.Select(p => $"\"{p}\""))}]")}";

    private static string Section(string name, IEnumerable<string> entries) => $"  \"{name}\": {{\n    {string.Join(",\n    ", entries)}\n  }}";

    private string Head(string what) => $"// {what}\n// Made by `{made}`.\n";

    // The clients of a triad find it by the variable alone.
    private IEnumerable<(string Name, string Text)> ClientFiles()
    {
        var single = servers.Where(s => !s.Source.IsTriad && s.Source.Kind != LicenseKind.Sentieon).ToList();
        return single.Select(s => (single.Count == 1 ? "client.lic" : $"client-{s.Relays[0].Name}.lic", s.Source.Kind == LicenseKind.Rlm
            ? $"HOST {s.NodeHost} any {s.Server.Port}\n"
            : $"SERVER {s.NodeHost} ANY {s.Server.Port}\nUSE_SERVER\n"));
    }

    private static string HostAndPort(string host, int port) => host.Contains(':') ? $"[{host}]:{port}" : $"{host}:{port}";
}
