using System.Buffers;
using JunctionRelay.Connections;
using JunctionRelay.Links;
using JunctionRelay.Tests.Harness;

namespace JunctionRelay.Tests.Links;

/// <summary>A peer that speaks frames by hand, and so can say anything. It dials the junction "hq".</summary>
internal sealed class RawPeer : IAsyncDisposable
{
    private readonly MemoryConnection _connection;
    private readonly List<byte> _read = [];

    public RawPeer(LinkAcceptor acceptor, string name = "cloud", int seed = 7)
    {
        (_connection, var accepted) = MemoryConnection.Pair(name, "hq", seed);
        Served = acceptor.RunAsync(accepted);
    }

    /// <summary>The acceptor's work for this connection.</summary>
    public Task Served { get; }

    public static LinkParty Party { get; } = new("cloud", Guid.Parse("11111111-2222-3333-4444-555555555555"), 1);

    public static LinkHello Hello { get; } = new() { Party = Party, Limits = new LinkLimits(1000, 16 * 1024, 60_000) };

    /// <summary>As much as may be is on its way to us, and the junction waits until we read.</summary>
    public bool IsWaitedFor => _connection.IsFull;

    /// <summary>Says HELLO and returns the answer.</summary>
    public async Task<LinkHello> GreetAsync(LinkHello? hello = null)
    {
        var bytes = new byte[8192];
        await SendAsync(bytes[..(hello ?? Hello).Write(bytes)]);
        var (frame, payload) = await ReadAsync();
        Assert.Equal(LinkFrameType.Hello, frame.Type);
        return LinkHello.Read(payload).Hello!;
    }

    public async Task SendAsync(params byte[] bytes) => await _connection.Output.WriteAsync(bytes).AsTask().WaitAsync(Eventually.Deadline);

    public Task SendAsync(LinkFrameType type, uint stream, params byte[] payload) => SendAsync(Frame(type, stream, payload));

    public static byte[] Frame(LinkFrameType type, uint stream, params byte[] payload)
    {
        var header = new byte[LinkFrame.HeaderBytes];
        LinkFrame.WriteHeader(header, type, payload.Length, stream);
        return [.. header, .. payload];
    }

    public static byte[] Open(uint stream, string service = "lmgrd")
    {
        var bytes = new byte[8192];
        return bytes[..LinkPair.Open(service).Write(bytes, stream)];
    }

    public static byte[] Held(uint stream)
    {
        var bytes = new byte[8192];
        return bytes[..(LinkPair.Open() with { IsHeld = true }).Write(bytes, stream)];
    }

    public static byte[] Data(uint stream, long offset, params byte[] data)
    {
        var header = new byte[LinkFrame.DataHeaderBytes];
        LinkFrame.WriteDataHeader(header, stream, offset, data.Length);
        return [.. header, .. data];
    }

    public static byte[] Credit(uint stream, long received, long delivered, long limit)
    {
        var bytes = new byte[LinkFrame.CreditBytes];
        LinkFrame.WriteCredit(bytes, stream, new KnownStream(false, received, delivered, limit));
        return bytes;
    }

    /// <summary>The next frame.</summary>
    public async Task<(LinkFrame Frame, byte[] Payload)> ReadAsync()
    {
        while (true)
        {
            if (_read.Count >= LinkFrame.HeaderBytes)
            {
                var frame = LinkFrame.ReadHeader(_read.GetRange(0, LinkFrame.HeaderBytes).ToArray());
                if (_read.Count >= LinkFrame.HeaderBytes + frame.Length)
                {
                    var payload = _read.GetRange(LinkFrame.HeaderBytes, frame.Length).ToArray();
                    _read.RemoveRange(0, LinkFrame.HeaderBytes + frame.Length);
                    return (frame, payload);
                }
            }

            var read = await _connection.Input.ReadAsync().AsTask().WaitAsync(Eventually.Deadline);
            if (read.IsCompleted)
                throw new IOException("the junction ended the connection");
            _read.AddRange(read.Buffer.ToArray());
            _connection.Input.AdvanceTo(read.Buffer.End);
        }
    }

    /// <summary>The next frame of a type; others are passed over.</summary>
    public async Task<(LinkFrame Frame, byte[] Payload)> ReadAsync(LinkFrameType type)
    {
        while (true)
        {
            var read = await ReadAsync();
            if (read.Frame.Type == type)
                return read;
        }
    }

    /// <summary>The session must end, by a CLOSE that names what was wrong.</summary>
    public async Task<string> ReadViolationAsync()
    {
        var (_, payload) = await ReadAsync(LinkFrameType.Close);
        var (reason, text) = LinkFrame.ReadReason(payload);
        Assert.Equal(CloseReason.LinkViolation, reason);
        await Served.WaitAsync(Eventually.Deadline);
        return text;
    }

    public async ValueTask DisposeAsync()
    {
        await _connection.DisposeAsync();
        await Served.WaitAsync(Eventually.Deadline);
    }
}
