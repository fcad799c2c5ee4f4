namespace JunctionRelay.Licensing;

/// <summary>One relay (and behind a link one service) that an import makes.</summary>
/// <param name="Name">In the configurations.</param>
/// <param name="Address">Where compute nodes reach it.</param>
/// <param name="Port">There and at the server: a license server tells its clients numbers, so that they stay the same on the whole way.</param>
/// <param name="Host">The server, as the junction next to it finds it.</param>
/// <param name="Purpose">For the firewall's people.</param>
internal sealed record ImportedRelay(string Name, string Address, int Port, string Host, string Purpose)
{
    /// <summary>What is known of such a server, by its name in <c>presets.json</c>; null where <see cref="Followed"/> says all.</summary>
    public string? Preset { get; init; }

    /// <summary>The daemons to which this server sends its clients, whose ports are followed; null where nothing is.</summary>
    public IReadOnlyList<LicenseDaemon>? Followed { get; init; }

    /// <summary>Their ports, where all of them are pinned; else empty.</summary>
    public IReadOnlyList<int> VendorPorts => Followed is { Count: > 0 } daemons && daemons.All(d => d.Port is not null) ? [.. daemons.Select(d => d.Port!.Value).Order()] : [];
}

/// <summary>A license server in its place: on which address of the junction the nodes find it.</summary>
internal sealed record PlacedServer(LicenseServer Server, LicenseSource Source, string Address, IReadOnlyList<ImportedRelay> Relays)
{
    /// <summary>What a node dials: the server's own name, which the hosts block sends to the junction; without one the junction's address.</summary>
    public string NodeHost => Source.Kind == LicenseKind.Sentieon || Server.Name is null ? Address : Server.Name;
}

/// <summary>
/// Gives each server an address of the junction: the first on which none of its ports is taken, and none can come to be, since all are known. Servers
/// with the same ports need one each; loopback has plenty.
/// </summary>
internal sealed class ServerPlacement(IReadOnlyList<string> addresses)
{
    private readonly List<string> _addresses = [.. addresses];
    private readonly HashSet<(string Address, int Port)> _taken = [];
    private readonly Dictionary<string, bool> _followed = [];   // addresses of servers that are followed; true = whose ports are not all known
    private readonly HashSet<string> _names = new(StringComparer.OrdinalIgnoreCase);

    /// <summary>All servers in their places, or what is in the way.</summary>
    public static (IReadOnlyList<PlacedServer> Servers, string? Problem) Place(IReadOnlyList<LicenseSource> sources, IReadOnlyList<string> addresses)
    {
        var placement = new ServerPlacement(addresses);
        var servers = new List<PlacedServer>();
        // One machine has one address, whatever runs on it: its name cannot mean two.
        foreach (var machine in sources.SelectMany(s => s.Servers.Select(server => (Server: server, Source: s))).GroupBy(s => s.Server.DialHost, StringComparer.OrdinalIgnoreCase))
        {
            var ports = machine.SelectMany(s => Ports(s.Server, s.Source)).ToList();
            if (ports.GroupBy(p => p).FirstOrDefault(p => p.Count() > 1) is { } twice)
                return ([], $"port {twice.Key} of {machine.Key} is named twice, for different things");
            var followed = machine.Where(s => s.Source.Kind == LicenseKind.FlexNet).Select(s => s.Source.Daemons).ToList();
            bool? isOpen = followed.Count == 0 ? null : followed.Exists(d => d.Count == 0 || d.Any(daemon => daemon.Port is null));
            if (placement.AddressFor(ports, isOpen) is not { } address)
            {
                return ([], $"{machine.Key} wants a port ({string.Join(", ", ports)}) that another server has on {string.Join(" and ", addresses)}: " +
                    "give the junction another address, --listen ADDRESS once more");
            }

            servers.AddRange(machine.Select(s => placement.Put(s.Server, s.Source, address)));
        }

        // In the order of the files, which is the order in which clients ask.
        return (sources.SelectMany(s => s.Servers.Select(server => servers.Find(p => p.Server == server && p.Source == s)!)).ToList(), null);
    }

    // Every port that is known to be needed on the server's address.
    private static IEnumerable<int> Ports(LicenseServer server, LicenseSource source) =>
        source.Daemons.Where(d => d.Port is not null).Select(d => d.Port!.Value).Prepend(server.Port);

    // isOpen: whether the server may come to have other ports; null when it is not followed.
    private string? AddressFor(List<int> ports, bool? isOpen)
    {
        var free = _addresses.FindAll(a => ports.TrueForAll(p => !_taken.Contains((a, p))));
        var address = free.Find(a => isOpen is null || !_followed.TryGetValue(a, out var other) || !(isOpen.Value || other)) ?? NextLoopback() ?? free.FirstOrDefault();
        if (address is null)
            return null;
        if (isOpen is not null)
            _followed[address] = isOpen.Value || _followed.GetValueOrDefault(address);
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
        var manager = source.Kind switch { LicenseKind.FlexNet => "lmgrd", LicenseKind.Rlm => "rlm", _ => "Sentieon license server" };
        var relays = new List<ImportedRelay>
        {
            new(name, address, server.Port, server.DialHost, manager)
            {
                Followed = source.Kind == LicenseKind.FlexNet ? source.Daemons : null,
                Preset = source.Kind switch { LicenseKind.Rlm => "rlm", LicenseKind.Sentieon => "sentieon", _ => null },
            },
        };
        // Nobody follows rlm: each of its daemons needs a relay.
        foreach (var daemon in source.Kind == LicenseKind.Rlm ? source.Daemons.Where(d => d.Port is not null) : [])
            relays.Add(new ImportedRelay(Unused($"{name}-{daemon.Name}", daemon.Port!.Value), address, daemon.Port.Value, server.DialHost, $"ISV server {daemon.Name}"));
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
