using System.Net;
using JunctionRelay.Scenarios.Harness;

namespace JunctionRelay.Scenarios;

/// <summary>
/// MuPIF's connectApplications: two application servers that may not reach each other, and the steering computer, at which both have a link. Each application says where it is behind a NAT port; the steering
/// script hands each one's address to the other, and they call each other's objects through the steering computer's junction, as far as it lets them.
/// </summary>
public sealed class MupifApplicationsMeetAtTheSteeringJunction
{
    private const int App = 3300;

    private const string Application = """
        import sys, Pyro4
        name, natport = sys.argv[1], int(sys.argv[2])

        @Pyro4.expose
        class Application(object):
            def field(self):
                return "field of " + name
            def solve(self, other):
                # The other application's object, by the address that the steering script passes on.
                with Pyro4.Proxy(other) as remote:
                    return name + " has got the " + remote.field()

        daemon = Pyro4.Daemon(host="127.0.0.1", port=3300, nathost="127.0.0.1", natport=natport)
        print("serving", daemon.register(Application, "app"), flush=True)
        daemon.requestLoop()
        """;

    private const string Steering = """
        import Pyro4
        one, two = "PYRO:app@127.0.0.1:5555", "PYRO:app@127.0.0.1:5556"
        with Pyro4.Proxy(one) as first, Pyro4.Proxy(two) as second:
            print(first.solve(two))
            print(second.solve(one))
        """;

    [Fact]
    public async Task Each_calls_the_other_s_object_and_no_more()
    {
        using var folder = new TemporaryFolder();
        using var authority = new TestCertificates(folder);
        await using var hosts = await NetworkNamespaces.Create();
        var (one, steering, two) = (await hosts.AddHost("one"), await hosts.AddHost("steering"), await hosts.AddHost("two"));
        await NetworkNamespaces.Connect(one, ["10.96.1.1/24"], steering, ["10.96.1.2/24"]);
        await NetworkNamespaces.Connect(two, ["10.96.2.1/24"], steering, ["10.96.2.2/24"]);
        var program = folder.Write("application.py", Application);
        await using var first = await Serve(one, "one", 5555);
        await using var second = await Serve(two, "two", 5556);

        await using var junction = await JunctionProcess.Start($$"""
            { "identity": {{authority.Identity("steering")}}, "linkListen": ["10.96.1.2:8443", "10.96.2.2:8443"],
              "services": { "app-one": { "target": ["link://one/app"] }, "app-two": { "target": ["link://two/app"] } },
              "peers": { "one": { "services": ["app-two"] }, "two": { "services": ["app-one"] } },
              "relays": { "one": { "listen": ["127.0.0.1:5555"], "target": ["link://one/app"] }, "two": { "listen": ["127.0.0.1:5556"], "target": ["link://two/app"] } } }
            """, new ProgramOptions { Host = steering });
        await using var junctionOne = await Junction(one, "one", "10.96.1.2", 5556, "app-two");
        await using var junctionTwo = await Junction(two, "two", "10.96.2.2", 5555, "app-one");
        // Until the junctions have seen that the targets are there, they refuse.
        foreach (var (host, port) in new[] { (one, 5556), (two, 5555), (steering, 5555), (steering, 5556) })
            await Deadline.Until(async () => (await Connect(host, $"127.0.0.1:{port}")).ExitCode == 0, Deadline.Start, $"{host.Name} reaches {port}", junction.Trouble);

        var said = await RealProgram.Succeed("/usr/bin/python3", [folder.Write("steering.py", Steering)], new ProgramOptions { Host = steering });
        Assert.Equal("one has got the field of two\ntwo has got the field of one\n", said);
        // The steering computer's own counts: it relayed what each fetched of the other, and its own two calls.
        await Deadline.Until(() => Carried().Count == 4, Deadline.Soon, "the steering junction has relayed four conversations", junction.Program.Said);
        Assert.Equal(["one", "service/app-one", "service/app-two", "two"], Carried());
        // The servers have no way to each other, and may use nothing else of the steering computer.
        Assert.NotEqual(0, (await Connect(two, $"10.96.1.1:{App}")).ExitCode);
        using var forbidden = HostSockets.Create(two);
        await forbidden.ConnectAsync(IPAddress.Loopback, 5557);
        Assert.Equal("reset", await Loopback.HowItEnds(forbidden, Deadline.Soon));
        await junction.Line("reason=not-permitted");

        List<string> Carried() => [.. junction.Connections.Where(c => c.ToTarget > 0 && c.ToClient > 0).Select(c => c.Relay).Order(StringComparer.Ordinal)];

        static Task<ProgramResult> Connect(Host host, string address) =>
            RealProgram.Run("socat", ["-u", "OPEN:/dev/null", $"TCP:{address},connect-timeout=3"], new ProgramOptions { Host = host }, Deadline.Soon);

        async Task<JunctionProcess> Junction(Host host, string name, string dial, int port, string service)
        {
            var server = await JunctionProcess.Start($$"""
                { "identity": {{authority.Identity(name)}}, "links": { "steering": { "dial": ["{{dial}}:8443"] } },
                  "services": { "app": { "target": ["127.0.0.1:{{App}}"] } }, "peers": { "steering": { "services": ["app"] } },
                  "relays": { "other": { "listen": ["127.0.0.1:{{port}}"], "target": ["link://steering/{{service}}"] },
                              "own": { "listen": ["127.0.0.1:5557"], "target": ["link://steering/app-{{name}}"], "healthInterval": "0" } } }
                """, new ProgramOptions { Host = host });
            await server.Line("link with steering is up");
            return server;
        }

        async Task<RealProgram> Serve(Host host, string name, int natPort)
        {
            var server = RealProgram.Start("/usr/bin/python3", [program, name, $"{natPort}"], new ProgramOptions { Host = host });
            await server.Line(l => l.StartsWith("serving", StringComparison.Ordinal), "that it serves");
            return server;
        }
    }
}
