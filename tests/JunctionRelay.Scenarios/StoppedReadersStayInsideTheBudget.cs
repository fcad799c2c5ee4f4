using System.Net.Sockets;
using JunctionRelay.Scenarios.Harness;

namespace JunctionRelay.Scenarios;

/// <summary>
/// A thousand connections over a link whose clients have stopped reading while their server sends on: neither junction holds more than the budget of the link, and
/// another connection is served meanwhile.
/// </summary>
[Collection(Alone.Name)]
public sealed class StoppedReadersStayInsideTheBudget
{
    private const int Connections = 1000;
    private const int Port = 5000;
    private const int OtherPort = 5001;
    private const long Mebibyte = 1 << 20;

    // Of the scenario's own sockets, so that the kernel does not fill gigabytes.
    private const int SmallBufferBytes = 64 * 1024;

    // What a link may hold in one direction, and what a junction of .NET has anyway: code, pools, a garbage collector in no hurry.
    private const long Budget = 128 * Mebibyte;
    private const long Anyway = 128 * Mebibyte;

    [Fact]
    public async Task Neither_junction_holds_more_than_that()
    {
        await using var route = await Route.Lay(Route.Pair);
        var sent = 0L;
        await using var endless = new LoopbackServer(Flood, Port, route.Server, Route.ServerAddress);
        await using var other = new LoopbackServer(Echo, OtherPort, route.Server, Route.ServerAddress);
        await route.Open(new RoutePort("endless", Port, Port), new RoutePort("other", OtherPort, OtherPort));
        var stopped = new List<Socket>();
        try
        {
            while (stopped.Count < Connections)
                stopped.AddRange(await Task.WhenAll(Enumerable.Range(0, 50).Select(_ => route.Connect(Port, SmallBufferBytes))));
            await Deadline.Until(() => endless.Open >= Connections, Deadline.Start, "the server has all connections", route.Trouble);
            await Stuck();

            using (var socket = await route.Connect(OtherPort))
            {
                var pattern = new PatternedBytes(seed: 1);
                await Task.WhenAll(pattern.Send(socket, 0, 4 * Mebibyte), pattern.Receive(socket, 0, 4 * Mebibyte)).Within(Deadline.Start, "another connection is served", route.Trouble);
            }

            foreach (var junction in route.Junctions)
                Assert.True(junction.PeakMemoryBytes < Budget + Anyway, $"{junction.Name} held up to {junction.PeakMemoryBytes / Mebibyte} MiB; {sent / Mebibyte} MiB were sent.");
        }
        finally
        {
            foreach (var socket in stopped)
                socket.Dispose();
        }

        async Task Flood(Socket socket)
        {
            socket.SendBufferSize = SmallBufferBytes;
            var bytes = new byte[64 * 1024];
            while (true)
                Interlocked.Add(ref sent, await socket.SendAsync(bytes));
        }

        // Until the server gets rid of nothing more.
        async Task Stuck()
        {
            for (var (before, calm) = (-1L, 0); calm < 10; calm = before == Interlocked.Read(ref sent) ? calm + 1 : 0)
            {
                before = Interlocked.Read(ref sent);
                await Task.Delay(100);
            }
        }
    }

    private static async Task Echo(Socket socket)
    {
        var buffer = new byte[64 * 1024];
        while (await socket.ReceiveAsync(buffer) is > 0 and var length)
            await socket.SendAsync(buffer.AsMemory(0, length));
    }
}
