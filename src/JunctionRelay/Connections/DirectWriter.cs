using System.IO.Pipelines;

namespace JunctionRelay.Connections;

/// <summary>
/// A <see cref="PipeWriter"/> directly over something that sends, with no pipe between: <see cref="WriteAsync"/> sends the caller's memory,
/// and only small pieces written through <see cref="GetMemory"/> are copied. One writer at a time.
/// </summary>
internal abstract class DirectWriter(Connection owner) : PipeWriter
{
    private const int FirstPieceBytes = 1024;

    private byte[]? _pieces;
    private int _unflushed;
    private int _ended;

    /// <summary>True once our direction was ended cleanly.</summary>
    public bool Ended => Volatile.Read(ref _ended) == 1;

    public override bool CanGetUnflushedBytes => true;
    public override long UnflushedBytes => _unflushed;

    /// <summary>Sends all of <paramref name="source"/>, which the caller may reuse when this completes.</summary>
    protected abstract ValueTask<FlushResult> SendAsync(ReadOnlyMemory<byte> source);

    /// <summary>Tells the peer that no more bytes come. Never throws.</summary>
    protected abstract ValueTask SendEndAsync();

    // No token: a cancelled write may be half done, and the stream is then of no use. A write that must end is ended by Connection.Abort.
    public override ValueTask<FlushResult> WriteAsync(ReadOnlyMemory<byte> source, CancellationToken cancellationToken = default) =>
        _unflushed == 0 ? SendAsync(source) : FlushThenSendAsync(source);

    public override ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default)
    {
        if (_unflushed == 0) return default;
        var pending = _pieces.AsMemory(0, _unflushed);
        _pieces = null;
        _unflushed = 0;
        return SendAsync(pending);
    }

    public override Memory<byte> GetMemory(int sizeHint = 0)
    {
        if (_pieces is null) _pieces = new byte[Math.Max(sizeHint, FirstPieceBytes)];
        else if (_pieces.Length - _unflushed < Math.Max(sizeHint, 1)) Array.Resize(ref _pieces, Math.Max(_pieces.Length * 2, _unflushed + sizeHint));
        return _pieces.AsMemory(_unflushed);
    }

    public override Span<byte> GetSpan(int sizeHint = 0) => GetMemory(sizeHint).Span;
    public override void Advance(int bytes) => _unflushed += bytes;

    /// <summary>Not offered: a write ends by aborting the connection.</summary>
    public override void CancelPendingFlush() => throw new NotSupportedException("Abort the connection instead.");

    /// <summary>Ends our direction cleanly, once: what is unflushed, then the end.</summary>
    public async ValueTask EndAsync()
    {
        if (Interlocked.Exchange(ref _ended, 1) == 1) return;
        try
        {
            await FlushAsync();
        }
        catch (ConnectionBrokenException)
        {
            // The reader of this connection meets the same fault and names it.
            return;
        }

        await SendEndAsync();
    }

    /// <summary>A clean end, or a reset when <paramref name="exception"/> says that the stream was cut.</summary>
    public override async ValueTask CompleteAsync(Exception? exception = null)
    {
        if (exception is null) await EndAsync();
        else owner.Abort(CloseReason.InternalError);
    }

    /// <summary>As <see cref="CompleteAsync"/>; a clean end must be awaited, so here only a cut is offered.</summary>
    public override void Complete(Exception? exception = null)
    {
        if (exception is null) throw new NotSupportedException("Await CompleteOutputAsync instead.");
        owner.Abort(CloseReason.InternalError);
    }

    private async ValueTask<FlushResult> FlushThenSendAsync(ReadOnlyMemory<byte> source)
    {
        await FlushAsync();
        return await SendAsync(source);
    }
}
