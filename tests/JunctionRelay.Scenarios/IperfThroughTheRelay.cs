using System.Text.Json;
using JunctionRelay.Scenarios.Harness;

namespace JunctionRelay.Scenarios;

/// <summary>iperf3: a control connection beside several data connections, in each direction and in both at once.</summary>
public sealed class IperfThroughTheRelay
{
    private const int DataConnections = 4;

    [Theory]
    [InlineData("up")]
    [InlineData("down")]
    [InlineData("both")]
    public async Task Every_byte_that_iperf3_counts_went_through(string direction)
    {
        var serverPort = FreePort.Next();
        var relayPort = FreePort.Next();
        await using var server = RealProgram.Start("iperf3", ["--server", "--bind", "127.0.0.1", "--port", $"{serverPort}"]);
        await server.Listening(serverPort);
        await using var junction = await JunctionProcess.Start($$"""
            { "relays": { "iperf": { "listen": ["127.0.0.1:{{relayPort}}"], "target": ["127.0.0.1:{{serverPort}}"] } } }
            """);

        var way = direction switch { "down" => new[] { "--reverse" }, "both" => ["--bidir"], _ => [] };
        var seconds = Scale.Of("1", "5");
        var report = await RealProgram.Succeed(
            "iperf3", ["--client", "127.0.0.1", "--port", $"{relayPort}", "--parallel", $"{DataConnections}", "--time", seconds, "--json", .. way]);

        // What arrived is what the receiving side counted: the server for bytes to the target, the client for bytes to the client.
        using var json = JsonDocument.Parse(report);
        var end = json.RootElement.GetProperty("end");
        var received = Received(end, "sum_received") + Received(end, "sum_received_bidir_reverse");
        var connections = 1 + (DataConnections * (direction == "both" ? 2 : 1));
        var ended = await junction.Ended(connections);
        Assert.Equal(connections, ended.Count);
        Assert.True(received > 10_000_000, report);
        Assert.True(ended.Sum(c => c.ToTarget + c.ToClient) >= received, $"iperf3 received {received} bytes, but:\n{string.Join('\n', ended.Select(c => c.Text))}");
    }

    private static long Received(JsonElement end, string sum) => end.TryGetProperty(sum, out var value) ? value.GetProperty("bytes").GetInt64() : 0;
}
