using System.Runtime.CompilerServices;

namespace JunctionRelay.Connections;

/// <summary>
/// A <see cref="Connection"/> as the <see cref="Stream"/> that <see cref="System.Net.Security.SslStream"/> wants. Remembers whether the
/// transport's own end was read, which is how a missing close_notify shows.
/// </summary>
internal sealed class ConnectionStream(Connection connection) : Stream
{
    /// <summary>True once the transport below ended (FIN).</summary>
    public bool TransportEnded { get; private set; }

    /// <summary>True once a byte arrived.</summary>
    public bool ReceivedAnything { get; private set; }

    /// <summary>
    /// While set, what follows a read that had to wait runs on the thread pool: a handshake is a millisecond of arithmetic, and the thread that
    /// serves all sockets has none to spare.
    /// </summary>
    public bool LeavesEngineThread { get; set; }

    /// <summary>
    /// SslStream waits for each record with an empty read before it takes a buffer. While whoever reads the session holds a buffer anyway, that is a system call more
    /// for each record and saves no memory: then it waits with its buffer.
    /// </summary>
    public bool WaitsWithBuffer { get; set; }

    /// <summary>
    /// Held by whoever makes the TLS library work on the state of the session outside its own lock: a read, while it decrypts (not while it waits), and
    /// the making of close_notify. SslStream.ShutdownAsync takes no lock of its own, and OpenSSL allows one thread at a time (SSL_shutdown beside SSL_read
    /// fails, or worse). Null during the handshake, which is alone.
    /// </summary>
    public SemaphoreSlim? Work { get; set; }

    public override bool CanRead => true;
    public override bool CanWrite => true;
    public override bool CanSeek => false;
    public override long Length => throw new NotSupportedException();
    public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (buffer.IsEmpty && WaitsWithBuffer) return new(0);
        var read = connection.ReceiveAsync(buffer, cancellationToken);
        if (!read.IsCompletedSuccessfully || LeavesEngineThread) return FinishAsync(read, buffer.IsEmpty);
        var count = read.Result;
        Note(count, buffer.IsEmpty);
        return new(count);
    }

    public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        var write = connection.Output.WriteAsync(buffer, CancellationToken.None);
        if (!write.IsCompletedSuccessfully) return Finish(write);
        _ = write.Result;
        return default;

        [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
        static async ValueTask Finish(ValueTask<System.IO.Pipelines.FlushResult> write) => await write;
    }

    public override async Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        await ReadAsync(buffer.AsMemory(offset, count), cancellationToken);

    public override async Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        await WriteAsync(buffer.AsMemory(offset, count), cancellationToken);

    public override Task FlushAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    public override void Flush() { }
    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException("Read asynchronously.");
    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException("Write asynchronously.");
    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();
    public override void SetLength(long value) => throw new NotSupportedException();

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<int> FinishAsync(ValueTask<int> read, bool waitOnly)
    {
        int count;
        Work?.Release();
        try
        {
            count = await read;
        }
        finally
        {
            if (Work is { } work) await work.WaitAsync(CancellationToken.None);
        }

        Note(count, waitOnly);
        if (LeavesEngineThread) await Task.Yield();
        return count;
    }

    private void Note(int count, bool waitOnly)
    {
        if (count > 0) ReceivedAnything = true;
        else if (!waitOnly) TransportEnded = true;
    }
}
