using System.IO.Pipelines;
using System.Net;
using System.Runtime.CompilerServices;

namespace JunctionRelay.Connections;

/// <summary>
/// Two streams as a <see cref="Connection"/>: what is read from one and written to the other, standard input and output above all. Such streams have no reset: an
/// abort ends the output and leaves a read that blocks to itself.
/// </summary>
internal sealed class StreamConnection : Connection
{
    private readonly StreamInput _input;
    private readonly StreamOutput _output;
    private readonly CancellationTokenSource _aborted = new();
    private readonly Action? _ended;
    private int _disposed;

    /// <summary>Takes both streams over. <paramref name="ended"/>: told when all is over.</summary>
    public StreamConnection(Stream input, Stream output, Action? ended = null)
    {
        _ended = ended;
        _input = new StreamInput(input, _aborted.Token);
        _output = new StreamOutput(output, this);
    }

    public override PipeReader Input => _input;
    public override PipeWriter Output => _output;
    public override EndPoint? LocalEndPoint => null;
    public override EndPoint? RemoteEndPoint => null;

    public override ValueTask CompleteOutputAsync() => _output.EndAsync();

    public override void Abort(CloseReason reason)
    {
        _aborted.Cancel();
        _output.Close();
    }

    public override ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, 1) == 1) return ValueTask.CompletedTask;
        Abort(CloseReason.InternalError);
        _input.Complete();
        _ended?.Invoke();
        return ValueTask.CompletedTask;
    }

    private sealed class StreamInput(Stream stream, CancellationToken aborted) : SingleSegmentReader
    {
        private readonly byte[] _read = new byte[ReadBuffers.SmallBytes];
        private int _start;
        private int _end;
        private bool _atEnd;

        protected override bool TriesAtOnce => false;

        // A stream cannot be waited for without reading it.
        [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
        protected override async ValueTask<int> WaitAsync(CancellationToken cancellationToken)
        {
            if (_start < _end || _atEnd) return 0;
            using var either = CancellationTokenSource.CreateLinkedTokenSource(aborted, cancellationToken);
            try
            {
                (_start, _end) = (0, await stream.ReadAsync(_read, CancellationToken.None).AsTask().WaitAsync(either.Token));
                _atEnd = _end == 0;
                return 0;
            }
            catch (Exception e) when (e is IOException or ObjectDisposedException || e is OperationCanceledException && aborted.IsCancellationRequested)
            {
                throw new ConnectionBrokenException(ConnectionFault.Reset, inner: e);
            }
        }

        protected override ValueTask<int> ReceiveAsync(Memory<byte> free, CancellationToken cancellationToken)
        {
            if (_start == _end) return new(_atEnd ? 0 : NothingYet);
            var length = Math.Min(free.Length, _end - _start);
            _read.AsSpan(_start, length).CopyTo(free.Span);
            _start += length;
            return new(length);
        }
    }

    private sealed class StreamOutput(Stream stream, Connection owner) : DirectWriter(owner)
    {
        private int _closed;

        /// <summary>Whoever reads sees the end.</summary>
        public void Close()
        {
            if (Interlocked.Exchange(ref _closed, 1) == 1) return;
            try
            {
                stream.Dispose();
            }
            catch (IOException)
            {
                // Nobody reads.
            }
        }

        [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
        protected override async ValueTask<FlushResult> SendAsync(ReadOnlyMemory<byte> source)
        {
            try
            {
                await stream.WriteAsync(source);
                await stream.FlushAsync();
                return default;
            }
            catch (Exception e) when (e is IOException or ObjectDisposedException)
            {
                throw new ConnectionBrokenException(ConnectionFault.Reset, inner: e);
            }
        }

        protected override ValueTask SendEndAsync()
        {
            Close();
            return ValueTask.CompletedTask;
        }
    }
}
