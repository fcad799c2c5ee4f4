namespace JunctionRelay.Licensing;

/// <summary>What the person who imports says, beside the license files.</summary>
internal sealed record ImportOptions
{
    /// <summary>Addresses on which compute nodes reach the junction; one for each server where ports collide.</summary>
    public required IReadOnlyList<string> Listen { get; init; }

    /// <summary>The enterprise junction as the cloud junction dials it; null for one junction that reaches the servers itself.</summary>
    public (string Host, int Port)? Enterprise { get; init; }

    /// <summary>Address ranges of the compute nodes; empty = anybody who reaches the addresses.</summary>
    public IReadOnlyList<string> Nodes { get; init; } = [];

    /// <summary>What the one server is called whose file does not say.</summary>
    public string? ServerName { get; init; }
}

/// <summary>What an import found.</summary>
/// <param name="Servers">In the order in which clients ask them.</param>
/// <param name="Remarks">What will bite.</param>
/// <param name="Problems">What keeps it from being of use.</param>
internal sealed record ImportedServers(IReadOnlyList<PlacedServer> Servers, IReadOnlyList<LicenseRemark> Remarks, IReadOnlyList<string> Problems);

/// <summary>
/// From license files to the license servers that they speak of: files about the same server become one, what will bite is said, with the line that mends
/// it.
/// </summary>
internal sealed class LicenseImport
{
    private readonly ImportOptions _options;
    private readonly List<LicenseSource> _sources = [];
    private readonly List<LicenseRemark> _remarks = [];
    private readonly List<string> _problems = [];

    private LicenseImport(ImportOptions options) => _options = options;

    /// <summary>Imports files, and servers that were named without one.</summary>
    public static ImportedServers Read(IEnumerable<LicenseFile> files, IEnumerable<LicenseSource> others, ImportOptions options)
    {
        var import = new LicenseImport(options);
        import.AddAll(files, others);
        return new ImportedServers(import.Place(), import._remarks, import._problems);
    }

    /// <summary>The servers alone, wherever they are put, and what keeps them from being of use.</summary>
    public static (IReadOnlyList<LicenseSource> Sources, IReadOnlyList<string> Problems) Sources(
        IEnumerable<LicenseFile> files, IEnumerable<LicenseSource> others, string? serverName)
    {
        var import = new LicenseImport(new ImportOptions { Listen = [], ServerName = serverName });
        import.AddAll(files, others);
        return (import._sources, import._problems);
    }

    private void AddAll(IEnumerable<LicenseFile> files, IEnumerable<LicenseSource> others)
    {
        foreach (var file in files)
            Add(file);
        foreach (var source in others)
            Add(source, "");
    }

    private IReadOnlyList<PlacedServer> Place()
    {
        if (_problems.Count > 0)
            return [];
        var (servers, crowded) = ServerPlacement.Place(_sources, _options.Listen);
        if (crowded is not null)
            _problems.Add(crowded);
        // The nodes' hosts file sends the server's name to the junction: on the junction's own host it would send the junction to itself.
        if (_options.Enterprise is null && servers.Any(s => LicenseNames.IsNobody(s.Address)))
            _problems.Add("a junction that reaches the servers itself cannot be on the nodes; say where they reach it: --listen ADDRESS");
        RemarkShared(servers);
        return servers;
    }

    // Ports that nobody knows yet may collide one day.
    private void RemarkShared(IReadOnlyList<PlacedServer> servers)
    {
        foreach (var shared in servers.Where(s => s.Source.Kind == LicenseKind.FlexNet).GroupBy(s => s.Address))
        {
            var hosts = shared.Select(s => s.Server.DialHost).Distinct(StringComparer.OrdinalIgnoreCase).ToList();
            if (hosts.Count > 1 && shared.Any(s => s.Relays[0].VendorPorts.Count == 0))
            {
                _remarks.Add(new LicenseRemark(
                    shared.Key, $"{string.Join(" and ", hosts)} share this address, and not all of their vendor ports are known: should two ever be the same, the second is refused. " +
                    "Pin them, or give the junction another address, --listen ADDRESS once more"));
            }
        }
    }

    private void Add(LicenseFile file)
    {
        _remarks.AddRange(file.Remarks);
        var servers = file.Servers.Select(s => Server(file, s)).ToList();
        RemarkUnpinned(file, servers);

        var daemons = file.Daemons.Select(d => new LicenseDaemon(d.Name, d.Port)).ToList();
        if (servers.Count is 1 or 3)
        {
            Add(new LicenseSource(file.Kind, servers, daemons), file.Name);
            return;
        }

        _remarks.Add(new LicenseRemark(
            $"{file.Name}:{file.Servers[1].Line}", $"the file has {servers.Count} SERVER lines; a license has one, or three that stand in for each other. Each is taken for a server of its own"));
        foreach (var server in servers)
            Add(new LicenseSource(file.Kind, [server], daemons), file.Name);
    }

