using JunctionRelay.Scenarios.Harness;

namespace JunctionRelay.Scenarios;

/// <summary>
/// Pyro4 (as MuPIF uses it): the name server hands out the address that an object registered, which is the junction's, by <c>nathost</c> and
/// <c>natport</c>. Server and client live on hosts that have no route to each other.
/// </summary>
public sealed class Pyro4NameServerBehindNatPorts
{
    private const string Server = "10.93.1.2";
    private const string JunctionOutside = "10.93.2.1";

    // Debian's package is for Debian's python, whatever another python in PATH may be.
    private const string Python = "/usr/bin/python3";

    private const string ObjectProgram = """
        import sys, Pyro4
        host, port, nathost, natport = sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4])

        @Pyro4.expose
        class Solver(object):
            def add(self, a, b):
                return a + b
            def echo(self, text):
                return text

        daemon = Pyro4.Daemon(host=host, port=port, nathost=nathost, natport=natport)
        uri = daemon.register(Solver, "solver")
        Pyro4.locateNS(host=host, port=9090).register("junction.solver", uri)
        print("registered", uri, flush=True)
        daemon.requestLoop()
        """;

    private const string ClientProgram = """
        import sys, Pyro4
        uri = Pyro4.locateNS(host=sys.argv[1], port=9090).lookup("junction.solver")
        print("found", uri)
        with Pyro4.Proxy(uri) as solver:
            print("sum", solver.add(19, 23))
            text = "seat" * 250000
            print("echo", solver.echo(text) == text)
        """;

    [Fact]
    public async Task A_client_without_a_route_to_the_server_finds_and_calls_the_object()
    {
        using var folder = new TemporaryFolder();
        await using var hosts = await NetworkNamespaces.Create();
        var server = await hosts.AddHost("server");
        var middle = await hosts.AddHost("junction");
        var client = await hosts.AddHost("client");
        await NetworkNamespaces.Connect(middle, ["10.93.1.1/24"], server, [$"{Server}/24"]);
        await NetworkNamespaces.Connect(middle, [$"{JunctionOutside}/24"], client, ["10.93.2.2/24"]);

        await using var names = RealProgram.Start("pyro4-ns", ["--host", Server, "--port", "9090", "--nobc"], new ProgramOptions { Host = server });
        await names.Listening(9090);
        await using var solver = RealProgram.Start(
            Python, [folder.Write("solver.py", ObjectProgram), Server, "9100", JunctionOutside, "6005"], new ProgramOptions { Host = server });
        await solver.Line(l => l.StartsWith("registered", StringComparison.Ordinal), "that its object is registered");

        await using var junction = await JunctionProcess.Start(
            $$"""
            {
              "relays": {
                "names": { "listen": ["{{JunctionOutside}}:9090"], "target": ["{{Server}}:9090"] },
                "jobs":  { "listen": ["{{JunctionOutside}}:6000-6049"], "target": ["{{Server}}:9095-9144"] }
              }
            }
            """,
            new ProgramOptions { Host = middle });

        var direct = await RealProgram.Run("socat", ["-u", "OPEN:/dev/null", $"TCP:{Server}:9100"], new ProgramOptions { Host = client });
        Assert.True(direct.ExitCode != 0 && direct.Error.Contains("unreachable", StringComparison.Ordinal), $"The client must have no way around: {direct}");

        var said = await RealProgram.Succeed(Python, [folder.Write("client.py", ClientProgram), JunctionOutside], new ProgramOptions { Host = client });
        Assert.Equal($"found PYRO:solver@{JunctionOutside}:6005\nsum 42\necho True\n", said);

        var ended = await junction.Ended(2);
        Assert.True(Assert.Single(ended, c => c.Relay == "names" && c.Target == $"{Server}:9090").ToClient > 0);
        var call = Assert.Single(ended, c => c.Relay == "jobs" && c.Target == $"{Server}:9100");
        Assert.True(call.ToTarget > 1_000_000 && call.ToClient > 1_000_000, call.Text);
    }
}
