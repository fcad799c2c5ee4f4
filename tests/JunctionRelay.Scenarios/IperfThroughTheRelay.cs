using System.Text.Json;
using JunctionRelay.Scenarios.Harness;

namespace JunctionRelay.Scenarios;

/// <summary>iperf3: a control connection beside several data connections, in each direction and in both at once.</summary>
public sealed class IperfThroughTheRelay
{
    private const int DataConnections = 4;

    private const int Port = 5201;

    [Theory]
    [InlineData(Route.OneJunction, "up")]
    [InlineData(Route.OneJunction, "down")]
    [InlineData(Route.OneJunction, "both")]
    [InlineData(Route.Pair, "up")]
    [InlineData(Route.Reverse, "down")]
    [InlineData(Route.Chain, "both")]
    public async Task Every_byte_that_iperf3_counts_went_through(string topology, string direction)
    {
        await using var route = await Route.Lay(topology);
        await using var server = RealProgram.Start("iperf3", ["--server", "--port", $"{Port}"], new ProgramOptions { Host = route.Server });
        await server.Listening(Port);
        await route.Open(new RoutePort("iperf", Port, Port));
        await route.HasNoWayAround(Port);

        var way = direction switch { "down" => new[] { "--reverse" }, "both" => ["--bidir"], _ => [] };
        var seconds = Scale.Of("1", "5");
        var report = await RealProgram.Succeed(
            "iperf3", ["--client", Route.Entrance, "--port", $"{Port}", "--parallel", $"{DataConnections}", "--time", seconds, "--json", .. way],
            new ProgramOptions { Host = route.Client });

        // What arrived is what the receiving side counted: the server for bytes to the target, the client for bytes to the client.
        using var json = JsonDocument.Parse(report);
        var end = json.RootElement.GetProperty("end");
        var received = Received(end, "sum_received") + Received(end, "sum_received_bidir_reverse");
        var connections = 1 + (DataConnections * (direction == "both" ? 2 : 1));
        // iperf3 leaves behind what it has written; all of that is still passed on.
        Assert.Equal(connections, (await route.Ended(connections, TimeSpan.FromMinutes(1))).Count);
        Assert.True(received > 10_000_000, report);
        // iperf3 leaves without waiting for what is still under way, so the counts differ from one junction to the next.
        Assert.All(route.Junctions, junction => Assert.True(
            junction.Connections.Sum(c => c.ToTarget + c.ToClient) >= received, $"iperf3 received {received} bytes, but:\n{string.Join('\n', junction.Connections.Select(c => c.Text))}"));
    }

    private static long Received(JsonElement end, string sum) => end.TryGetProperty(sum, out var value) ? value.GetProperty("bytes").GetInt64() : 0;
}