    // Files about the same servers, one for each vendor, are one source.
    private void Add(LicenseSource source, string file)
    {
        var known = _sources.FindIndex(s => s.Kind == source.Kind && s.Servers.Select(Key).SequenceEqual(source.Servers.Select(Key)));
        if (known < 0)
        {
            _sources.Add(source);
            return;
        }

        var daemons = _sources[known].Daemons.ToList();
        foreach (var daemon in source.Daemons)
        {
            var same = daemons.FindIndex(d => d.Name.Equals(daemon.Name, StringComparison.OrdinalIgnoreCase));
            if (same < 0)
                daemons.Add(daemon);
            else if (daemons[same].Port is null)
                daemons[same] = daemon;
            else if (daemon.Port is not null && daemon.Port != daemons[same].Port)
                _remarks.Add(new LicenseRemark(file, $"{daemon.Name} has the port {daemon.Port} here and {daemons[same].Port} in a file before; that one is taken"));
        }

        _sources[known] = _sources[known] with { Daemons = daemons };
    }

    private LicenseServer Server(LicenseFile file, LicenseServerLine line)
    {
        var manager = file.Kind == LicenseKind.Rlm ? "rlm" : "lmgrd";
        var where = $"{file.Name}:{line.Line}";
        var port = line.Port ?? LicenseSource.DefaultPort(file.Kind);
        var name = LicenseSource.NameOf(line.Host) ?? _options.ServerName;
        var wrong = new List<string>();
        if (LicenseNames.IsNobody(line.Host))
            wrong.Add($"{line.Host} means another machine on every machine: a client that reads it asks itself (-95 or -15)");
        else if (name is null)
            wrong.Add($"{line.Host} is an address, which no hosts file can send to the junction; clients are sent on to whatever the server calls itself: name it here, or say --server-name NAME");
        if (line.Port is null && file.Kind == LicenseKind.Rlm)
            wrong.Add($"no port is given; {port}, {manager}'s own, is taken");
        else if (line.Port is null)
            wrong.Add($"no port is given, so that {manager} takes the first free one from 27000 to 27009; {port} is taken here");
        if (wrong.Count > 0)
        {
            var host = LicenseNames.IsNobody(line.Host) || name is null ? name ?? "NAME-OF-THE-SERVER" : line.Host;
            _remarks.Add(new LicenseRemark(where, string.Join("; ", wrong), $"{line.Keyword} {host} {Hostid} {port} {line.Tail}".TrimEnd()));
        }

        if (LicenseNames.IsNobody(line.Host) && name is null)
            _problems.Add($"{where}: the file does not say which machine the server is ({line.Keyword} {line.Host}); say it: --server-name NAME");
        if (name?.Length > FlexLmHello.MaxHostBytes && file.Kind == LicenseKind.FlexNet)
            _remarks.Add(new LicenseRemark(where, $"{name} has {name.Length} letters; some clients take no more than {FlexLmHello.MaxHostBytes}"));
        return new LicenseServer(line.Host, port, name);
    }

    private void RemarkUnpinned(LicenseFile file, List<LicenseServer> servers)
    {
        var taken = file.Daemons.Select(d => d.Port).Concat(servers.Select(s => (int?)s.Port)).ToHashSet();
        foreach (var daemon in file.Daemons.Where(d => d.Port is null))
        {
            var port = daemon.Meant ?? servers.Max(s => s.Port) + 1;
            while (port > ushort.MaxValue || !taken.Add(port))
                port = port >= ushort.MaxValue ? 1024 : port + 1;
            _remarks.Add(new LicenseRemark(
                $"{file.Name}:{daemon.Line}", file.Kind == LicenseKind.Rlm
                    ? $"the port of {daemon.Name} is not pinned: it changes at every start of the server, and no relay can be made for it"
                    : $"the port of {daemon.Name} is not pinned: it changes at every start of the server. junction follows it; a firewall between the nodes and the junction cannot",
                $"{daemon.Text} {(file.Kind == LicenseKind.Rlm ? "port" : "PORT")}={port}"));
        }
    }

    private static (string, int) Key(LicenseServer server) => (server.Host.ToUpperInvariant(), server.Port);

    /// <summary>Stands in lines to change for what must stay as it is.</summary>
    private const string Hostid = "(the hostid as it is)";
}
