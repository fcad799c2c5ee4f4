using System.Buffers;
using JunctionRelay.Connections;

namespace JunctionRelay.Greetings;

/// <summary>
/// Reads the messages that a client begins with, one after the other, under one deadline. Bytes are looked at where they lie and taken message by
/// message: what follows the last one stays unread. How long a message may be is its parser's business; none is longer than a read buffer.
/// </summary>
internal sealed class PreambleReader : IDisposable
{
    private readonly Connection _client;
    private readonly TimeSpan _timeout;
    private readonly CancellationToken _stop;
    private readonly CancellationTokenSource _deadline;
    private readonly CancellationTokenSource _either;
    private bool _heard;

    public PreambleReader(Connection client, TimeSpan timeout, TimeProvider time, CancellationToken stop)
    {
        (_client, _timeout, _stop) = (client, timeout, stop);
        _deadline = new CancellationTokenSource(timeout, time);
        _either = CancellationTokenSource.CreateLinkedTokenSource(_deadline.Token, stop);
    }

    public delegate PreambleParse<T> Parser<T>(ReadOnlySpan<byte> bytes) where T : class;

    /// <summary>The next message; or, Invalid, what is wrong with it; or, NeedMore, that it did not come: then <see cref="Missing"/> says why.</summary>
    /// <exception cref="ConnectionBrokenException">The client reset the connection.</exception>
    /// <exception cref="OperationCanceledException">We are to stop.</exception>
    public async ValueTask<PreambleParse<T>> ReadAsync<T>(Parser<T> parse)
        where T : class
    {
        try
        {
            while (true)
            {
                var read = await _client.Input.ReadAsync(_either.Token);
                _heard |= !read.Buffer.IsEmpty;
                var parsed = read.Buffer.IsEmpty ? default : parse(read.Buffer.IsSingleSegment ? read.Buffer.FirstSpan : read.Buffer.ToArray());
                var taken = read.Buffer.GetPosition(parsed.Bytes);
                _client.Input.AdvanceTo(taken, parsed.State == PreambleState.NeedMore ? read.Buffer.End : taken);
                if (parsed.State != PreambleState.NeedMore) return parsed;
                if (!read.IsCompleted) continue;
                Missing = _heard ? (CloseReason.GreetingInvalid, "it ended in the middle of its greeting") : (CloseReason.ClientLeft, "it left before its greeting");
                return parsed;
            }
        }
        catch (OperationCanceledException) when (!_stop.IsCancellationRequested)
        {
            Missing = (CloseReason.GreetingTimeout, $"{(_heard ? "half a greeting" : "nothing")} came within {_timeout.TotalSeconds:0.###} s");
            return default;
        }
    }

    /// <summary>Why a message did not come.</summary>
    public (CloseReason Reason, string Detail) Missing { get; private set; }

    public void Dispose()
    {
        _either.Dispose();
        _deadline.Dispose();
    }
}
