using System.IO.Pipelines;

namespace JunctionRelay.Links;

/// <summary>
/// What we send on a compressed stream: every write is sent at once, in blocks of its own, so that nobody waits for bytes that lie here. What does not shrink is sent as it is, and after that
/// more and more of it without a try.
/// </summary>
/// <param name="stream">The stream that this is the output of.</param>
/// <param name="output">Where the blocks go.</param>
/// <param name="mostBlock">What a compressed block may measure, so that it always fits into what the peer lets us send.</param>
internal sealed class CompressingWriter(LinkStream stream, LinkStreamOutput output, int mostBlock) : PipeWriter
{
    // After a block that did not shrink so many bytes go untried, and twice as many each time: random data costs a try in 16 MiB in the end, and text behind it is found again.
    private const int FirstPause = 64 * 1024;
    private const int LongestPause = 16 * 1024 * 1024;

    private byte[] _room = [];
    private int _filled;
    private int _pause;
    private int _untried;

    public override Memory<byte> GetMemory(int sizeHint = 0)
    {
        var needed = _filled + Math.Max(sizeHint, LinkSegmentPool.SmallBytes);
        if (_room.Length < needed)
            Array.Resize(ref _room, needed);
        return _room.AsMemory(_filled);
    }

    public override Span<byte> GetSpan(int sizeHint = 0) => GetMemory(sizeHint).Span;

    public override void Advance(int bytes) => _filled += bytes;

    public override ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default)
    {
        Commit();
        return output.FlushAsync(cancellationToken);
    }

    public override ValueTask<FlushResult> WriteAsync(ReadOnlyMemory<byte> source, CancellationToken cancellationToken = default)
    {
        Commit();
        if (source.Length > CompressedBlock.MostBytes)
            return WriteLongAsync(source, cancellationToken);
        Put(source.Span);
        return output.FlushAsync(cancellationToken);
    }

    public override void CancelPendingFlush() => output.CancelPendingFlush();

    /// <summary>A clean end, or with an exception an abort.</summary>
    public override void Complete(Exception? exception = null) => output.Complete(exception);

    /// <summary>What was advanced belongs to the stream now.</summary>
    public void Commit()
    {
        for (var at = 0; at < _filled; at += CompressedBlock.MostBytes)
            Put(_room.AsSpan(at, Math.Min(_filled - at, CompressedBlock.MostBytes)));
        _filled = 0;
    }

    private async ValueTask<FlushResult> WriteLongAsync(ReadOnlyMemory<byte> source, CancellationToken cancellationToken)
    {
        while (true)
        {
            var piece = source[..Math.Min(source.Length, CompressedBlock.MostBytes)];
            Put(piece.Span);
            source = source[piece.Length..];
            var flushed = await output.FlushAsync(cancellationToken);
            if (source.IsEmpty || flushed.IsCanceled)
                return flushed;
            // A block takes a fraction of a millisecond, which is long for the thread that serves every socket.
            await Task.Yield();
        }
    }

    private void Put(ReadOnlySpan<byte> bytes)
    {
        if (bytes.IsEmpty)
            return;
        var to = output.GetSpan(CompressedBlock.HeaderBytes + bytes.Length);
        var isDue = IsDue(bytes.Length);
        var length = isDue ? CompressedBlock.Compress(bytes, to, mostBlock) : 0;
        if (length > 0)
        {
            _pause = 0;
            stream.Session.HasSaved(bytes.Length - length);
        }
        else if (isDue)
        {
            _untried = _pause = Math.Clamp(_pause * 2, FirstPause, LongestPause);
        }

        output.Advance(length > 0 ? length : CompressedBlock.Store(bytes, to));
    }

    private bool IsDue(int bytes)
    {
        _untried -= Math.Min(_untried, bytes);
        return _untried == 0 && bytes >= CompressedBlock.LeastBytes;
    }
}
