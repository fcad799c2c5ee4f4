using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace JunctionRelay.Scenarios.Harness;

/// <summary>What clients connect to at the entrance of a route, and where it leads.</summary>
/// <param name="Name">The relay, and over links the service.</param>
/// <param name="Listen">The port at the entrance, or with a single junction a range of ports.</param>
/// <param name="Target">The port of the server, or a range as long.</param>
internal sealed record RoutePort(string Name, string Listen, string Target)
{
    public RoutePort(string name, int listen, int target)
        : this(name, listen.ToString(CultureInfo.InvariantCulture), target.ToString(CultureInfo.InvariantCulture))
    {
    }
}

/// <summary>How the links of a route are configured, where it matters.</summary>
internal sealed record RouteLinks
{
    /// <summary>How long streams outlive the connection of their link, at both ends.</summary>
    public string Resume { get; init; } = "60s";

    /// <summary>How often either end asks for a sign of life.</summary>
    public string Ping { get; init; } = "5s";

    /// <summary>The port that is dialled: another than <see cref="Route.LinkPort"/> where something lies in between.</summary>
    public int DialPort { get; init; } = Route.LinkPort;
}

/// <summary>
/// The way from a client to a server over one junction or several, each of them and both ends on a host of their own, with no cables but those on the way:
/// what arrives went through every junction, and the logs of all of them say so.
/// </summary>
internal sealed class Route : IAsyncDisposable
{
    /// <summary>client → junction → server.</summary>
    public const string OneJunction = "one junction";

    /// <summary>client → cloud ═link═ enterprise → server; the cloud dials.</summary>
    public const string Pair = "pair";

    /// <summary>The same, but the enterprise dials out.</summary>
    public const string Reverse = "reverse";

    /// <summary>client → cloud ═link═ dmz ═link═ enterprise → server; cloud and enterprise both dial the DMZ.</summary>
    public const string Chain = "chain";

    /// <summary>Where the client connects to.</summary>
    public const string Entrance = "10.93.1.1";

    /// <summary>Where the server listens.</summary>
    public const string ServerAddress = "10.93.9.2";

    /// <summary>Where junctions take links.</summary>
    public const int LinkPort = 8443;

    private readonly NetworkNamespaces _hosts;
    private readonly TemporaryFolder _folder = new();
    private readonly bool[] _leftDials;
    private readonly List<JunctionProcess> _junctions = [];
    private RouteLinks _links = new();

    private Route(NetworkNamespaces hosts, bool[] leftDials) => (_hosts, _leftDials) = (hosts, leftDials);

    public Host Client { get; private set; } = Host.Machine;

    public Host Server { get; private set; } = Host.Machine;

    /// <summary>Where the junctions stand, from the client to the server.</summary>
    public IReadOnlyList<Host> Hosts { get; private set; } = [];

    /// <summary>From the client to the server.</summary>
    public IReadOnlyList<JunctionProcess> Junctions => _junctions;

    /// <summary>Sets up the hosts and lays the cables.</summary>
    public static async Task<Route> Lay(string topology)
    {
        var (names, leftDials) = topology switch
        {
            OneJunction => (new[] { "junction" }, Array.Empty<bool>()),
            Pair => (["cloud", "enterprise"], [true]),
            Reverse => (["cloud", "enterprise"], [false]),
            Chain => (["cloud", "dmz", "enterprise"], [true, false]),
            _ => throw new ArgumentOutOfRangeException(nameof(topology), topology, "no such route"),
        };
        var route = new Route(await NetworkNamespaces.Create(), leftDials);
        try
        {
            await route.LayCables(names);
            return route;
        }
        catch
        {
            await route.DisposeAsync();
            throw;
        }
    }

    /// <summary>The addresses at the two ends of a link, the one nearer to the client first.</summary>
    private static (string Left, string Right) AddressesOf(int link) => ($"10.93.{10 + link}.1", $"10.93.{10 + link}.2");

    /// <summary>Starts the junctions, and waits until their links are up and the first listens. The servers must be there already.</summary>
    public async Task Open(RouteLinks links, params RoutePort[] ports)
    {
        _links = links;
        using var authority = new TestCertificates(_folder);
        var configs = Hosts.Select((host, at) => Config(authority.Identity(host.Name), at, ports)).ToList();
        var starting = Hosts.Select((host, at) => JunctionProcess.Start(configs[at], new ProgramOptions { Host = host })).ToList();
        foreach (var start in starting)
            _junctions.Add(await start);
        await LinksAreUp();
        // A relay whose link came up late listens a moment later.
        foreach (var port in ports)
            await _junctions[0].Program.Listening(int.Parse(port.Listen.Split('-')[0], CultureInfo.InvariantCulture));
    }

    /// <inheritdoc cref="Open(RouteLinks, RoutePort[])"/>
    public Task Open(params RoutePort[] ports) => Open(new RouteLinks(), ports);

