using System.Diagnostics;
using System.Net.Sockets;
using JunctionRelay.Scenarios.Harness;

namespace JunctionRelay.Scenarios;

/// <summary>Past <c>maxConnections</c> a client is told at once, and those who were there before notice nothing.</summary>
[Collection(Alone.Name)]
public sealed class ConnectionFloodIsRefusedAtOnce
{
    private const int Seats = 20;
    private const int Flood = 500;

    [Theory]
    [InlineData("maxConnections", "too-many-connections")]
    [InlineData("maxConnectionsPerClient", "too-many-from-client")]
    public async Task The_flood_is_refused_and_the_others_keep_working(string limit, string reason)
    {
        await using var echo = LoopbackServer.Echo();
        var relayPort = FreePort.Next();
        await using var junction = await JunctionProcess.Start($$"""
            {
              "relays": {
                "small": { "listen": ["127.0.0.1:{{relayPort}}"], "target": ["127.0.0.1:{{echo.Port}}"], "{{limit}}": {{Seats}}, "healthInterval": "0" }
              }
            }
            """);
        var seated = new List<Socket>();
        var pattern = new PatternedBytes(seed: 1);
        for (var seat = 0; seat < Seats; seat++)
        {
            seated.Add(await Loopback.Connect(relayPort));
            await Exchange(seated[seat], 0);
        }

        var flood = Enumerable.Range(0, Flood).Select(_ => Refused()).ToArray();
        for (var turn = 1; turn <= 3; turn++)
        {
            foreach (var socket in seated)
                await Exchange(socket, turn * 1000);
        }

        var waits = await Task.WhenAll(flood).Within(Deadline.Soon, "the whole flood is refused", junction.Program.Said);
        Assert.True(waits.Max() < TimeSpan.FromSeconds(2), $"The slowest refusal took {waits.Max()}.");
        Assert.Equal(Seats, echo.Accepted);
        await junction.Line(reason);

        // A seat that becomes free is a seat for the next.
        seated[0].Close();
        await Deadline.Until(() => echo.Open == Seats - 1, Deadline.Soon, "the seat becomes free");
        await junction.Ended(1);
        using var next = await Loopback.Connect(relayPort);
        await Exchange(next, 0);
        seated.ForEach(s => s.Dispose());

        async Task Exchange(Socket socket, long from)
        {
            await pattern.Send(socket, from, from + 1000).Within(Deadline.Soon, "a seated client sends");
            await pattern.Receive(socket, from, from + 1000).Within(Deadline.Soon, "a seated client gets its answer");
        }

        async Task<TimeSpan> Refused()
        {
            var watch = Stopwatch.StartNew();
            try
            {
                using var socket = await Loopback.Connect(relayPort);
                Assert.Equal("reset", await Loopback.HowItEnds(socket, Deadline.Soon));
            }
            catch (SocketException e) when (e.SocketErrorCode is SocketError.ConnectionRefused or SocketError.ConnectionReset)
            {
            }

            return watch.Elapsed;
        }
    }
}
