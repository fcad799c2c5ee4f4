using System.Buffers;
using System.IO.Pipelines;
using System.Net;
using JunctionRelay.Connections;

namespace JunctionRelay.Tests.Links;

/// <summary>One end of a connection in memory that splits what it delivers and can be cut anywhere; stands for TLS, so it knows its peer.</summary>
internal sealed class MemoryConnection : Connection
{
    private readonly MemoryWire _in;
    private readonly MemoryWire _out;

    private MemoryConnection(MemoryWire input, MemoryWire output, PeerIdentity? peer)
    {
        (_in, _out, Peer) = (input, output, peer);
        Input = new Reader(input);
        Output = new Writer(output);
    }

    public override PipeReader Input { get; }
    public override PipeWriter Output { get; }
    public override EndPoint? LocalEndPoint => null;
    public override EndPoint? RemoteEndPoint => null;
    public override PeerIdentity? Peer { get; }

    /// <summary>Nothing more fits on the way to this end.</summary>
    public bool IsFull => _in.IsFull;

    /// <summary>How large the buffer was that the last receive came with; 0 when it only waited.</summary>
    public int ReceivesInto { get; private set; }

    public override ValueTask<int> ReceiveAsync(Memory<byte> destination, CancellationToken cancellationToken)
    {
        ReceivesInto = destination.Length;
        return base.ReceiveAsync(destination, cancellationToken);
    }

    /// <summary>Two ends that know each other by these names.</summary>
    public static (MemoryConnection Dialler, MemoryConnection Acceptor) Pair(string diallerName, string acceptorName, int seed)
    {
        var there = new MemoryWire(new Random(seed));
        var back = new MemoryWire(new Random(seed + 1));
        return (new MemoryConnection(back, there, Identity(acceptorName)), new MemoryConnection(there, back, Identity(diallerName)));
    }

    /// <summary>Cuts both directions once this end has sent or received so many more bytes.</summary>
    public void CutAfter(long sent, long received, CutKind kind)
    {
        (_out.CutAfter, _in.CutAfter) = (sent, received);
        _out.OnCut = _in.OnCut = () => Cut(kind);
    }

    public void Cut(CutKind kind)
    {
        _in.Cut(kind);
        _out.Cut(kind);
    }

    public override ValueTask CompleteOutputAsync()
    {
        _out.End();
        return ValueTask.CompletedTask;
    }

    /// <summary>Our end is gone at once; the other still reads what was on its way, and then a reset.</summary>
    public override void Abort(CloseReason reason)
    {
        _in.Abort();
        _out.Break();
    }

    public override ValueTask DisposeAsync()
    {
        if (!(_in.IsOver && _out.IsOver))
            Abort(CloseReason.InternalError);
        return ValueTask.CompletedTask;
    }

    public static PeerIdentity Identity(string name) => new(name, [name], "01", DateTimeOffset.MaxValue);

    private sealed class Reader(MemoryWire wire) : PipeReader
    {
        private bool _ended;

        public override async ValueTask<ReadResult> ReadAsync(CancellationToken cancellationToken = default)
        {
            var bytes = await wire.PeekAsync(cancellationToken);
            _ended = bytes.IsEmpty;
            return new ReadResult(new ReadOnlySequence<byte>(bytes), isCanceled: false, isCompleted: _ended);
        }

        public override void AdvanceTo(SequencePosition consumed) => wire.Take(_ended ? 0 : consumed.GetInteger());
        public override void AdvanceTo(SequencePosition consumed, SequencePosition examined) => AdvanceTo(consumed);
        public override bool TryRead(out ReadResult result) => throw new NotSupportedException();
        public override void CancelPendingRead() => throw new NotSupportedException();
        public override void Complete(Exception? exception = null) { }
    }

    private sealed class Writer(MemoryWire wire) : PipeWriter
    {
        private byte[] _pieces = [];
        private int _written;

        public override async ValueTask<FlushResult> WriteAsync(ReadOnlyMemory<byte> source, CancellationToken cancellationToken = default)
        {
            await wire.WriteAsync(source);
            return default;
        }

        public override async ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default)
        {
            await wire.WriteAsync(_pieces.AsMemory(0, _written));
            _written = 0;
            return default;
        }

        public override Memory<byte> GetMemory(int sizeHint = 0)
        {
            if (_pieces.Length - _written < Math.Max(sizeHint, 1))
                Array.Resize(ref _pieces, _written + Math.Max(sizeHint, 1024));
            return _pieces.AsMemory(_written);
        }

        public override Span<byte> GetSpan(int sizeHint = 0) => GetMemory(sizeHint).Span;
        public override void Advance(int bytes) => _written += bytes;
        public override void CancelPendingFlush() => throw new NotSupportedException();
        public override void Complete(Exception? exception = null) { }
    }
}