    /// <summary>A connection from the client's host to a port of the entrance; with a receive buffer of so many bytes, if given.</summary>
    public async Task<Socket> Connect(int port, int? receiveBufferBytes = null)
    {
        var socket = HostSockets.Create(Client);
        if (receiveBufferBytes is { } bytes)
            socket.ReceiveBufferSize = bytes;
        try
        {
            await socket.ConnectAsync(IPAddress.Parse(Entrance), port);
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>Waits until every link has come up at both ends.</summary>
    public async Task LinksAreUp()
    {
        for (var link = 0; link < _leftDials.Length; link++)
        {
            await _junctions[link].Line($"link with {Hosts[link + 1].Name} is up", Deadline.Start);
            await _junctions[link + 1].Line($"link with {Hosts[link].Name} is up", Deadline.Start);
        }
    }

    /// <summary>The end of a link that dials it, as an index of <see cref="Hosts"/>; the other end.</summary>
    public (int Dialler, int Acceptor) EndsOf(int link) => _leftDials[link] ? (link, link + 1) : (link + 1, link);

    /// <summary>Where a link is dialled from, and where to.</summary>
    public string DiallerAddressOf(int link) => _leftDials[link] ? AddressesOf(link).Left : AddressesOf(link).Right;

    /// <inheritdoc cref="DiallerAddressOf"/>
    public string AcceptorAddressOf(int link) => _leftDials[link] ? AddressesOf(link).Right : AddressesOf(link).Left;

    /// <summary>Fails when the client can reach that port of the server without a junction.</summary>
    public async Task HasNoWayAround(int port)
    {
        var direct = await RealProgram.Run("socat", ["-u", "OPEN:/dev/null", $"TCP:{ServerAddress}:{port}"], new ProgramOptions { Host = Client });
        Assert.True(direct.ExitCode != 0 && direct.Error.Contains("unreachable", StringComparison.Ordinal), $"The client must have no way around: {direct}");
    }

    /// <summary>
    /// Waits until so many connections have ended at every junction, and returns their lines at the last one, which dialled the server. Fails when the junctions
    /// before it did not see the same connections, those that ended cleanly with the same bytes.
    /// </summary>
    public async Task<IReadOnlyList<ConnectionLine>> Ended(int count, TimeSpan? within = null)
    {
        var first = await _junctions[0].Ended(count, within);
        var last = first;
        foreach (var junction in _junctions.Skip(1))
        {
            last = await junction.Ended(count, within);
            Assert.Equal(first.Select(c => (c.Id, $"service/{c.Relay}")).Order(), last.Select(c => (c.Id, c.Relay)).Order());
            var there = last.Where(c => c.IsClean).ToDictionary(c => c.Id);
            Assert.All(first.Where(c => c.IsClean && there.ContainsKey(c.Id)), c => Assert.Equal((c.ToTarget, c.ToClient), (there[c.Id].ToTarget, there[c.Id].ToClient)));
        }

        return [.. last.Select(c => c with { Relay = c.Relay.Replace("service/", "", StringComparison.Ordinal) })];
    }

    /// <summary>What went wrong at any junction, for messages.</summary>
    public string Trouble() => string.Join('\n', _junctions.Select(junction => $"{junction.Name}:\n{junction.Trouble()}"));

    public async ValueTask DisposeAsync()
    {
        foreach (var junction in _junctions)
            await junction.DisposeAsync();
        await _hosts.DisposeAsync();
        _folder.Dispose();
    }

    private async Task LayCables(string[] names)
    {
        Client = await _hosts.AddHost("node");
        Server = await _hosts.AddHost("server");
        var junctions = new List<Host>();
        foreach (var name in names)
            junctions.Add(await _hosts.AddHost(name));
        Hosts = junctions;
        await NetworkNamespaces.Connect(Hosts[0], [$"{Entrance}/24"], Client, ["10.93.1.2/24"]);
        await NetworkNamespaces.Connect(Hosts[^1], ["10.93.9.1/24"], Server, [$"{ServerAddress}/24"]);
        for (var link = 0; link < _leftDials.Length; link++)
        {
            var (left, right) = AddressesOf(link);
            await NetworkNamespaces.Connect(Hosts[link], [$"{left}/24"], Hosts[link + 1], [$"{right}/24"]);
        }
    }

    private string Config(string identity, int at, RoutePort[] ports)
    {
        var parts = new List<string>();
        if (_leftDials.Length > 0)
            parts.Add($"\"identity\": {identity}");

        // Towards the client, and towards the server.
        var (dial, listen, peers) = (new List<string>(), new List<string>(), new List<string>());
        var services = string.Join(", ", ports.Select(p => $"\"{p.Name}\""));
        if (at > 0)
            AddLink(at - 1, isOurs: !_leftDials[at - 1], Hosts[at - 1].Name, $"\"services\": [{services}], ");
        if (at < _leftDials.Length)
            AddLink(at, isOurs: _leftDials[at], Hosts[at + 1].Name, "");
        parts.Add($$""" "links": { {{string.Join(", ", dial)}} }, "peers": { {{string.Join(", ", peers)}} } """);
        if (listen.Count > 0)
            parts.Add($"\"linkListen\": [{string.Join(", ", listen)}]");

        var targets = ports.Select(p => at < Hosts.Count - 1 ? $"link://{Hosts[at + 1].Name}/{p.Name}" : $"{ServerAddress}:{p.Target}");
        var section = ports.Zip(targets, (p, target) => at == 0
            ? $$""" "{{p.Name}}": { "listen": ["{{Entrance}}:{{p.Listen}}"], "target": ["{{target}}"] } """
            : $$""" "{{p.Name}}": { "target": ["{{target}}"] } """);
        parts.Add($$""" "{{(at == 0 ? "relays" : "services")}}": { {{string.Join(", ", section)}} } """);
        return $$"""{ {{string.Join(",\n", parts)}} }""";

        void AddLink(int link, bool isOurs, string other, string grants)
        {
            var address = AcceptorAddressOf(link);
            if (isOurs)
                dial.Add($$""" "{{other}}": { "dial": ["{{address}}:{{_links.DialPort}}"], "resume": "{{_links.Resume}}", "ping": "{{_links.Ping}}" } """);
            else
                listen.Add($"\"{address}:{LinkPort}\"");
            peers.Add($$""" "{{other}}": { {{grants}}"resume": "{{_links.Resume}}", "ping": "{{_links.Ping}}" } """);
        }
    }
}
