using System.Buffers;
using System.IO.Pipelines;
using System.Net;
using JunctionRelay.Connections;

namespace JunctionRelay.Microbench;

/// <summary>
/// A connection without a kernel: gives the same piece a set number of times, then a clean end, and swallows what is written. Every call
/// completes at once, so what remains to be measured is the splice.
/// </summary>
internal sealed class ScriptedConnection(byte[] piece, int count) : Connection
{
    private readonly Script _script = new(piece, count);
    private readonly Sink _sink = new();

    public override PipeReader Input => _script;
    public override PipeWriter Output => _sink;
    public override EndPoint? LocalEndPoint => null;
    public override EndPoint? RemoteEndPoint => null;

    public override ValueTask CompleteOutputAsync() => ValueTask.CompletedTask;

    public override void Abort(CloseReason reason)
    {
    }

    public override ValueTask DisposeAsync() => ValueTask.CompletedTask;

    private sealed class Script(byte[] piece, int count) : PipeReader
    {
        private readonly ReadOnlySequence<byte> _piece = new(piece);
        private int _left = count;

        public override ValueTask<ReadResult> ReadAsync(CancellationToken cancellationToken = default) => _left-- > 0
            ? new(new ReadResult(_piece, isCanceled: false, isCompleted: false))
            : new(new ReadResult(ReadOnlySequence<byte>.Empty, isCanceled: false, isCompleted: true));

        public override void AdvanceTo(SequencePosition consumed)
        {
        }

        public override void AdvanceTo(SequencePosition consumed, SequencePosition examined)
        {
        }

        public override bool TryRead(out ReadResult result) => throw new NotSupportedException();

        public override void CancelPendingRead() => throw new NotSupportedException();

        public override void Complete(Exception? exception = null)
        {
        }
    }

    private sealed class Sink : PipeWriter
    {
        public override ValueTask<FlushResult> WriteAsync(ReadOnlyMemory<byte> source, CancellationToken cancellationToken = default) => default;

        public override ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default) => default;

        public override void Advance(int bytes) => throw new NotSupportedException();

        public override Memory<byte> GetMemory(int sizeHint = 0) => throw new NotSupportedException();

        public override Span<byte> GetSpan(int sizeHint = 0) => throw new NotSupportedException();

        public override void CancelPendingFlush() => throw new NotSupportedException();

        public override void Complete(Exception? exception = null)
        {
        }
    }
}
