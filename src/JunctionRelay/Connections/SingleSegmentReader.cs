using System.Buffers;
using System.IO.Pipelines;
using System.Runtime.CompilerServices;

namespace JunctionRelay.Connections;

/// <summary>
/// A <see cref="PipeReader"/> directly over something that receives, with no pipe between: one buffer, held only while bytes are in
/// flight, so that an idle connection holds none. Every result is a single segment. One reader at a time.
/// </summary>
internal abstract class SingleSegmentReader : PipeReader
{
    /// <summary>No preamble that we peek at is longer than this; a reader that examines this much without consuming is a fault of ours.</summary>
    private const int MostUnconsumedBytes = ReadBuffers.SmallBytes;

    /// <summary>What <see cref="ReceiveAsync"/> answers when nothing has arrived.</summary>
    protected const int NothingYet = -1;

    private byte[]? _buffer;
    private int _start;
    private int _end;
    private int _examined;
    private bool _completed;
    private bool _wantsLarge;
    private bool _mayHaveMore;

    /// <summary>True once the peer ended its direction cleanly and that end was seen.</summary>
    public bool Ended { get; protected set; }

    /// <summary>Whether the last read filled the buffer and the next one is likely to succeed at once (skips one wait).</summary>
    protected virtual bool TriesAtOnce => true;

    /// <summary>Bytes that were received and not yet consumed.</summary>
    protected ReadOnlySpan<byte> Unconsumed => _buffer is null ? default : _buffer.AsSpan(_start, _end - _start);

    /// <summary>Waits until something arrived or the peer ended, holding no buffer. What it returns says nothing.</summary>
    protected abstract ValueTask<int> WaitAsync(CancellationToken cancellationToken);

    /// <summary>What an exception of <see cref="WaitAsync"/> means to the reader; null where it means what it is.</summary>
    protected virtual ConnectionBrokenException? Meaning(Exception exception) => null;

    /// <summary>Receives into <paramref name="free"/>: a count, 0 for a clean end, or <see cref="NothingYet"/>.</summary>
    protected abstract ValueTask<int> ReceiveAsync(Memory<byte> free, CancellationToken cancellationToken);

    public override ValueTask<ReadResult> ReadAsync(CancellationToken cancellationToken = default)
    {
        ObjectDisposedException.ThrowIf(_completed, this);
        if (_end > _examined || Ended) return new(Current());
        if (_mayHaveMore)
        {
            var receive = ReceiveAsync(Free(), cancellationToken);
            if (!receive.IsCompletedSuccessfully) return FinishReadAsync(receive, cancellationToken);
            if (Took(receive.Result)) return new(Current());
        }

        return WaitAndReadAsync(cancellationToken);
    }

    public override bool TryRead(out ReadResult result)
    {
        result = _end > _examined || Ended ? Current() : default;
        return _end > _examined || Ended;
    }

    public override void AdvanceTo(SequencePosition consumed) => AdvanceTo(consumed, consumed);

    public override void AdvanceTo(SequencePosition consumed, SequencePosition examined)
    {
        if (_buffer is null) return;
        _start = consumed.GetInteger();
        _examined = Math.Max(_start, examined.GetInteger());
        if (_start == _end && Ended) Release();
    }

    /// <summary>Not offered: a wait ends by its token, or by aborting the connection.</summary>
    public override void CancelPendingRead() => throw new NotSupportedException("Abort the connection instead.");

    public override void Complete(Exception? exception = null)
    {
        _completed = true;
        Release();
    }

    /// <summary>Moves what was received already into <paramref name="destination"/>: for a layer above that reads directly from now on.</summary>
    protected int TakeUnconsumed(Span<byte> destination)
    {
        var length = Math.Min(_end - _start, destination.Length);
        if (length == 0) return 0;
        Unconsumed[..length].CopyTo(destination);
        _start += length;
        _examined = Math.Max(_examined, _start);
        if (_start == _end) Release();
        return length;
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<ReadResult> FinishReadAsync(ValueTask<int> receive, CancellationToken cancellationToken) =>
        Took(await receive) ? Current() : await WaitAndReadAsync(cancellationToken);

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<ReadResult> WaitAndReadAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            if (_start == _end) Release();
            try
            {
                await WaitAsync(cancellationToken);
            }
            catch (Exception e) when (Meaning(e) is { } broken)
            {
                throw broken;
            }

            if (Took(await ReceiveAsync(Free(), cancellationToken))) return Current();
        }
    }

    private bool Took(int count)
    {
        if (count == NothingYet)
        {
            _mayHaveMore = false;
            return false;
        }

        if (count == 0)
        {
            Ended = true;
            return true;
        }

        var filled = _end + count == _buffer!.Length;
        _end += count;
        _wantsLarge = filled || (_wantsLarge && count >= ReadBuffers.SmallBytes);
        _mayHaveMore = filled && TriesAtOnce;
        return true;
    }

    private Memory<byte> Free()
    {
        if (_start == _end)
        {
            // A flow that outgrew its small buffer changes it here, between two reads, where nobody holds memory of it.
            if (_buffer is not null && _wantsLarge && _buffer.Length < ReadBuffers.LargeBytes) Release();
            _buffer ??= ReadBuffers.Rent(_wantsLarge);
            _start = _end = _examined = 0;
        }
        else if (_end == _buffer!.Length)
        {
            if (_start == 0) throw new InvalidOperationException($"A greeting examined {MostUnconsumedBytes} bytes without consuming any.");
            _buffer.AsSpan(_start, _end - _start).CopyTo(_buffer);
            _end -= _start;
            _examined -= _start;
            _start = 0;
        }

        return _buffer.AsMemory(_end);
    }

    private ReadResult Current() =>
        new(_buffer is null ? ReadOnlySequence<byte>.Empty : new ReadOnlySequence<byte>(_buffer, _start, _end - _start), isCanceled: false, Ended);

    private void Release()
    {
        if (_buffer is null) return;
        ReadBuffers.Return(_buffer);
        _buffer = null;
        _start = _end = _examined = 0;
    }
}
