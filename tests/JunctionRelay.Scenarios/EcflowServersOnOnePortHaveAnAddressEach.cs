using JunctionRelay.Scenarios.Harness;
using static JunctionRelay.Scenarios.Harness.EcflowMachine;

namespace JunctionRelay.Scenarios;

/// <summary>
/// ecFlow at home: five servers on one port and three log servers on another, on hosts of their own, reached from one desk by the hosts' own names. Each host has a loopback address there,
/// and the hosts block says which.
/// </summary>
public sealed class EcflowServersOnOnePortHaveAnAddressEach
{
    [Fact]
    public async Task Every_server_is_reached_by_its_name_and_the_relays_carried_it()
    {
        using var folder = new TemporaryFolder();
        await using var hosts = await NetworkNamespaces.Create();
        var numbers = Enumerable.Range(1, Machines).ToList();
        var desk = await hosts.AddHost("desk");
        var border = await hosts.AddHost("border", Names);
        await NetworkNamespaces.Connect(desk, ["10.93.10.1/24"], border, ["10.93.10.2/24"]);
        var programs = new List<RealProgram>();
        try
        {
            foreach (var i in numbers) programs.AddRange(await EcflowMachine.Start(hosts, border, i, folder));
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
}
