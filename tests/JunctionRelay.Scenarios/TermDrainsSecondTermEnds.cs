using System.Net.Sockets;
using JunctionRelay.Scenarios.Harness;

namespace JunctionRelay.Scenarios;

/// <summary>TERM: nobody new, those here go on until they end; TERM again: at once.</summary>
public sealed class TermDrainsSecondTermEnds
{
    [Fact]
    public async Task One_TERM_lets_connections_end_by_themselves()
    {
        await using var scene = await Scene.Set();
        scene.Junction.Program.Send(Signal.Term);
        await scene.NobodyNewIsServed();

        await scene.Exchange(1000);
        Assert.False(scene.Junction.Program.HasExited);

        scene.Client.Shutdown(SocketShutdown.Send);
        await PatternedBytes.End(scene.Client).Within(Deadline.Soon, "the answer to our end");
        var result = await scene.Junction.Program.Exit(Deadline.Soon);
        Assert.True(result.ExitCode == 0, result.ToString());
        Assert.Equal("client-closed", scene.Ended().Reason);
    }

    [Fact]
    public async Task A_second_TERM_ends_them()
    {
        await using var scene = await Scene.Set();
        scene.Junction.Program.Send(Signal.Term);
        await scene.NobodyNewIsServed();
        await scene.Exchange(1000);

        scene.Junction.Program.Send(Signal.Term);
        Assert.Equal("reset", await Loopback.HowItEnds(scene.Client, Deadline.Soon));
        var result = await scene.Junction.Program.Exit(Deadline.Soon);
        Assert.True(result.ExitCode == 0, result.ToString());
        Assert.Equal("stopping", scene.Ended().Reason);
        await Deadline.Until(() => scene.Server.Open == 0, Deadline.Soon, "the server is told too");
    }

    // One client in the middle of its conversation.
    private sealed class Scene : IAsyncDisposable
    {
        private readonly PatternedBytes _pattern = new(seed: 1);
        private int _port;

        public required LoopbackServer Server { get; init; }

        public required JunctionProcess Junction { get; init; }

        public required Socket Client { get; init; }

        public static async Task<Scene> Set()
        {
            var server = LoopbackServer.Echo();
            var port = FreePort.Next();
            var junction = await JunctionProcess.Start($$"""
                { "relays": { "r": { "listen": ["127.0.0.1:{{port}}"], "target": ["127.0.0.1:{{server.Port}}"], "healthInterval": "0" } } }
                """);
            var scene = new Scene { Server = server, Junction = junction, Client = await Loopback.Connect(port), _port = port };
            await scene.Exchange(0);
            return scene;
        }

        public async Task Exchange(long from)
        {
            await _pattern.Send(Client, from, from + 1000);
            await _pattern.Receive(Client, from, from + 1000).Within(Deadline.Soon, "the client gets its answer");
        }

        // Those that tried whether they are still served sent nothing.
        public ConnectionLine Ended() => Assert.Single(Junction.Connections, c => c.ToTarget > 0);

        public Task NobodyNewIsServed() => Deadline.Until(() => Refused(_port), Deadline.Soon, "new clients are refused");

        public async ValueTask DisposeAsync()
        {
            Client.Dispose();
            await Junction.DisposeAsync();
            await Server.DisposeAsync();
        }

        private static bool Refused(int port)
        {
            using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            try
            {
                socket.Connect("127.0.0.1", port);
                return false;
            }
            catch (SocketException e) when (e.SocketErrorCode == SocketError.ConnectionRefused)
            {
                return true;
            }
        }
    }
}
