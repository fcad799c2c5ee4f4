using System.Net.Sockets;
using System.Text;
using JunctionRelay.Scenarios.Harness;

namespace JunctionRelay.Scenarios;

/// <summary>
/// Two thousand strangers at the entrances begin to say what they want and never end, hundreds more say anything without end: all are ended in time, nothing is dialled for
/// them, the junction's memory stays small, and whoever can speak is served meanwhile.
/// </summary>
[Collection(Alone.Name)]
public sealed class StrangersAtEntrancesTakeLittle
{
    private const int Each = 500;
    private const int EndlessEach = 50;
    private const long Mebibyte = 1 << 20;

    /// <summary>A stranger's connection, the buffer of what it has said, and what the allocator rounds up.</summary>
    private const long MostBytesEach = 40 * 1024;

    // What each kind says before it falls silent, at which relay.
    private static readonly (string Relay, byte[] Says)[] Silent =
    [
        ("socks", [5, 255, .. new byte[200]]),
        ("socks", [5, 1, 0, 5, 1, 0, 3, 255, .. new byte[100]]),
        ("http", Encoding.ASCII.GetBytes("CONNECT license:27000 HTTP/1.1\r\nX: " + new string('a', 7000))),
        // The signature, and a length of which less than a half comes.
        ("proxy", [13, 10, 13, 10, 0, 13, 10, (byte)'Q', (byte)'U', (byte)'I', (byte)'T', 10, 0x21, 0x11, 0, 216, .. new byte[100]]),
    ];

    // How each kind begins that never stops: as one of the protocol's own would.
    private static readonly (string Relay, byte[] Begins)[] Endless =
    [
        ("socks", [5, 255]),
        ("socks", [5, 1, 0, 5, 1, 0, 3, 255]),
        ("http", "CONNECT license:27000 HTTP/1.1\r\nX: "u8.ToArray()),
        ("proxy", [13, 10, 13, 10, 0, 13, 10, (byte)'Q', (byte)'U', (byte)'I', (byte)'T', 10, 0x21, 0x11, 255, 255]),
        ("proxy", "PROXY TCP4 "u8.ToArray()),
    ];

    [Fact]
    public async Task They_end_in_time_and_nothing_is_dialled_for_them()
    {
        await using var echo = LoopbackServer.Echo();
        var ports = new Dictionary<string, int> { ["socks"] = FreePort.Next(), ["http"] = FreePort.Next(), ["proxy"] = FreePort.Next() };
        await using var junction = await JunctionProcess.Start($$"""
            {
              "relays": {
                "socks": { "listen": ["socks5://127.0.0.1:{{ports["socks"]}}"], "open": ["127.0.0.1:{{echo.Port}}"], "handshakeTimeout": "8s" },
                "http": { "listen": ["http://127.0.0.1:{{ports["http"]}}"], "open": ["127.0.0.1:{{echo.Port}}"], "handshakeTimeout": "8s" },
                "proxy": { "listen": ["127.0.0.1:{{ports["proxy"]}}"], "target": ["127.0.0.1:{{echo.Port}}"], "proxyFrom": ["127.0.0.1"], "handshakeTimeout": "8s", "healthInterval": "0" }
              }
            }
            """);
        await Served(ports["socks"], echo.Port);
        var before = junction.PeakMemoryBytes;

        var strangers = new List<Socket>();
        try
        {
            foreach (var (relay, says) in Silent)
            {
                for (var i = 0; i < Each; i++)
                {
                    strangers.Add(await Loopback.Connect(ports[relay]));
                    await strangers[^1].SendAsync(says);
                }
            }

            // All of them at once.
            await Deadline.Until(() => junction.Sockets >= Silent.Length * Each, Deadline.Soon, "the junction has all strangers");
            var endless = Endless.SelectMany(e => Enumerable.Range(0, EndlessEach).Select(_ => SayEndlessly(ports[e.Relay], e.Begins))).ToList();
            await Served(ports["socks"], echo.Port);
            var refused = await Task.WhenAll(endless).Within(Deadline.Soon, "all who talk without end are ended", junction.Program.Said);
            Assert.All(refused, said => Assert.InRange(said, 1, 16 * Mebibyte));

            // Not by the log: of strangers it counts most and names few.
            await Task.WhenAll(strangers.Select(Ended));
            await junction.Line("greeting-timeout");
            Assert.Equal(2, echo.Accepted);
            var took = junction.PeakMemoryBytes - before;
            Assert.True(took < Silent.Length * Each * MostBytesEach, $"{Silent.Length * Each} strangers took {took / Mebibyte} MiB");
        }
        finally
        {
            strangers.ForEach(s => s.Dispose());
        }
    }

    // How many bytes went into the connection before it ended.
    private static async Task<long> SayEndlessly(int port, byte[] begins)
    {
        using var socket = await Loopback.Connect(port);
        await socket.SendAsync(begins);
        var anything = new byte[16 * 1024];
        Array.Fill(anything, (byte)'A');
        for (var said = 0L; ; said += anything.Length)
        {
            try
            {
                await socket.SendAsync(anything);
            }
            catch (SocketException)
            {
                return said + 1;
            }
        }
    }

    // Whatever it is told before that.
    private static async Task Ended(Socket socket)
    {
        var answer = new byte[1024];
        try
        {
            while (await socket.ReceiveAsync(answer).Within(Deadline.Soon, "a stranger's connection ends") > 0)
            {
            }
        }
        catch (SocketException e) when (e.SocketErrorCode is SocketError.ConnectionReset)
        {
        }
    }

    private static async Task Served(int port, int destination)
    {
        using var socket = await Loopback.Connect(port);
        await socket.SendAsync(new byte[] { 5, 1, 0, 5, 1, 0, 1, 127, 0, 0, 1, (byte)(destination >> 8), (byte)destination });
        var answer = new byte[12];
        using var stream = new NetworkStream(socket);
        await stream.ReadExactlyAsync(answer).AsTask().Within(Deadline.Soon, "a client is answered");
        Assert.Equal(0, answer[3]);
        var pattern = new PatternedBytes(seed: 1);
        await pattern.Send(socket, 0, 1000).Within(Deadline.Soon, "a client sends");
        await pattern.Receive(socket, 0, 1000).Within(Deadline.Soon, "a client gets its answer");
    }
}
