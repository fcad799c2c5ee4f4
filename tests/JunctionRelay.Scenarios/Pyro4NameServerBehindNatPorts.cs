using JunctionRelay.Scenarios.Harness;

namespace JunctionRelay.Scenarios;

/// <summary>
/// Pyro4 (as MuPIF uses it): the name server hands out the address that an object registered, which is the junction's, by <c>nathost</c> and
/// <c>natport</c>. Server and client live on hosts that have no route to each other, with one junction between them, or links.
/// </summary>
public sealed class Pyro4NameServerBehindNatPorts
{
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

    [Theory]
    [InlineData(Route.OneJunction)]
    [InlineData(Route.Pair)]
    [InlineData(Route.Reverse)]
    [InlineData(Route.Chain)]
    public async Task A_client_without_a_route_to_the_server_finds_and_calls_the_object(string topology)
    {
        using var folder = new TemporaryFolder();
        await using var route = await Route.Lay(topology);
        await using var names = RealProgram.Start("pyro4-ns", ["--host", Route.ServerAddress, "--port", "9090", "--nobc"], new ProgramOptions { Host = route.Server });
        await names.Listening(9090);
        await using var solver = RealProgram.Start(
            Python, [folder.Write("solver.py", ObjectProgram), Route.ServerAddress, "9100", Route.Entrance, "6005"], new ProgramOptions { Host = route.Server });
        await solver.Line(l => l.StartsWith("registered", StringComparison.Ordinal), "that its object is registered");

        // A service of a link stands for one port.
        await route.Open(new RoutePort("names", 9090, 9090), topology == Route.OneJunction ? new RoutePort("jobs", "6000-6049", "9095-9144") : new RoutePort("jobs", 6005, 9100));
        await route.HasNoWayAround(9100);

        var said = await RealProgram.Succeed(Python, [folder.Write("client.py", ClientProgram), Route.Entrance], new ProgramOptions { Host = route.Client });
        Assert.Equal($"found PYRO:solver@{Route.Entrance}:6005\nsum 42\necho True\n", said);

        var ended = await route.Ended(2);
        Assert.True(Assert.Single(ended, c => c.Relay == "names" && c.Target == $"{Route.ServerAddress}:9090").ToClient > 0);
        var call = Assert.Single(ended, c => c.Relay == "jobs" && c.Target == $"{Route.ServerAddress}:9100");
        Assert.True(call.ToTarget > 1_000_000 && call.ToClient > 1_000_000, call.Text);
    }
}
