using System.Buffers;
using System.IO.Pipelines;
using JunctionRelay.Connections;

namespace JunctionRelay.Licensing;

/// <summary>What is to become of the bytes at the start of a message.</summary>
internal readonly record struct FollowStep
{
    /// <summary>Of how many bytes this decides; 0: there must be more of them.</summary>
    public int Bytes { get; private init; }

    /// <summary>What passes in their place; null: they pass as they are.</summary>
    public byte[]? Instead { get; private init; }

    /// <summary>Nobody needs to read along any further.</summary>
    public bool IsOver { get; private init; }

    /// <summary>The conversation ends here.</summary>
    public CloseReason? Refused { get; private init; }

    /// <summary>For people: why it is over or refused.</summary>
    public string? Why { get; private init; }

    public static FollowStep NeedMore => default;
    public static FollowStep Pass(int bytes) => new() { Bytes = bytes };
    public static FollowStep Replace(int bytes, byte[] instead) => new() { Bytes = bytes, Instead = instead };
    public static FollowStep Over(string? why = null) => new() { IsOver = true, Why = why };
    public static FollowStep Refuse(CloseReason reason, string why) => new() { Refused = reason, Why = why };
}

/// <summary>
/// One direction of a conversation of which somebody reads along, message by message, however they arrive. Bytes are passed on as they come; where it
/// <paramref name="holdsBack"/>, not before they are judged, and then for <see cref="Patience"/> at most. When the reading along is over, this is the inner reader.
/// </summary>
/// <param name="judge">Judges the bytes at the start of a message.</param>
/// <param name="gaveUp">Told why nobody reads along any further, where that is worth telling.</param>
internal sealed class FollowedInput(PipeReader inner, FollowedInput.Judge judge, bool holdsBack, Action<string> gaveUp, TimeProvider time) : PipeReader
{
    /// <summary>What stops in the middle of a message waits no longer than this: it may be something else after all.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    private byte[] _bytes = [];
    private int _passed;     // consumed by our reader
    private int _examined;   // seen by our reader
    private int _judged;     // decided about
    private int _end;
    private int _skip;       // decided about, and still to come
    private bool _isOver;
    private bool _hasEnded;
    private bool _isInner;   // the last result was the inner reader's own
    private Task<ReadResult>? _ahead;   // outlasted our patience
    private Task? _patience;
    private ConnectionBrokenException? _refusal;

    /// <summary>Judges bytes, of which there is at least one.</summary>
    public delegate FollowStep Judge(ReadOnlySpan<byte> bytes);

    private int Passable => !holdsBack || _isOver || (_hasEnded && _refusal is null) ? _end : _judged;

    public override ValueTask<ReadResult> ReadAsync(CancellationToken cancellationToken = default)
    {
        _isInner = _isOver && !_hasEnded && _passed == _end && _ahead is null;
        return _isInner ? inner.ReadAsync(cancellationToken) : FollowAsync();
    }

    /// <summary>Not offered: what was read may have to wait.</summary>
    public override bool TryRead(out ReadResult result) => throw new NotSupportedException("Read with ReadAsync.");

    public override void AdvanceTo(SequencePosition consumed) => AdvanceTo(consumed, consumed);

    public override void AdvanceTo(SequencePosition consumed, SequencePosition examined)
    {
        if (_isInner) inner.AdvanceTo(consumed, examined);
        else (_passed, _examined) = (consumed.GetInteger(), Math.Max(consumed.GetInteger(), examined.GetInteger()));
    }

    public override void CancelPendingRead() => throw new NotSupportedException("Abort the connection instead.");
    public override void Complete(Exception? exception = null) => inner.Complete(exception);

    private async ValueTask<ReadResult> FollowAsync()
    {
        while (true)
        {
            JudgeAll();
            if (Passable > _examined) return Current();
            if (_refusal is not null) throw _refusal;
            if (_hasEnded) return Current();

            var read = _ahead ?? inner.ReadAsync().AsTask();
            _ahead = null;
            if (Passable == _end) _patience = null;
            else if (await Task.WhenAny(read, _patience ??= Task.Delay(Patience, time)) != read)
            {
                _ahead = read;
                Over($"a message stopped after {_end - _judged} bytes and did not go on for {Patience.TotalSeconds:0} s");
                continue;
            }

            Take(await read);
        }
    }

    private ReadResult Current() =>
        new(new ReadOnlySequence<byte>(_bytes, _passed, Passable - _passed), isCanceled: false, isCompleted: _hasEnded && Passable == _end);

    private void JudgeAll()
    {
        while (!_isOver && _refusal is null && _judged < _end)
        {
            var skipped = Math.Min(_skip, _end - _judged);
            (_skip, _judged) = (_skip - skipped, _judged + skipped);
            if (_judged == _end) return;

            var step = judge(_bytes.AsSpan(_judged, _end - _judged));
            if (step.Refused is { } reason)
            {
                // What came before still passes.
                _refusal = new ConnectionBrokenException(ConnectionFault.Reset, reason, step.Why!);
                return;
            }

            if (step.IsOver) Over(step.Why);
            else if (step.Bytes == 0) return;
            else if (step.Instead is { } instead) Replace(step.Bytes, instead);
            else _skip = step.Bytes;
        }
    }

    private void Over(string? why)
    {
        _isOver = true;
        if (why is not null) gaveUp(why);
    }

    private void Replace(int bytes, byte[] instead)
    {
        _bytes = [.. _bytes.AsSpan(0, _judged), .. instead, .. _bytes.AsSpan(_judged + bytes, _end - _judged - bytes)];
        _end += instead.Length - bytes;
        _judged += instead.Length;
    }

    // What is passed and judged makes room for what was read; of messages that we look at, little is ever kept.
    private void Take(ReadResult read)
    {
        var done = Math.Min(_passed, _isOver ? _end : _judged);
        var kept = _bytes.AsSpan(done, _end - done);
        var bytes = new byte[kept.Length + checked((int)read.Buffer.Length)];
        kept.CopyTo(bytes);
        read.Buffer.CopyTo(bytes.AsSpan(kept.Length));
        inner.AdvanceTo(read.Buffer.End);
        (_passed, _examined, _judged) = (_passed - done, _examined - done, Math.Max(_judged - done, 0));
        (_bytes, _end, _hasEnded) = (bytes, bytes.Length, read.IsCompleted);
    }
}
