using System.Buffers;
using System.IO.Pipelines;
using JunctionRelay.Connections;

namespace JunctionRelay.Links;

/// <summary>
/// What the peer sends on a compressed stream. The blocks stay in the stream's window until the reader has taken what they make, so that <i>delivered</i> means what it means elsewhere; what
/// they make has a bound of its own, which is reserved in the link's budget.
/// </summary>
/// <param name="stream">The stream that this is the input of.</param>
/// <param name="input">Where the blocks come from.</param>
internal sealed class DecompressingReader(LinkStream stream, LinkStreamInput input) : PipeReader
{
    /// <summary>What blocks may make before the reader takes it: one that has been looked at, and the next.</summary>
    public const int MostPlainBytes = 2 * CompressedBlock.MostBytes;

    private byte[]? _plain;      // rented while something lies in it
    private int _start, _end;    // what the reader has not taken
    private int _examined;       // how far it has looked
    private long _owed;          // bytes of the blocks that made it
    private int _stored;         // what is still to come of a stored block
    private bool _isEnded;
    private bool _isCancelled;

    public override ValueTask<ReadResult> ReadAsync(CancellationToken cancellationToken = default) =>
        TryRead(out var result) ? new ValueTask<ReadResult>(result) : WaitAsync(cancellationToken);

    public override bool TryRead(out ReadResult result)
    {
        lock (stream.Gate)
            stream.ThrowIfBroken();
        while (!HasNews)
        {
            if (!input.TryRead(out var read))
            {
                result = default;
                return false;
            }

            Take(read);
        }

        result = new ReadResult(_plain is null ? ReadOnlySequence<byte>.Empty : new ReadOnlySequence<byte>(_plain, _start, _end - _start), _isCancelled, _isEnded);
        _isCancelled = false;
        return true;
    }

    public override void AdvanceTo(SequencePosition consumed) => AdvanceTo(consumed, consumed);

    public override void AdvanceTo(SequencePosition consumed, SequencePosition examined)
    {
        if (_plain is null)
            return;
        (_start, _examined) = (consumed.GetInteger(), examined.GetInteger());
        GiveBack();
    }

    public override void CancelPendingRead() => input.CancelPendingRead();

    public override void Complete(Exception? exception = null) => input.Complete(exception);

    private bool HasNews => _isCancelled || _end > _examined || _isEnded;

    private async ValueTask<ReadResult> WaitAsync(CancellationToken cancellationToken)
    {
        ReadResult result;
        do Take(await input.ReadAsync(cancellationToken));
        while (!TryRead(out result));
        return result;
    }

    private void Take(ReadResult read)
    {
        _isCancelled |= read.IsCanceled;
        var rest = read.Buffer.Slice(_owed);
        var before = rest.Length;
        var found = CompressedRead.Taken;
        while (found == CompressedRead.Taken)
        {
            MakeRoom();
            found = CompressedBlock.Read(ref rest, _plain.AsSpan(_end), ref _stored, out var written, out var saved);
            _end += written;
            if (saved > 0)
                stream.Session.HasSaved(saved);
        }

        _owed += before - rest.Length;
        if (found == CompressedRead.Wrong || found == CompressedRead.Incomplete && read.IsCompleted && (_stored > 0 || !rest.IsEmpty))
            throw Violation(found == CompressedRead.Wrong ? "holds a block that is none" : "ends in the middle of a block");
        _isEnded = read.IsCompleted && found == CompressedRead.Incomplete;
        // What there was no room for is there when the reader has taken something; else only more bytes are news.
        input.AdvanceTo(read.Buffer.Start, found == CompressedRead.NoRoom && _end > _examined ? rest.Start : read.Buffer.End);
        GiveBack();
    }

    // All is taken: the blocks are delivered.
    private void GiveBack()
    {
        if (_start < _end)
            return;
        ArrayPool<byte>.Shared.Return(_plain!);
        (_plain, _start, _end, _examined) = (null, 0, 0, 0);
        if (_owed > 0)
            input.TakeFirst(_owed);
        _owed = 0;
    }

    private void MakeRoom()
    {
        _plain ??= ArrayPool<byte>.Shared.Rent(MostPlainBytes);
        if (_start == 0 || _plain.Length - _end >= CompressedBlock.MostBytes)
            return;
        _plain.AsSpan(_start, _end - _start).CopyTo(_plain);
        (_end, _examined, _start) = (_end - _start, _examined - _start, 0);
    }

    private ConnectionBrokenException Violation(string what)
    {
        var text = $"compressed stream {stream.Id} {what}";
        stream.Abort(CloseReason.LinkViolation, text);
        return new ConnectionBrokenException(ConnectionFault.Reset, CloseReason.LinkViolation, text);
    }
}
