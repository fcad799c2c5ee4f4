using System.Buffers;
using JunctionRelay.Connections;

namespace JunctionRelay.Links;

/// <summary>The writing of one transport: gathers what is due from many streams, fairly, and writes it in few large pieces.</summary>
internal sealed class LinkWriter(Connection connection) : IDisposable
{
    /// <summary>Two TLS writes of two full records.</summary>
    private const int BatchBytes = 64 * 1024;

    /// <summary>Room that must be left for a stream's OPEN, RESET and CREDIT.</summary>
    private const int MostControlBytes = LinkFrame.HeaderBytes + LinkFrame.MaxFieldsBytes + LinkFrame.CreditBytes;

    private byte[]? _rented;
    // Bytes of these are in the batch, so that their writes may go on when it is out.
    private readonly List<LinkStream> _served = [];
    private long _bytes;

    /// <summary>Bytes written, but for HELLO and KNOWN.</summary>
    public long Bytes => Volatile.Read(ref _bytes);

    // Only while there is something to write: most links rest.
    private byte[] Batch => _rented ??= ArrayPool<byte>.Shared.Rent(BatchBytes);

    public async Task WriteHelloAsync(LinkHello hello)
    {
        var length = hello.Write(Batch);
        await connection.Output.WriteAsync(Batch.AsMemory(0, length));
    }

    public async Task WriteKnownAsync(IReadOnlyList<(uint Stream, KnownStream State)> known, uint highestSeen)
    {
        for (var sent = 0; sent == 0 || sent < known.Count; sent += LinkFrame.MaxKnownEntries)
        {
            var entries = Math.Min(known.Count - sent, LinkFrame.MaxKnownEntries);
            var isLast = sent + entries == known.Count;
            var length = LinkFrame.WriteKnownHeader(Batch, entries, isLast, highestSeen);
            for (var i = 0; i < entries; i++)
                length += LinkFrame.WriteKnownEntry(Batch.AsSpan(length), known[sent + i].Stream, known[sent + i].State);
            await connection.Output.WriteAsync(Batch.AsMemory(0, length));
        }
    }

    /// <summary>
    /// Writes whatever becomes due, until the outbox is stopped (false) or CLOSE is written (true). As a rule it goes on behind everything that was ready on the
    /// sockets: each time at once it would send every stream's frame by itself, and on the thread pool a round trip has two hops more.
    /// </summary>
    public async Task<bool> RunAsync(LinkSession session, EngineTurn turn)
    {
        var inTurn = 0;
        while (!session.Outbox.IsStopped)
        {
            var length = Fill(session, out var direct, out var isLast);
            try
            {
                if (length > 0)
                    await connection.Output.WriteAsync(Batch.AsMemory(0, length));
                if (direct.Segment is not null)
                    await connection.Output.WriteAsync(direct.Frame);
            }
            finally
            {
                if (direct.Segment is not null)
                    direct.Stream!.Unpin(direct.Segment);
                foreach (var stream in _served)
                    stream.Continue();
                _served.Clear();
            }

            if (isLast)
                return true;
            length += direct.Frame.Length;
            Volatile.Write(ref _bytes, _bytes + length);
            if (length == 0)
            {
                var due = session.Outbox.WaitAsync();
                if (!due.IsCompleted)
                    Dispose();
                await due;
                inTurn = 0;
            }
            else if ((inTurn += length) >= LinkTransport.BytesPerTurn)
            {
                inTurn = 0;
                await turn.NextAsync();
            }
        }

        return false;
    }

    /// <summary>Nothing is to be written, now or any more.</summary>
    public void Dispose()
    {
        if (_rented is not null)
            ArrayPool<byte>.Shared.Return(_rented);
        _rented = null;
    }

    // One batch: the session's frames, then of each stream in turn what goes ahead of data, then one DATA of each in turn.
    private int Fill(LinkSession session, out (LinkStream? Stream, LinkSegment? Segment, ReadOnlyMemory<byte> Frame) direct, out bool isLast)
    {
        direct = default;
        var batch = Batch.AsSpan(0, BatchBytes);
        var length = session.Outbox.WriteSessionFrames(batch, out isLast);
        while (!isLast && BatchBytes - length >= MostControlBytes && session.Outbox.TryTake(out var stream, out var isControl))
        {
            if (isControl)
            {
                length += stream.WriteControl(batch[length..]);
                continue;
            }

            length += stream.WriteData(batch[length..], out var segment, out var frame, out var more);
            if (more)
                session.Outbox.EnqueueData(stream);
            if (stream.HasWaitingWrite)
                _served.Add(stream);
            if (segment is null)
                continue;
            direct = (stream, segment, frame);
            break;
        }

        return length;
    }
}
