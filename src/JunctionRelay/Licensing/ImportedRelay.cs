namespace JunctionRelay.Licensing;

/// <summary>One relay (and behind a link one service) that an import makes.</summary>
/// <param name="Name">In the configurations.</param>
/// <param name="Address">Where compute nodes reach it.</param>
/// <param name="Port">There and at the server: a license server tells its clients numbers, so that they stay the same on the whole way.</param>
/// <param name="Host">The server, as the junction next to it finds it.</param>
/// <param name="Purpose">For the firewall's people.</param>
internal sealed record ImportedRelay(string Name, string Address, int Port, string Host, string Purpose);

/// <summary>A license server in its place: on which address of the junction the nodes find it.</summary>
internal sealed record PlacedServer(LicenseServer Server, LicenseSource Source, string Address, IReadOnlyList<ImportedRelay> Relays)
{
    /// <summary>What a node dials: the server's own name, which the hosts block sends to the junction; without one the junction's address.</summary>
    public string NodeHost => Source.Kind == LicenseKind.Sentieon || Server.Name is null ? Address : Server.Name;
}

/// <summary>
/// Gives each server an address of the junction: the first on which none of its ports is taken. Servers with the same ports need one each; loopback
/// has plenty.
/// </summary>
internal sealed class ServerPlacement(IReadOnlyList<string> addresses)
{
    private readonly List<string> _addresses = [.. addresses];
    private readonly HashSet<(string Address, int Port)> _taken = [];
    private readonly HashSet<string> _names = new(StringComparer.OrdinalIgnoreCase);

    /// <summary>All servers in their places, or what is in the way.</summary>
    public static (IReadOnlyList<PlacedServer> Servers, string? Problem) Place(IReadOnlyList<LicenseSource> sources, IReadOnlyList<string> addresses)
    {
        var placement = new ServerPlacement(addresses);
        var servers = new List<PlacedServer>();
        // One machine has one address, whatever runs on it: its name cannot mean two.
        foreach (var machine in sources.SelectMany(s => s.Servers.Select(server => (Server: server, Source: s))).GroupBy(s => s.Server.DialHost, StringComparer.OrdinalIgnoreCase))
        {
            var ports = machine.SelectMany(s => Ports(s.Server, s.Source)).Select(p => p.Port).ToList();
            if (ports.GroupBy(p => p).FirstOrDefault(p => p.Count() > 1) is { } twice)
                return ([], $"port {twice.Key} of {machine.Key} is named twice, for different things");
            if (placement.AddressFor(ports) is not { } address)
            {
                return ([], $"{machine.Key} wants a port ({string.Join(", ", ports)}) that another server has on {string.Join(" and ", addresses)}: " +
                    "give the junction another address, --listen ADDRESS once more");
            }

            servers.AddRange(machine.Select(s => placement.Put(s.Server, s.Source, address)));
        }

        // In the order of the files, which is the order in which clients ask.
        return (sources.SelectMany(s => s.Servers.Select(server => servers.Find(p => p.Server == server && p.Source == s)!)).ToList(), null);
    }

    private static IEnumerable<(int Port, string Purpose, string Suffix)> Ports(LicenseServer server, LicenseSource source)
    {
        var manager = source.Kind switch { LicenseKind.FlexNet => "lmgrd", LicenseKind.Rlm => "rlm", _ => "Sentieon license server" };
        yield return (server.Port, manager, "");
        foreach (var daemon in source.Daemons)
        {
            if (daemon.Port is { } port)
                yield return (port, $"{(source.Kind == LicenseKind.Rlm ? "ISV server" : "vendor daemon")} {daemon.Name}", $"-{daemon.Name}");
        }
    }

    private string? AddressFor(List<int> ports)
    {
        var address = _addresses.Find(a => ports.TrueForAll(p => !_taken.Contains((a, p)))) ?? NextLoopback();
        if (address is null)
            return null;
        foreach (var port in ports)
            _taken.Add((address, port));
        return address;
    }

    // 127.0.0.1, 127.0.0.2, …: on Linux and Windows all of 127.0.0.0/8 is this machine.
    private string? NextLoopback()
    {
        const string Loopback = "127.0.0.";
        if (!_addresses.TrueForAll(a => a.StartsWith(Loopback, StringComparison.Ordinal)) || _addresses.Count >= 250)
            return null;
        for (var last = 1; ; last++)
        {
            if (_addresses.Contains($"{Loopback}{last}"))
                continue;
            _addresses.Add($"{Loopback}{last}");
            return _addresses[^1];
        }
    }

    private PlacedServer Put(LicenseServer server, LicenseSource source, string address)
    {
        var name = Unused(Label(server.Name ?? server.Host), server.Port);
        var relays = Ports(server, source).Select(p => new ImportedRelay(
            p.Suffix.Length == 0 ? name : Unused($"{name}{p.Suffix}", p.Port), address, p.Port, server.DialHost, p.Purpose)).ToList();
        return new PlacedServer(server, source, address, relays);
    }

    // lic1.corp.example.com → lic1; of an address all of it, without what separates levels.
    private static string Label(string host) => LicenseNames.IsAddress(host) ? host.Replace('.', '-').Replace(':', '-').Trim('-') : host.Split('.')[0];

    private string Unused(string name, int port)
    {
        const int Longest = 63;
        name = name.Length > Longest - 6 ? name[..(Longest - 6)] : name;
        var candidate = _names.Contains(name) ? $"{name}-{port}" : name;
        for (var i = 2; !_names.Add(candidate); i++)
            candidate = $"{name}-{i}";
        return candidate;
    }
}
