using System.Globalization;

namespace JunctionRelay.Scenarios.Harness;

/// <summary>
/// License servers as sites have them, followed over a link: node → cloud ═link═ enterprise → one server or several, each machine a host of its own. The node knows the
/// servers by their own names, which mean addresses of the cloud junction there, one for each server; it sets nothing but the license variable.
/// </summary>
internal sealed class LicenseSite : IAsyncDisposable
{
    public const int Lmgrd = 27000;
    private const int LinkPort = 8443;

    private readonly NetworkNamespaces _hosts;
    private readonly TemporaryFolder _folder = new();
    private readonly int _servers;
    private readonly List<Host> _machines = [];
    private readonly List<JunctionProcess> _junctions = [];
    private Host? _cloud;
    private Host? _enterprise;

    private LicenseSite(NetworkNamespaces hosts, int servers) => (_hosts, _servers) = (hosts, servers);

    public Host Node { get; private set; } = Host.Machine;

    public JunctionProcess Cloud => _junctions[1];

    public JunctionProcess Enterprise => _junctions[0];

    /// <summary>What server number <paramref name="server"/> calls itself.</summary>
    public static string Name(int server) => string.Create(CultureInfo.InvariantCulture, $"lic{server + 1}.test");

    private static string Entrance(int server) => string.Create(CultureInfo.InvariantCulture, $"10.95.1.{server + 1}");

    private static string ServerAddress(int server) => string.Create(CultureInfo.InvariantCulture, $"10.95.{20 + server}.2");

    /// <summary>Sets up the hosts and lays the cables: node to cloud, cloud to enterprise, enterprise to each server.</summary>
    public static async Task<LicenseSite> Lay(int servers)
    {
        var site = new LicenseSite(await NetworkNamespaces.Create(), servers);
        try
        {
            await site.LayCables();
            return site;
        }
        catch
        {
            await site.DisposeAsync();
            throw;
        }
    }

    /// <summary>Starts a license server on its machine.</summary>
    public Task<SimulatedLicenses> Serve(int server, int vendorPort, int seats, string? master = null) =>
        SimulatedLicenses.Start(ServerAddress(server), Lmgrd, vendorPort, seats, _machines[server], Name(server), master);

    /// <summary>Starts both junctions and waits for their link.</summary>
    public async Task Open()
    {
        using var authority = new TestCertificates(_folder);
        string Each(Func<int, string> line) => string.Join(", ", Enumerable.Range(0, _servers).Select(line));
        _junctions.Add(await JunctionProcess.Start($$"""
            {
              "identity": {{authority.Identity("enterprise")}},
              "linkListen": ["10.95.10.2:{{LinkPort}}"],
              "services": { {{Each(s => $$""" "lmgrd{{s + 1}}": { "target": ["{{Name(s)}}:{{Lmgrd}}"], "protocol": "flexlm" } """)}} },
              "peers": { "cloud": { "services": ["lmgrd*"] } }
            }
            """, new ProgramOptions { Host = _enterprise! }));
        _junctions.Add(await JunctionProcess.Start($$"""
            {
              "identity": {{authority.Identity("cloud")}},
              "links": { "enterprise": { "dial": ["10.95.10.2:{{LinkPort}}"] } },
              "relays": { {{Each(s => $$""" "lmgrd{{s + 1}}": { "listen": ["{{Entrance(s)}}:{{Lmgrd}}"], "target": ["link://enterprise/lmgrd{{s + 1}}"], "protocol": "flexlm" } """)}} }
            }
            """, new ProgramOptions { Host = _cloud! }));
        await Cloud.Line("link with enterprise is up", Deadline.Start);
    }

    /// <summary>Starts a client on the node that follows every redirect by name, says <c>held</c>, and holds its seats until its input ends.</summary>
    /// <param name="from">Numbers of the servers that its license variable names: one, or the three of a triad.</param>
    public RealProgram Client(int[] from, int seats = 1)
    {
        string[] servers = from.Length == 1 ? ["--server", $"{Name(from[0])}:{Lmgrd}"] : ["--triad", string.Join(',', from.Select(s => $"{Lmgrd}@{Name(s)}"))];
        return RealProgram.Start(
            JunctionProcess.Binary(), ["simulate-client", .. servers, "--count", $"{seats}", "--heartbeat", "1", "--hold"], new ProgramOptions { Host = Node, StopSignal = Signal.Kill });
    }

    /// <summary>Every TCP port on which anybody listens at the cloud and at the enterprise junction, as their kernels tell.</summary>
    public async Task<(IReadOnlyList<int> Cloud, IReadOnlyList<int> Enterprise)> OpenPorts() => (await OpenPorts(_cloud!), await OpenPorts(_enterprise!));

    /// <summary>
    /// Connects to every TCP port from 1 to 65535 of both junctions' machines, on every side: from the machines that their cables lead to, and on loopback. What let us in,
    /// as <c>address:port</c>.
    /// </summary>
    public async Task<(IReadOnlyList<string> Cloud, IReadOnlyList<string> Enterprise)> ScanAllPorts()
    {
        var found = await Task.WhenAll(
            PortScan.AllOpen(Node, Entrance(0)), PortScan.AllOpen(_enterprise!, "10.95.10.1"), PortScan.AllOpen(_cloud!, PortScan.Loopback),
            PortScan.AllOpen(_cloud!, "10.95.10.2"), PortScan.AllOpen(_machines[0], "10.95.20.1"), PortScan.AllOpen(_enterprise!, PortScan.Loopback));
        return ([.. found[..3].SelectMany(f => f)], [.. found[3..].SelectMany(f => f)]);
    }

    public string Trouble() => string.Join('\n', _junctions.Select(j => $"{j.Name}:\n{j.Trouble()}"));

    public async ValueTask DisposeAsync()
    {
        foreach (var junction in _junctions)
            await junction.DisposeAsync();
        await _hosts.DisposeAsync();
        _folder.Dispose();
    }

    private static async Task<IReadOnlyList<int>> OpenPorts(Host host)
    {
        var listening = await RealProgram.Succeed("ss", ["-H", "-l", "-t", "-n"], new ProgramOptions { Host = host });
        return [.. listening.Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Select(l => int.Parse(l.Split(' ', StringSplitOptions.RemoveEmptyEntries)[3].Split(':')[^1], CultureInfo.InvariantCulture)).Distinct().Order()];
    }

    private async Task LayCables()
    {
        var servers = Enumerable.Range(0, _servers).ToList();
        Node = await _hosts.AddHost("node", [.. servers.Select(s => $"{Entrance(s)} {Name(s)}")]);
        _cloud = await _hosts.AddHost("cloud");
        _enterprise = await _hosts.AddHost("enterpr", [.. servers.Select(s => $"{ServerAddress(s)} {Name(s)}")]);
        await NetworkNamespaces.Connect(Node, ["10.95.1.100/24"], _cloud, [.. servers.Select(s => $"{Entrance(s)}/24")]);
        await NetworkNamespaces.Connect(_cloud, ["10.95.10.1/24"], _enterprise, ["10.95.10.2/24"]);
        foreach (var server in servers)
        {
            _machines.Add(await _hosts.AddHost($"lic{server + 1}"));
            await NetworkNamespaces.Connect(_enterprise, [$"10.95.{20 + server}.1/24"], _machines[server], [$"{ServerAddress(server)}/24"]);
        }
    }
}
