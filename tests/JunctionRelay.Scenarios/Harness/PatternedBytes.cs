using System.Net.Sockets;

namespace JunctionRelay.Scenarios.Harness;

/// <summary>
/// Bytes that are known at every offset: a random block of prime length over and over, so that no buffer size divides it and a lost, doubled or
/// swapped piece never looks right.
/// </summary>
/// <param name="seed">Which bytes; two seeds share none of their blocks.</param>
internal sealed class PatternedBytes(int seed)
{
    private const int Period = 65_521;
    private const int Chunk = 128 * 1024;

    private readonly byte[] _block = Block(seed);

    /// <summary>Sends bytes <paramref name="from"/> to <paramref name="to"/> of the pattern.</summary>
    public async Task Send(Socket socket, long from, long to, int chunk = Chunk)
    {
        var buffer = new byte[chunk];
        while (from < to)
        {
            var length = (int)Math.Min(chunk, to - from);
            Fill(buffer.AsSpan(0, length), from);
            for (var sent = 0; sent < length;)
                sent += await socket.SendAsync(buffer.AsMemory(sent, length - sent));
            from += length;
        }
    }

    /// <summary>Receives bytes <paramref name="from"/> to <paramref name="to"/> and fails at the first that differs or is missing.</summary>
    public async Task Receive(Socket socket, long from, long to)
    {
        var buffer = new byte[Chunk];
        while (from < to)
        {
            var length = await socket.ReceiveAsync(buffer.AsMemory(0, (int)Math.Min(Chunk, to - from)));
            if (length == 0)
                Assert.Fail($"The connection ended after {from} of {to} bytes.");
            Compare(buffer.AsSpan(0, length), from);
            from += length;
        }
    }

    /// <summary>Receives the pattern from its beginning until the peer ends, and fails at the first byte that differs; says after each piece how many bytes have arrived.</summary>
    public async Task<long> ReceiveToEnd(Socket socket, Action<long> arrived)
    {
        var buffer = new byte[Chunk];
        var from = 0L;
        while (await socket.ReceiveAsync(buffer) is > 0 and var length)
        {
            Compare(buffer.AsSpan(0, length), from);
            from += length;
            arrived(from);
        }

        return from;
    }

    /// <summary>Fails unless the peer ends here, cleanly.</summary>
    public static async Task End(Socket socket) => Assert.Equal(0, await socket.ReceiveAsync(new byte[1]));

    private static byte[] Block(int seed)
    {
        var block = new byte[Period];
        new Random(seed).NextBytes(block);
        return block;
    }

    private void Compare(ReadOnlySpan<byte> received, long from)
    {
        while (received.Length > 0)
        {
            // Piece by piece against the block itself, without a copy.
            var expected = _block.AsSpan((int)(from % Period));
            var length = Math.Min(expected.Length, received.Length);
            var equal = received[..length].CommonPrefixLength(expected);
            if (equal < length)
                Assert.Fail($"Byte {from + equal} is {received[equal]:x2}, not {expected[equal]:x2}.");
            received = received[length..];
            from += length;
        }
    }

    private void Fill(Span<byte> span, long from)
    {
        while (span.Length > 0)
        {
            var piece = _block.AsSpan((int)(from % Period));
            piece = piece[..Math.Min(piece.Length, span.Length)];
            piece.CopyTo(span);
            span = span[piece.Length..];
            from += piece.Length;
        }
    }
}
