using System.Net.Sockets;
using JunctionRelay.Scenarios.Harness;

namespace JunctionRelay.Scenarios;

/// <summary>A junction whose file descriptors are used up says so, refuses at once, does not spin, keeps what it has, and serves the next when there is room.</summary>
[Collection(Alone.Name)]
public sealed class DescriptorExhaustionRecovers
{
    private const int Descriptors = 256;
    private const int Clients = 300;

    [Fact]
    public async Task Those_seated_keep_working_and_the_next_are_served_once_there_is_room()
    {
        await using var echo = LoopbackServer.Echo();
        var relayPort = FreePort.Next();
        await using var junction = await JunctionProcess.Start(
            $$"""
            { "relays": { "r": { "listen": ["127.0.0.1:{{relayPort}}"], "target": ["127.0.0.1:{{echo.Port}}"], "healthInterval": "0" } } }
            """,
            new ProgramOptions { Wrapper = ["prlimit", $"--nofile={Descriptors}:{Descriptors}"] });
        var pattern = new PatternedBytes(seed: 1);
        using var seated = await Loopback.Connect(relayPort);
        await Exchange(seated, 0);

        var crowd = new List<Socket>();
        for (var client = 0; client < Clients; client++)
        {
            try
            {
                crowd.Add(await Loopback.Connect(relayPort));
            }
            catch (SocketException e) when (e.SocketErrorCode == SocketError.ConnectionReset)
            {
                // Refused, and so quickly that connecting itself failed.
            }
        }

        await junction.Line("descriptor");
        await Exchange(seated, 1000);

        var before = junction.ProcessorTime;
        await Task.Delay(TimeSpan.FromSeconds(1));   // the measured time itself
        var spent = junction.ProcessorTime - before;
        Assert.True(spent < TimeSpan.FromSeconds(0.5), $"Out of descriptors, the junction used {spent.TotalSeconds:0.00} s of processor time in 1 s.");

        crowd.ForEach(s => s.Dispose());
        await Deadline.Until(() => echo.Open == 1, Deadline.Soon, "the crowd's connections are gone", () => $"{echo.Open} open");
        await Deadline.Until(NextIsServed, Deadline.Soon, "the next client is served", junction.Program.Said);
        await Exchange(seated, 2000);

        // Refused is an answer, while the crowd's last descriptors are on their way back; silence is none.
        async Task<bool> NextIsServed()
        {
            try
            {
                using var next = await Loopback.Connect(relayPort);
                await Exchange(next, 0);
                return true;
            }
            catch (SocketException e) when (e.SocketErrorCode == SocketError.ConnectionReset)
            {
                return false;
            }
        }

        async Task Exchange(Socket socket, long from)
        {
            await pattern.Send(socket, from, from + 1000).Within(Deadline.Soon, "a client sends");
            await pattern.Receive(socket, from, from + 1000).Within(Deadline.Soon, "a client gets its answer", junction.Program.Said);
        }
    }
}
