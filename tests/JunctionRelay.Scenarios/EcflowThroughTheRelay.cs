using JunctionRelay.Scenarios.Harness;

namespace JunctionRelay.Scenarios;

/// <summary>ecFlow, plain and with its own TLS inside: one short connection for each request, which the server ends first.</summary>
public sealed class EcflowThroughTheRelay
{
    private const string Suite = """
        suite licensed
          family runs
            task solve
          endfamily
        endsuite
        """;

    private const int Port = 3141;

    [Theory]
    [InlineData(Route.OneJunction, false)]
    [InlineData(Route.OneJunction, true)]
    [InlineData(Route.Pair, false)]
    [InlineData(Route.Reverse, true)]
    [InlineData(Route.Chain, false)]
    public async Task A_suite_is_loaded_begun_and_counted(string topology, bool ssl)
    {
        using var folder = new TemporaryFolder();
        await using var route = await Route.Lay(topology);
        var environment = new Dictionary<string, string> { ["HOME"] = folder.Path, ["ECF_HOME"] = folder.Path, ["ECF_PASS"] = "" };
        if (ssl)
            await EnableSsl(folder, environment);

        // It ignores SIGTERM (5.9), so that a batch system cannot stop it by accident; nothing here needs its checkpoint.
        await using var server = RealProgram.Start(
            "ecflow_server", ["--port", $"{Port}"],
            new ProgramOptions { Host = route.Server, Environment = environment, Folder = folder.Path, StopSignal = Signal.Kill });
        await server.Listening(Port);
        await route.Open(new RoutePort("ecflow", Port, Port));
        await route.HasNoWayAround(Port);

        var definition = folder.Write("licensed.def", Suite);
        await Client("--ping");
        await Client($"--load={definition}");
        await Client("--begin=licensed");
        Assert.Contains("task solve", await Client("--get"), StringComparison.Ordinal);
        Assert.Contains("Ping", await Client("--stats"), StringComparison.Ordinal);

        const int Requests = 5;
        var ended = await route.Ended(Requests);
        Assert.Equal(Requests, ended.Count);
        Assert.All(ended, c =>
        {
            Assert.Equal("ecflow", c.Relay);
            Assert.Equal($"{Route.ServerAddress}:{Port}", c.Target);
            Assert.True(c.ToTarget > 0 && c.ToClient > 0, c.Text);
        });

        Task<string> Client(string request) =>
            RealProgram.Succeed("ecflow_client", ["--host", Route.Entrance, "--port", $"{Port}", request], new ProgramOptions { Host = route.Client, Environment = environment });
    }

    private static async Task EnableSsl(TemporaryFolder folder, Dictionary<string, string> environment)
    {
        environment["ECF_SSL"] = "1";
        var ssl = folder.Folder(".ecflowrc/ssl");
        using var authority = new TestCertificates(folder);
        var server = authority.Issue("localhost", addresses: Route.Entrance);

        // The same file is the server's chain and what the client trusts, so it holds the authority as well.
        await File.WriteAllTextAsync(Path.Combine(ssl, "server.crt"), await File.ReadAllTextAsync(server.Certificate) + await File.ReadAllTextAsync(authority.Trust));
        File.Copy(server.Key, Path.Combine(ssl, "server.key"));

        // A published group (RFC 7919) instead of minutes of prime search.
        await RealProgram.Succeed(
            "openssl", ["genpkey", "-genparam", "-algorithm", "DH", "-pkeyopt", "group:ffdhe2048", "-out", Path.Combine(ssl, "dh2048.pem")]);
    }
}
