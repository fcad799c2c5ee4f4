using System.Diagnostics;
using System.Net.Sockets;
using System.Text;
using JunctionRelay.Scenarios.Harness;

namespace JunctionRelay.Scenarios;

/// <summary>Two license servers: the first dies and is left out, both die and clients are refused at once, they come back and are used again.</summary>
public sealed class DeadTargetGoesOutAndComesBack
{
    [Fact]
    public async Task Clients_always_reach_whoever_is_alive()
    {
        var first = Server("first");
        var second = Server("second");
        var relayPort = FreePort.Next();
        await using var junction = await JunctionProcess.Start($$"""
            {
              "relays": {
                "license": {
                  "listen": ["127.0.0.1:{{relayPort}}"], "target": ["127.0.0.1:{{first.Port}}", "127.0.0.1:{{second.Port}}"], "healthInterval": "100ms"
                }
              }
            }
            """);
        Assert.Equal("first", await Ask());

        await first.DisposeAsync();
        for (var client = 0; client < 20; client++)
            Assert.Equal("second", await Ask());

        await second.DisposeAsync();
        await Comes("refused");

        // Known to be down, the relay does not make clients wait for what it knows.
        var watch = Stopwatch.StartNew();
        Assert.Equal("refused", await Ask());
        Assert.True(watch.Elapsed < TimeSpan.FromSeconds(1), $"Refused only after {watch.Elapsed}.");

        await using var secondAgain = Server("second", second.Port);
        await Comes("second");
        await using var firstAgain = Server("first", first.Port);
        await Comes("first");

        Task Comes(string answer) => Deadline.Until(async () => await Ask() == answer, Deadline.Soon, $"clients get '{answer}'", junction.Program.Said);

        async Task<string> Ask()
        {
            try
            {
                using var client = await Loopback.Connect(relayPort);
                var buffer = new byte[64];
                var length = await client.ReceiveAsync(buffer);
                return Encoding.ASCII.GetString(buffer, 0, length);
            }
            catch (SocketException e) when (e.SocketErrorCode is SocketError.ConnectionRefused or SocketError.ConnectionReset)
            {
                return "refused";
            }
        }
    }

    private static LoopbackServer Server(string name, int port = 0) => new(
        async socket =>
        {
            await socket.SendAsync(Encoding.ASCII.GetBytes(name));
            socket.Shutdown(SocketShutdown.Send);
            await socket.ReceiveAsync(new byte[1]);
        },
        port);
}
