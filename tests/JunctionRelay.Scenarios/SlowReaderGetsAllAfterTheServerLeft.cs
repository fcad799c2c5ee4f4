using System.Net.Sockets;
using JunctionRelay.Scenarios.Harness;

namespace JunctionRelay.Scenarios;

/// <summary>
/// A server answers, has both ends said, and leaves; its answer still lies in the junction's sockets because the client reads slowly. That is a
/// clean end, and all of the answer belongs to the client, however long it takes.
/// </summary>
public sealed class SlowReaderGetsAllAfterTheServerLeft
{
    private const int AnswerBytes = 64 << 20;

    // Read only after the server left: more than the buffers between junction and client take, less than what fits before the junction as well.
    private const int LastBytes = 4 << 20;

    private const int ClientBufferBytes = 64 * 1024;

    // Several times as long as the junction looks away between two looks at connections that are stuck.
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(4);

    [Fact]
    public async Task No_byte_is_lost_and_the_end_is_clean()
    {
        var answer = new PatternedBytes(seed: 1);
        await using var server = new LoopbackServer(async socket =>
        {
            await PatternedBytes.End(socket);
            await answer.Send(socket, 0, AnswerBytes);
            socket.Shutdown(SocketShutdown.Send);
        });
        var port = FreePort.Next();
        await using var junction = await JunctionProcess.Start($$"""
            { "relays": { "r": { "listen": ["127.0.0.1:{{port}}"], "target": ["127.0.0.1:{{server.Port}}"], "healthInterval": "0" } } }
            """);

        using var client = await Loopback.Connect(port, ClientBufferBytes);
        client.Shutdown(SocketShutdown.Send);
        await answer.Receive(client, 0, AnswerBytes - LastBytes).Within(Deadline.Start, "most of the answer");
        await Deadline.Until(() => server is { Accepted: 1, Open: 0 }, Deadline.Soon, "the server got rid of its answer and left");
        await Task.Delay(Pause);   // the slowness itself

        await answer.Receive(client, AnswerBytes - LastBytes, AnswerBytes).Within(Deadline.Soon, "the rest of the answer", junction.Program.Said);
        await PatternedBytes.End(client);
        var connection = Assert.Single(await junction.Ended(1));
        Assert.Equal(("client-closed", AnswerBytes), (connection.Reason, connection.ToClient));
    }
}
