using System.Text.Json;
using JunctionRelay.Scenarios.Harness;

namespace JunctionRelay.Scenarios;

/// <summary>
/// Twenty nodes of a cloud (seven at ci scale), each with the start-up script of the examples and a token, none of which anybody types at: one is wiped, one is renamed by an attacker,
/// two clocks are wrong, the authority is away while certificates are renewed, the enterprise's junction is killed. Seats held == clients alive.
/// </summary>
/// <remarks>Each node reaches the enterprise's junction and nothing else; the authority has a machine of its own behind that, and no node can reach it.</remarks>
public sealed class NodesOfACloudNeedNobody : IAsyncLifetime
{
    private static readonly int Nodes = Scale.Of(ci: 7, full: 20);
    private static readonly string TheirFirst = "24h", TheirOthers = Scale.Of(ci: "30s", full: "40s");
    private const string FakeTime = "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1";
    private const int Server = 27000, Vendor = 40000;

    // How long the seat of a node that never comes back is held.
    private static readonly TimeSpan Resume = TimeSpan.FromSeconds(Scale.Of(ci: 10, full: 15));
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(120);

    private readonly TemporaryFolder _folder = new();
    private readonly Dictionary<int, Host> _machines = [];
    private readonly Dictionary<int, RealProgram> _junctions = [];
    private readonly Dictionary<int, RealProgram> _clients = [];
    private NetworkNamespaces _hosts = null!;
    private Host _enterprise = null!, _vault = null!;
    private SiteAuthority _authority = null!;
    private JunctionProcess _hq = null!, _ca = null!;
    private SimulatedLicenses _licenses = null!;

