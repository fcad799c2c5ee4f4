using JunctionRelay.Connections;

namespace JunctionRelay.Tests.Links;

/// <summary>How a wire is cut.</summary>
public enum CutKind
{
    /// <summary>Both ends see a reset; what was on the way is lost.</summary>
    Reset,
    /// <summary>Both ends see an end in the middle of whatever was said; what was on the way still arrives.</summary>
    End,
    /// <summary>Nobody sees anything: bytes vanish.</summary>
    BlackHole,
}

/// <summary>One direction of a connection in memory, with a bound as a socket has, delivering pieces of any size.</summary>
internal sealed class MemoryWire(Random random, int capacity = 64 * 1024)
{
    private readonly Lock _gate = new();
    private byte[] _bytes = [];
    private TaskCompletionSource _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private CutKind? _cut;
    private bool _ended;
    private bool _aborted;
    private bool _isBroken;

    /// <summary>Bytes still to come before the wire cuts itself, or null.</summary>
    public long? CutAfter { get; set; }

    /// <summary>Called, outside any lock, when <see cref="CutAfter"/> is reached.</summary>
    public Action? OnCut { get; set; }

    public async ValueTask WriteAsync(ReadOnlyMemory<byte> source)
    {
        while (!source.IsEmpty)
        {
            Task changed;
            var cutsNow = false;
            lock (_gate)
            {
                if (_aborted || _isBroken || _cut is CutKind.Reset or CutKind.End)
                    throw new ConnectionBrokenException(ConnectionFault.Reset, detail: "the wire is cut");
                if (_cut == CutKind.BlackHole)
                {
                    // A socket takes what fits its buffer and then waits; both are endless enough for a test that is aborted anyway.
                    changed = _changed.Task;
                }
                else
                {
                    var length = Math.Min(source.Length, capacity - _bytes.Length);
                    if (CutAfter is { } left && length >= left)
                    {
                        length = (int)left;
                        cutsNow = true;
                    }

                    if (CutAfter is not null)
                        CutAfter -= length;
                    _bytes = [.. _bytes, .. source.Span[..length]];
                    source = source[length..];
                    if (length > 0)
                        Signal();
                    changed = _changed.Task;
                    if (length > 0 && !cutsNow)
                        continue;
                }
            }

            if (cutsNow)
            {
                OnCut?.Invoke();
                continue;
            }

            await changed;
        }
    }

    /// <summary>What has come, at least a byte and often less than all; empty after an end.</summary>
    public async ValueTask<ReadOnlyMemory<byte>> PeekAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            Task changed;
            lock (_gate)
            {
                if (_aborted || _cut == CutKind.Reset)
                    throw new ConnectionBrokenException(ConnectionFault.Reset, detail: "the wire is cut");
                if (_bytes.Length > 0 && _cut != CutKind.BlackHole)
                    return _bytes.AsMemory(0, random.Next(4) == 0 ? random.Next(1, Math.Min(_bytes.Length, 100) + 1) : _bytes.Length);
                if (_isBroken)
                    throw new ConnectionBrokenException(ConnectionFault.Reset, detail: "the other end aborted");
                if (_ended || _cut == CutKind.End)
                    return default;
                changed = _changed.Task;
            }

            await changed.WaitAsync(cancellationToken);
        }
    }

    public void Take(int length)
    {
        lock (_gate)
        {
            if (_aborted)
                return;
            _bytes = _bytes[length..];
            Signal();
        }
    }

    /// <summary>It ended cleanly.</summary>
    public bool IsOver
    {
        get
        {
            lock (_gate)
                return _ended;
        }
    }

    /// <summary>Nothing more fits.</summary>
    public bool IsFull
    {
        get
        {
            lock (_gate)
                return _bytes.Length == capacity;
        }
    }

    public void End()
    {
        lock (_gate)
        {
            _ended = true;
            Signal();
        }
    }

    public void Cut(CutKind kind)
    {
        lock (_gate)
        {
            _cut ??= kind;
            Signal();
        }
    }

    /// <summary>The writer has aborted: what is on its way still arrives, then a reset.</summary>
    public void Break()
    {
        lock (_gate)
        {
            _isBroken = true;
            Signal();
        }
    }

    public void Abort()
    {
        lock (_gate)
        {
            _aborted = true;
            Signal();
        }
    }

    private void Signal()
    {
        var changed = _changed;
        _changed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        changed.TrySetResult();
    }
}
