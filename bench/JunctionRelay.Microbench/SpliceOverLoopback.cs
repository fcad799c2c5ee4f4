using System.Net;
using System.Net.Sockets;
using BenchmarkDotNet.Attributes;
using JunctionRelay.Connections;
using JunctionRelay.Relay;

namespace JunctionRelay.Microbench;

/// <summary>
/// Only this shows what real sockets add to a splice per round trip and per MiB in allocations: the load program sees the relay's CPU
/// from outside, never its heap. Its times contain both ends' own system calls: compare them between two versions, not with a rival.
/// </summary>
public class SpliceOverLoopback
{
    private const int MessageBytes = 150;
    private const int BulkBytes = 1 << 20;
    private static readonly RelayLimits Limits = new(TimeSpan.FromSeconds(10), TimeSpan.FromSeconds(10), null, null);

    private readonly byte[] _bulk = new byte[BulkBytes];
    private readonly byte[] _answer = new byte[BulkBytes];
    private readonly byte[] _message = new byte[MessageBytes];
    private Socket _client = null!;
    private Socket _server = null!;
    private Thread _echo = null!;
    private Task<CloseReason> _splice = null!;

    [GlobalSetup]
    public void Setup()
    {
        Random.Shared.NextBytes(_bulk);
        (_client, var accepted) = Pair();
        (var dialled, _server) = Pair();
        _splice = new Splice(new SocketConnection(accepted), new SocketConnection(dialled), Limits, SocketSettings.Default, TimeProvider.System).RunAsync();
        _echo = new Thread(Echo);
        _echo.Start();
    }

    /// <summary>150 bytes there and back: four system calls of the relay, two of each end.</summary>
    [Benchmark]
    public void RoundTrip()
    {
        _client.Send(_message);
        Receive(_message);
    }

    /// <summary>1 MiB there and back.</summary>
    [Benchmark]
    public void Mebibyte()
    {
        _client.Send(_bulk);
        Receive(_answer);
        if (!_answer.AsSpan().SequenceEqual(_bulk))
            throw new InvalidOperationException("bytes were altered");
    }

    [GlobalCleanup]
    public async Task Cleanup()
    {
        _client.Shutdown(SocketShutdown.Send);
        await _splice;
        _echo.Join();
        _client.Dispose();
        _server.Dispose();
    }

    private void Receive(Span<byte> into)
    {
        for (var have = 0; have < into.Length;)
        {
            var received = _client.Receive(into[have..]);
            have += received > 0 ? received : throw new InvalidOperationException("the splice ended");
        }
    }

    // Collects a whole MiB before it answers when it gets more than a message: two ends that both only send would stand still.
    private void Echo()
    {
        var buffer = new byte[BulkBytes];
        while (_server.Receive(buffer) is > 0 and var have)
        {
            while (have > MessageBytes && have < BulkBytes)
                have += _server.Receive(buffer.AsSpan(have));
            _server.Send(buffer.AsSpan(0, have));
        }

        _server.Shutdown(SocketShutdown.Send);
    }

    private static (Socket Dialled, Socket Accepted) Pair()
    {
        using var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen(1);
        var dialled = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        dialled.Connect(listener.LocalEndPoint!);
        var accepted = listener.Accept();
        accepted.NoDelay = true;
        return (dialled, accepted);
    }
}
