using System.Diagnostics;
using System.Text;
using JunctionRelay.Connections;
using JunctionRelay.Tests.Harness;

namespace JunctionRelay.Tests.Links;

/// <summary>Bytes that tell where they belong: any that is lost, doubled, moved or of another stream shows.</summary>
internal static class Pattern
{
    public static void Fill(Span<byte> bytes, int stream, long offset)
    {
        for (var i = 0; i < bytes.Length; i++)
            bytes[i] = At(stream, offset + i);
    }

    public static async Task SendAsync(Connection connection, int stream, long length, int seed = 0)
    {
        var random = new Random(stream * 31 + seed);
        var buffer = new byte[48 * 1024];
        for (var sent = 0L; sent < length;)
        {
            var piece = buffer.AsMemory(0, (int)Math.Min(random.Next(3) == 0 ? random.Next(1, 200) : random.Next(1, buffer.Length), length - sent));
            Fill(piece.Span, stream, sent);
            await connection.Output.WriteAsync(piece);
            sent += piece.Length;
        }

        await connection.CompleteOutputAsync();
    }

    public static async Task CheckAsync(Connection connection, int stream, long length)
    {
        var offset = 0L;
        while (true)
        {
            var read = await connection.Input.ReadAsync();
            foreach (var segment in read.Buffer)
            {
                for (var i = 0; i < segment.Length; i++, offset++)
                {
                    if (segment.Span[i] != At(stream, offset))
                        Assert.Fail($"stream {stream}: byte {offset} is {segment.Span[i]}, not {At(stream, offset)}");
                }
            }

            connection.Input.AdvanceTo(read.Buffer.End);
            if (read.IsCompleted)
                break;
        }

        Assert.Equal(length, offset);
    }

    public static async Task<string> ReadToEndAsync(this Connection connection)
    {
        var text = new StringBuilder();
        while (true)
        {
            var read = await connection.Input.ReadAsync().AsTask().WaitAsync(Eventually.Deadline);
            text.Append(Encoding.UTF8.GetString(read.Buffer));
            connection.Input.AdvanceTo(read.Buffer.End);
            if (read.IsCompleted)
                return text.ToString();
        }
    }

    private static byte At(int stream, long offset) => (byte)((offset * 131 + stream * 17 + (offset >> 11)) % 251);
}

internal static class EventuallyStable
{
    extension(Eventually)
    {
        /// <summary>Waits until a number has not moved for 200 ms.</summary>
        public static async Task StableAsync(Func<int> number)
        {
            var watch = Stopwatch.StartNew();
            var last = number();
            while (watch.Elapsed < TimeSpan.FromMilliseconds(200))
            {
                await Task.Delay(10);
                if (number() == last)
                    continue;
                last = number();
                watch.Restart();
            }
        }
    }
}