    public async ValueTask InitializeAsync()
    {
        Assert.True(File.Exists(FakeTime), $"{FakeTime} is missing: apt-get install faketime");
        _hosts = await NetworkNamespaces.Create();
        (_enterprise, _vault) = (await _hosts.AddHost("hq"), await _hosts.AddHost("ca"));
        await NetworkNamespaces.Connect(_enterprise, ["10.78.0.1/30"], _vault, ["10.78.0.2/30"]);
        for (var i = 1; i <= Nodes; i++)
        {
            _machines[i] = await _hosts.AddHost($"node-{i}", $"10.77.{i}.1 hq.example.com");
            await NetworkNamespaces.Connect(_enterprise, [$"10.77.{i}.1/30"], _machines[i], [$"10.77.{i}.2/30"]);
        }

        _authority = await SiteAuthority.InitAt("ca", _folder);
        await _authority.Issue("ca");
        await _authority.Issue("hq");
        await _authority.Run("token", ["create", "--name", "node-*", "--uses", "40", "--out", _folder["token"]]);
        _licenses = await SimulatedLicenses.Start("127.0.0.1", Server, Vendor, 2 * Nodes, _enterprise);
        _ca = await StartAuthority(TheirFirst);
        _hq = await JunctionProcess.Start(
            $$"""
            {
              "identity": { "directory": "{{_folder["hq"]}}" }, "linkListen": ["0.0.0.0:8443"], "links": { "ca": { "dial": ["10.78.0.2:8443"] } },
              "relays": { "join": { "listen": ["0.0.0.0:8444"], "target": ["10.78.0.2:8443"] } },
              "services": { "lmgrd": { "target": ["127.0.0.1:{{Server}}"] }, "vendor": { "target": ["127.0.0.1:{{Vendor}}"] } },
              "peers": { "node-*": { "services": ["lmgrd", "vendor"], "from": ["10.77.0.0/16"], "resume": "{{Resume.TotalSeconds}}s" } }
            }
            """,
            new ProgramOptions { Host = _enterprise });
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var program in _clients.Values.Concat(_junctions.Values))
            await program.DisposeAsync();
        if (_hq is not null)
            await _hq.DisposeAsync();
        if (_ca is not null)
            await _ca.DisposeAsync();
        if (_licenses is not null)
            await _licenses.DisposeAsync();
        await _hosts.DisposeAsync();
        _folder.Dispose();
    }

    [Fact]
    public async Task Seats_are_held_by_clients_that_live_throughout()
    {
        // Two clocks are ten minutes off, one either way.
        await Boot(Nodes - 1, "-600");
        await Boot(Nodes, "+600");
        await _ca.DisposeAsync();
        _ca = await StartAuthority(TheirOthers);
        await Task.WhenAll(Enumerable.Range(1, Nodes - 2).Select(i => Boot(i)));
        await SeatsEqualClients(Nodes);

        await WipeAndProvision(2);
        await SeatsEqualClients(Nodes);

        await Rename(3, to: 4);
        await SeatsEqualClients(Nodes);

        await RenewWithoutTheAuthority();
        await SeatsEqualClients(Nodes);

        await KillTheEnterprise();
        await SeatsEqualClients(Nodes);
    }

    // A machine that is serviced comes back empty, but for what its image holds.
    private async Task WipeAndProvision(int number)
    {
        await _junctions[number].DisposeAsync();
        await _clients[number].DisposeAsync();
        await SeatsEqualClients(Nodes - 1, except: number);
        Directory.Delete(_folder[$"node-{number}"], recursive: true);
        await Boot(number);
        // Its key is gone, and a name does not change hands.
        Assert.Matches($"^node-{number}-[a-z0-9]{{4}}$", await NameOf(number));
    }

    // Root on one node calls its machine like another one, and tries what it has: its identity, then the token once more.
    private async Task Rename(int number, int to)
    {
        var before = await Known($"node-{to}");
        var own = await Enroll(number, $"node-{to}", "identity");
        Assert.Contains($"nothing to do: node-{number} is valid", own, StringComparison.Ordinal);
        Assert.Matches($"node-{to}-[a-z0-9]{{4}} is valid", await Enroll(number, $"node-{to}", "another"));
        Assert.Equal(before, await Known($"node-{to}"));
    }

    private async Task RenewWithoutTheAuthority()
    {
        await _ca.DisposeAsync();
        await Deadline.Until(
            () => _junctions.Values.Count(j => j.Lines.Any(l => l.Contains("could not be renewed", StringComparison.Ordinal))) >= Nodes / 4, Patience, "nodes miss the authority", () => _hq.Trouble());
        var before = Renewed();
        _ca = await StartAuthority(TheirOthers);
        await Deadline.Until(
            () => Renewed().Zip(before).Take(Nodes - 2).All(r => r.First > r.Second), Patience, "all nodes have a new certificate",
            () => $"renewed {string.Join(' ', Renewed())}, before {string.Join(' ', before)}\n{_ca.Trouble()}\n{_junctions[1].Said()}");
    }

    private async Task KillTheEnterprise()
    {
        await _hq.Restart();
        // The connections of a junction that is gone are gone: each client knows it, and the server has every seat back.
        foreach (var client in _clients.Values)
            await client.Line(l => l.StartsWith("lost", StringComparison.Ordinal), "that its seat is lost", Patience);
        Assert.Equal(0, await _licenses.HeldWithin(0, Deadline.Soon));
        foreach (var (number, client) in _clients.ToList())
        {
            await client.DisposeAsync();
            await CheckOut(number);
        }
    }

    private async Task Boot(int number, string? clock = null)
    {
        var home = _folder.Folder($"node-{number}");
        File.Copy(_folder["token"], Path.Combine(home, "join.token"));
        _folder.Write($"node-{number}/junction.json", $$"""
            {
              "identity": { "directory": "identity" }, "links": { "hq": { "dial": ["hq.example.com:8443"] } },
              "relays": {
                "lmgrd": { "listen": ["127.0.0.1:{{Server}}"], "target": ["link://hq/lmgrd"] },
                "vendor": { "listen": ["127.0.0.1:{{Vendor}}"], "target": ["link://hq/vendor"] }
              }
            }
            """);
        // The example as it stands, but for where it is installed and the port that leads on to the authority.
        var script = await File.ReadAllTextAsync(Path.Combine(Repository(), "docs/examples/node-startup.sh"));
        Assert.Contains("cd /etc/junction ", script, StringComparison.Ordinal);
        _folder.Write($"node-{number}/startup.sh", script.Replace("cd /etc/junction ", "cd . ", StringComparison.Ordinal).Replace(":8443", ":8444", StringComparison.Ordinal));
        _junctions[number] = RealProgram.Start("sh", [Path.Combine(home, "startup.sh")], On(number, $"node-{number}", clock));
        await _junctions[number].Line(l => l.Contains("link with hq is up", StringComparison.Ordinal), "that its link is up", Patience);
        await CheckOut(number);
    }

    private async Task CheckOut(int number)
    {
        _clients[number] = SimulatedLicenses.Client("127.0.0.1", Server, Vendor, host: _machines[number], heartbeat: 1);
        await _clients[number].Line(l => l == "held", "that its seat is held", Patience);
    }

    private async Task SeatsEqualClients(int seats, int? except = null)
    {
        Assert.Equal(seats, _clients.Count(c => c.Key != except && !c.Value.HasExited));
        Assert.Equal(seats, await _licenses.HeldWithin(seats, Resume + Deadline.Soon));
    }

    private async Task<string> Enroll(int number, string machine, string identity)
    {
        var result = await RealProgram.Run(
            JunctionProcess.Binary(), ["enroll", "hq.example.com:8444", "--token-file", _folder["token"], "--identity", _folder[$"node-{number}/{identity}"]], On(number, machine));
        Assert.True(result.ExitCode == 0, result.ToString());
        return result.Output;
    }

    private ProgramOptions On(int number, string machine, string? clock = null)
    {
        var environment = new Dictionary<string, string> { ["PATH"] = $"{Path.GetDirectoryName(JunctionProcess.Binary())}:{Environment.GetEnvironmentVariable("PATH")}" };
        if (clock is not null)
            (environment["LD_PRELOAD"], environment["FAKETIME"], environment["FAKETIME_DONT_FAKE_MONOTONIC"]) = (FakeTime, clock, "1");
        return new ProgramOptions
        {
            Host = _machines[number],
            Folder = _folder[$"node-{number}"],
            Environment = environment,
            Wrapper = ["unshare", "--uts", "sh", "-c", "hostname \"$0\" && exec \"$@\"", machine],
            StopSignal = Signal.Kill,
        };
    }

    private Task<JunctionProcess> StartAuthority(string lifetime) => JunctionProcess.Start(
        $$"""
        {
          "identity": { "directory": "{{_folder["ca"]}}" }, "pki": { "directory": "{{_authority.Directory}}", "certificateLifetime": "{{lifetime}}" },
          "linkListen": ["10.78.0.2:8443"], "peers": { "hq": { } }
        }
        """,
        new ProgramOptions { Host = _vault });

    private List<int> Renewed() => [.. Enumerable.Range(1, Nodes).Select(i => _junctions[i].Lines.Count(l => l.Contains("our certificate (", StringComparison.Ordinal) && l.Contains("was renewed", StringComparison.Ordinal)))];

    private async Task<string> NameOf(int number)
    {
        var subject = await RealProgram.Succeed("openssl", ["x509", "-noout", "-subject", "-in", _folder[$"node-{number}/identity/junction.crt"]]);
        return subject.Split('=')[^1].Trim();
    }

    // Name and key, as the authority knows them.
    private async Task<string?> Known(string name)
    {
        using var shown = JsonDocument.Parse(await _authority.Run("pki", ["show", "--json"]));
        return shown.RootElement.GetProperty("junctions").EnumerateArray().Single(j => j.GetProperty("name").GetString() == name).GetProperty("key").GetString();
    }

    private static string Repository()
    {
        var directory = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(directory, "JunctionRelay.sln")))
            directory = Path.GetDirectoryName(directory) ?? throw new InvalidOperationException($"no repository above {AppContext.BaseDirectory}");
        return directory;
    }
}
