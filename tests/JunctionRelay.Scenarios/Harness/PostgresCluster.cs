namespace JunctionRelay.Scenarios.Harness;

/// <summary>A real PostgreSQL cluster of one scenario's own; everybody of the scenario's networks may use it.</summary>
internal static class PostgresCluster
{
    /// <summary>Makes a cluster in <paramref name="folder"/> and starts it.</summary>
    public static async Task<RealProgram> Start(TemporaryFolder folder, Host host, string address, int port)
    {
        // The server refuses to run as root; Debian's package brings the user.
        string[] asPostgres = ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups"];
        var home = folder.Folder("cluster");
        var data = Path.Combine(home, "data");
        await RealProgram.Succeed("chown", ["postgres:postgres", home]);
        var options = new ProgramOptions { Host = host, Wrapper = asPostgres, Folder = home, StopSignal = Signal.Quit };
        await RealProgram.Succeed(Newest("initdb"), ["--auth", "trust", "--no-sync", "--username", "postgres", "--pgdata", data], options);
        await File.AppendAllTextAsync(Path.Combine(data, "pg_hba.conf"), "host all all 10.93.0.0/16 trust\n");
        var server = RealProgram.Start(
            Newest("postgres"),
            ["-D", data, "-p", $"{port}", "-k", home, "-c", $"listen_addresses={address}", "-c", "fsync=off"],
            options);
        await server.Line(l => l.Contains("ready to accept connections", StringComparison.Ordinal), "that it is ready");
        return server;
    }

    // Debian keeps each major version's programs in a folder of its own, outside of PATH.
    private static string Newest(string program) =>
        Directory.GetDirectories("/usr/lib/postgresql").Select(d => Path.Combine(d, "bin", program)).Where(File.Exists).Order(StringComparer.Ordinal).Last();
}
