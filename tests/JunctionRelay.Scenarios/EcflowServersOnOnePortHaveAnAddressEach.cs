using System.Globalization;
using JunctionRelay.Scenarios.Harness;

namespace JunctionRelay.Scenarios;

/// <summary>
/// ecFlow at home: five servers on one port and three log servers on another, on hosts of their own, reached from one desk by the hosts' own names. Each host has a loopback address there,
/// and the hosts block says which.
/// </summary>
public sealed class EcflowServersOnOnePortHaveAnAddressEach
{
    private const int Machines = 5, LogServers = 3, Port = 3141, LogPort = 9316;

    [Fact]
    public async Task Every_server_is_reached_by_its_name_and_the_relays_carried_it()
    {
        using var folder = new TemporaryFolder();
        await using var hosts = await NetworkNamespaces.Create();
        var numbers = Enumerable.Range(1, Machines).ToList();
        var desk = await hosts.AddHost("desk");
        var border = await hosts.AddHost("border", [.. numbers.Select(i => $"{Address(i)} machine{i}.corp logserver{i}.corp")]);
        await NetworkNamespaces.Connect(desk, ["10.93.10.1/24"], border, ["10.93.10.2/24"]);
        var programs = new List<RealProgram>();
        try
        {
            foreach (var i in numbers) programs.AddRange(await Machine(hosts, border, i, folder));
            using var authority = new TestCertificates(folder);
            await using var site = await JunctionProcess.Start($$"""
                { "identity": {{authority.Identity("border")}}, "linkListen": ["10.93.10.2:8443"],
                  "services": { "any": { "open": ["machine*.corp:{{Port}}", "logserver*.corp:{{LogPort}}"] } }, "peers": { "desk": { "services": ["any"] } } }
                """, new ProgramOptions { Host = border });
            var relays = numbers.Select(i => Relay($"machine{i}", Port)).Concat(numbers.Take(LogServers).Select(i => Relay($"logserver{i}", LogPort)));
            var config = $$"""{ "identity": {{authority.Identity("desk")}}, "links": { "border": { "dial": ["10.93.10.2:8443"] } }, "relays": { {{string.Join(", ", relays)}} } }""";
            await using var home = await JunctionProcess.Start(config, new ProgramOptions { Host = desk });
            await home.Line("link with border is up");
            await RealProgram.Succeed(JunctionProcess.Binary(), ["hosts", "-c", folder.Write("desk.json", config), "--apply"], new ProgramOptions { Host = desk });

            foreach (var i in numbers)
            {
                Assert.Contains($"suite of{i}", await Client(i, "--get"), StringComparison.Ordinal);
                // No way around: the desk has no route there.
                var direct = await RealProgram.Run("socat", ["-u", "OPEN:/dev/null", $"TCP:{Address(i)}:{Port}"], new ProgramOptions { Host = desk });
                Assert.Contains("unreachable", direct.Error, StringComparison.Ordinal);
            }

            foreach (var i in numbers.Take(LogServers))
                Assert.Equal($"log of machine {i}\n", await RealProgram.Succeed("socat", ["-u", $"TCP:logserver{i}.corp:{LogPort}", "-"], new ProgramOptions { Host = desk }));

            var carried = (await home.Ended(Machines + LogServers)).Select(c => c.Relay).ToList();
            Assert.Equal(numbers.Select(i => $"machine{i}").Concat(numbers.Take(LogServers).Select(i => $"logserver{i}")), carried);
            Assert.All(await site.Ended(Machines + LogServers), c => Assert.True(c.ToClient > 0, c.Text));

            Task<string> Client(int i, string request) => RealProgram.Succeed(
                "ecflow_client", ["--host", $"machine{i}.corp", "--port", $"{Port}", request],
                new ProgramOptions { Host = desk, Environment = new Dictionary<string, string> { ["HOME"] = folder.Path, ["ECF_PASS"] = "" } });
        }
        finally
        {
            foreach (var program in programs) await program.DisposeAsync();
        }
    }

    private static string Relay(string name, int port) => $$""" "{{name}}": { "listen": ["127.0.0.0/8:{{port}}"], "target": ["link://border/any/{{name}}.corp:{{port}}"] } """;

    // A host with its own server, which has a suite of its own, and its log server.
    private static async Task<IReadOnlyList<RealProgram>> Machine(NetworkNamespaces hosts, Host border, int i, TemporaryFolder folder)
    {
        var host = await hosts.AddHost($"m{i}");
        await NetworkNamespaces.Connect(border, [string.Create(CultureInfo.InvariantCulture, $"10.93.{20 + i}.1/24")], host, [$"{Address(i)}/24"]);
        var home = folder.Folder($"machine{i}");
        var options = new ProgramOptions
        {
            Host = host,
            Folder = home,
            StopSignal = Signal.Kill,
            Environment = new Dictionary<string, string> { ["HOME"] = home, ["ECF_HOME"] = home, ["ECF_PASS"] = "" },
        };
        var server = RealProgram.Start("ecflow_server", ["--port", $"{Port}"], options);
        await server.Listening(Port);
        await RealProgram.Succeed("ecflow_client", ["--host", "127.0.0.1", "--port", $"{Port}", $"--load={folder.Write($"of{i}.def", $"suite of{i}\nendsuite\n")}"], options);
        if (i > LogServers) return [server];
        var log = RealProgram.Start("socat", [$"TCP-LISTEN:{LogPort},fork,reuseaddr", $"SYSTEM:echo log of machine {i}"], options);
        await log.Listening(LogPort);
        return [server, log];
    }

    private static string Address(int i) => string.Create(CultureInfo.InvariantCulture, $"10.93.{20 + i}.2");
}
