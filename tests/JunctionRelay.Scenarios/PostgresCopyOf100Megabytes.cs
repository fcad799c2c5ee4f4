using System.Security.Cryptography;
using System.Text;
using JunctionRelay.Scenarios.Harness;

namespace JunctionRelay.Scenarios;

/// <summary>A real PostgreSQL cluster behind a relay, or behind links: psql, and a COPY in and out again.</summary>
public sealed class PostgresCopyOf100Megabytes
{
    private const int RowBytes = 1000;

    private static readonly int Rows = Scale.Of(ci: 20_000, full: 100_000);
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    private const int Port = 5432;

    [Theory]
    [InlineData(Route.OneJunction)]
    [InlineData(Route.Pair)]
    [InlineData(Route.Chain)]
    public async Task What_was_copied_in_comes_out_again(string topology)
    {
        using var folder = new TemporaryFolder();
        await using var route = await Route.Lay(topology);
        await using var server = await PostgresCluster.Start(folder, route.Server, Route.ServerAddress, Port);
        await route.Open(new RoutePort("postgres", Port, Port));
        await route.HasNoWayAround(Port);

        var sent = folder["sent"];
        var received = folder["received"];
        WriteRows(sent);
        await Psql("create table big (id int primary key, data text)");
        await Psql($"\\copy big from '{sent}'");
        Assert.Equal($"{Rows}", (await Psql("select count(*) from big")).Trim());
        await Psql($"\\copy (select * from big order by id) to '{received}'");
        Assert.Equal(await Checksum(sent), await Checksum(received));

        const int Sessions = 4;
        var ended = await route.Ended(Sessions);
        var size = new FileInfo(sent).Length;
        Assert.Equal(Sessions, ended.Count);
        Assert.True(ended.Sum(c => c.ToTarget) > size && ended.Sum(c => c.ToClient) > size, string.Join('\n', ended.Select(c => c.Text)));

        Task<string> Psql(string command) => RealProgram.Succeed(
            "psql",
            ["--no-psqlrc", "--tuples-only", "--host", Route.Entrance, "--port", $"{Port}", "--username", "postgres", "--set", "ON_ERROR_STOP=1", "--command", command],
            new ProgramOptions { Host = route.Client },
            Patience);
    }

    private static void WriteRows(string path)
    {
        var random = new Random(Rows);
        var bytes = new byte[RowBytes * 3 / 4];
        using var writer = new StreamWriter(path, append: false, Encoding.ASCII);
        for (var row = 0; row < Rows; row++)
        {
            random.NextBytes(bytes);
            writer.Write($"{row}\t{Convert.ToBase64String(bytes)}\n");
        }
    }

    private static async Task<string> Checksum(string path)
    {
        await using var file = File.OpenRead(path);
        return Convert.ToHexString(await SHA256.HashDataAsync(file));
    }
}
