using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Net.Sockets;

namespace JunctionRelay.Scenarios.Harness;

/// <summary>
/// One connection on which both ends send a pattern of its own, unlike any other connection's, until they are told to stop; each compares every byte, and at the
/// end their number. Slow enough to leave the processor to the junctions, and always with something under way.
/// </summary>
internal sealed class PatternedFlow
{
    private const int PieceBytes = 2_003;

    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(10);

    private readonly int _number;
    private readonly CancellationToken _stop;
    private readonly TaskCompletionSource<(long Received, long Sent)> _served = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private long _up;
    private long _down;

    private PatternedFlow(int number, CancellationToken stop) => (_number, _stop) = (number, stop);

    /// <summary>Bytes that have arrived at the server.</summary>
    public long Up => Volatile.Read(ref _up);

    /// <summary>Bytes that have arrived at the client.</summary>
    public long Down => Volatile.Read(ref _down);

    /// <summary>Completes when both ends have ended cleanly and every byte has arrived; fails with the first thing that is wrong.</summary>
    public Task Ended { get; private set; } = Task.CompletedTask;

    public override string ToString() => $"connection {_number} (up {Up}, down {Down}{(Ended.IsFaulted ? $", {Ended.Exception.InnerException!.Message}" : "")})";

    /// <summary>Where the flows lead: a server that knows each of them by the number that its client says first.</summary>
    public static LoopbackServer Server(ConcurrentDictionary<int, PatternedFlow> flows, Route route, int port) => new(
        async socket =>
        {
            var number = new byte[sizeof(int)];
            for (var have = 0; have < number.Length;)
            {
                if (await socket.ReceiveAsync(number.AsMemory(have)) is not (> 0 and var length))
                    return;   // a health check
                have += length;
            }

            await flows[BinaryPrimitives.ReadInt32LittleEndian(number)].Serve(socket);
        },
        port, route.Server, Route.ServerAddress);

    /// <summary>Takes over a client's connection.</summary>
    public static PatternedFlow Start(ConcurrentDictionary<int, PatternedFlow> flows, Socket client, CancellationToken stop)
    {
        var flow = new PatternedFlow(flows.Count, stop);
        flows[flow._number] = flow;
        flow.Ended = flow.Run(client);
        return flow;
    }

    private async Task Run(Socket client)
    {
        using (client)
        {
            var number = new byte[sizeof(int)];
            BinaryPrimitives.WriteInt32LittleEndian(number, _number);
            await client.SendAsync(number);
            var sending = Send(client, 2 * _number);
            var receiving = Receive(client, (2 * _number) + 1, arrived => Volatile.Write(ref _down, arrived));
            // Whatever fails first is what is told.
            await foreach (var part in Task.WhenEach(sending, receiving, _served.Task))
                await part;
            Assert.Equal((await sending, await receiving), await _served.Task);
        }
    }

    private async Task Serve(Socket server)
    {
        try
        {
            var receiving = Receive(server, 2 * _number, arrived => Volatile.Write(ref _up, arrived));
            var sending = Send(server, (2 * _number) + 1);
            await foreach (var part in Task.WhenEach(receiving, sending))
                await part;
            _served.SetResult((await receiving, await sending));
        }
        catch (Exception e)
        {
            _served.SetException(new InvalidOperationException($"at the server: {e.Message}", e));
        }
    }

    private async Task<long> Send(Socket socket, int seed)
    {
        var pattern = new PatternedBytes(seed);
        var sent = 0L;
        while (!_stop.IsCancellationRequested)
        {
            await pattern.Send(socket, sent, sent + PieceBytes);
            sent += PieceBytes;
            await Task.Delay(Pause, CancellationToken.None);
        }

        socket.Shutdown(SocketShutdown.Send);
        return sent;
    }

    private static async Task<long> Receive(Socket socket, int seed, Action<long> arrived) =>
        await new PatternedBytes(seed).ReceiveToEnd(socket, arrived);
}
