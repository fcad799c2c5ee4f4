using System.Buffers;
using System.Net;
using JunctionRelay.Connections;

namespace JunctionRelay.Links;

/// <summary>How a transport came to its end.</summary>
/// <param name="Violation">What the peer did wrong, if that was it.</param>
/// <param name="Fault">The exception that ended it, for logs.</param>
/// <param name="IsSilent">Nothing came for three ping intervals.</param>
internal sealed record LinkTransportEnd(string? Violation = null, Exception? Fault = null, bool IsSilent = false)
{
    public override string ToString() => Violation ?? (IsSilent ? "no sign of life" : Fault?.Message ?? "ended by the peer");
}

/// <summary>
/// One connection under a session: one epoch. It reads in one loop and writes in another, both of which have stopped when <see cref="StopAsync"/>
/// returns, so that no frame of this epoch is applied or sent after that. Identity and encryption come from the connection.
/// </summary>
internal sealed class LinkTransport(Connection connection, LinkOptions options) : IAsyncDisposable
{
    /// <summary>Two TLS writes of two full records.</summary>
    private const int BatchBytes = 64 * 1024;

    /// <summary>Room that must be left for a stream's OPEN, RESET and CREDIT.</summary>
    private const int MostControlBytes = LinkFrame.HeaderBytes + LinkFrame.MaxFieldsBytes + LinkFrame.CreditBytes;

    /// <summary>After so much synchronous progress a loop lets others have its thread.</summary>
    private const int BytesPerTurn = 1024 * 1024;

    /// <summary>How long CLOSE may take to leave.</summary>
    private static readonly TimeSpan LastWordLimit = TimeSpan.FromSeconds(1);

    private readonly LinkReader _reader = new();
    private readonly byte[] _batch = ArrayPool<byte>.Shared.Rent(BatchBytes);
    private readonly TaskCompletionSource _stopped = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private long _lastReceived = options.Time.GetTimestamp();
    private long _bytes;
    private int _isStopping;
    private int _isDisposed;
    private volatile LinkSession? _session;

    /// <summary>Who the connection's certificate says the peer is.</summary>
    public PeerIdentity? Peer => connection.Peer;

    public EndPoint? RemoteEndPoint => connection.RemoteEndPoint;

    /// <summary>Completes when the transport neither reads nor writes any more.</summary>
    public Task Stopped => _stopped.Task;

    /// <summary>Bytes in both directions.</summary>
    public long Bytes => Volatile.Read(ref _bytes);

    /// <summary>Sends our HELLO.</summary>
    public async Task WriteHelloAsync(LinkHello hello)
    {
        var length = hello.Write(_batch);
        await connection.Output.WriteAsync(_batch.AsMemory(0, length));
    }

    /// <summary>The peer's HELLO, or what came instead.</summary>
    public async Task<(LinkHello? Hello, string? Wrong)> ReadHelloAsync()
    {
        using var deadline = new CancellationTokenSource(options.HelloTimeout, options.Time);
        try
        {
            while (true)
            {
                var read = await connection.Input.ReadAsync(deadline.Token);
                var taken = _reader.TakeFirst(read.Buffer.FirstSpan, out var frame, out var payload, out var violation);
                connection.Input.AdvanceTo(read.Buffer.GetPosition(taken));
                if (violation is not null)
                    return (null, violation);
                if (frame is { } first)
                    return first.Type == LinkFrameType.Hello ? LinkHello.Read(payload.Span) : (null, $"{first.Type} instead of HELLO");
                if (read.IsCompleted && taken == 0)
                    return (null, "the connection ended before HELLO");
            }
        }
        catch (OperationCanceledException)
        {
            return (null, $"no HELLO within {options.HelloTimeout.TotalSeconds:0} s");
        }
        catch (IOException broken)
        {
            return (null, $"the connection broke before HELLO: {broken.Message}");
        }
    }

    /// <summary>Carries the session until the connection ends, is stopped, or the peer breaks a rule.</summary>
    /// <param name="session">The session whose streams travel here.</param>
    /// <param name="known">What KNOWN is to say; null for a session that begins.</param>
    public async Task<LinkTransportEnd> RunAsync(LinkSession session, IReadOnlyList<(uint Stream, KnownStream State)>? known)
    {
        _session = session;
        session.Outbox.Begin(held: known is not null);
        if (Volatile.Read(ref _isStopping) != 0)
            session.Outbox.Stop();
        using var over = new CancellationTokenSource();
        var reading = ReadAsync(session);
        var writing = WriteAsync(session, known);
        var pinging = PingAsync(session, over.Token);
        try
        {
            await Task.WhenAny(reading, writing, pinging);
            // A violation is told to the peer if it still listens: CLOSE is the writer's last frame.
            if (reading.IsCompletedSuccessfully && (await reading).Violation is { } violation)
            {
                session.Outbox.Close(CloseReason.LinkViolation, violation);
                await Task.WhenAny(writing, Task.Delay(LastWordLimit, options.Time, CancellationToken.None));
            }

            BeginStop();
            await over.CancelAsync();
            var ends = await Task.WhenAll(reading, writing, pinging);
            return ends.FirstOrDefault(end => end.Violation is not null) ?? ends.FirstOrDefault(end => end.IsSilent) ?? ends.FirstOrDefault(end => end.Fault is not null) ?? ends[0];
        }
        finally
        {
            // All three have ended, also when one of them threw.
            await DisposeAsync();
            _stopped.TrySetResult();
        }
    }

    /// <summary>Ends the transport, and waits until it neither reads nor writes any more. Only for one that runs.</summary>
    public Task StopAsync()
    {
        BeginStop();
        return _stopped.Task;
    }

    /// <summary>What was written is the last: lets it arrive.</summary>
    public async Task FinishAsync()
    {
        await connection.CompleteOutputAsync();
        await connection.DrainOutputAsync(LastWordLimit);
    }

    /// <summary>Closes a connection that no session runs on.</summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _isDisposed, 1) != 0)
            return;
        await connection.DisposeAsync();
        ArrayPool<byte>.Shared.Return(_batch);
    }

    private void BeginStop()
    {
        if (Interlocked.Exchange(ref _isStopping, 1) != 0)
            return;
        connection.Abort(CloseReason.LinkClosed);
        _session?.Outbox.Stop();
    }

    private async Task<LinkTransportEnd> ReadAsync(LinkSession session)
    {
        try
        {
            var turn = 0;
            while (true)
            {
                var read = await connection.Input.ReadAsync(CancellationToken.None);
                foreach (var piece in read.Buffer)
                {
                    if (session.IsEnded)
                        return new LinkTransportEnd();
                    if (_reader.Apply(piece.Span, session) is { } violation)
                        return new LinkTransportEnd(violation);
                }

                var length = (int)read.Buffer.Length;
                connection.Input.AdvanceTo(read.Buffer.End);
                if (read.IsCompleted || session.IsEnded)
                    return new LinkTransportEnd();
                Interlocked.Add(ref _bytes, length);
                Volatile.Write(ref _lastReceived, options.Time.GetTimestamp());
                if ((turn += length) < BytesPerTurn)
                    continue;
                turn = 0;
                await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
            }
        }
        catch (Exception fault) when (IsTransportFault(fault))
        {
            return new LinkTransportEnd(Fault: fault);
        }
    }

    private async Task<LinkTransportEnd> WriteAsync(LinkSession session, IReadOnlyList<(uint Stream, KnownStream State)>? known)
    {
        // The writer lives on the thread pool: woken inline, it would send each stream's frame by itself.
        await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
        try
        {
            if (known is not null)
                await WriteKnownAsync(session, known);
            var turn = 0;
            while (true)
            {
                var length = Fill(session, out var direct, out var isLast);
                try
                {
                    if (length > 0)
                        await connection.Output.WriteAsync(_batch.AsMemory(0, length));
                    if (direct.Segment is not null)
                        await connection.Output.WriteAsync(direct.Frame);
                }
                finally
                {
                    if (direct.Segment is not null)
                        direct.Stream!.Unpin(direct.Segment);
                }

                if (isLast)
                {
                    await FinishAsync();
                    return new LinkTransportEnd();
                }

                if (Volatile.Read(ref _isStopping) != 0)
                    return new LinkTransportEnd();
                length += direct.Frame.Length;
                Interlocked.Add(ref _bytes, length);
                if (length == 0)
                {
                    await session.Outbox.WaitAsync();
                    turn = 0;
                }
                else if ((turn += length) >= BytesPerTurn)
                {
                    turn = 0;
                    await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
                }
            }
        }
        catch (Exception fault) when (IsTransportFault(fault))
        {
            return new LinkTransportEnd(Fault: fault);
        }
    }

    // One batch: the session's frames, then of each stream in turn what goes ahead of data, then one DATA of each in turn.
    private int Fill(LinkSession session, out (LinkStream? Stream, LinkSegment? Segment, ReadOnlyMemory<byte> Frame) direct, out bool isLast)
    {
        direct = default;
        var batch = _batch.AsSpan(0, BatchBytes);
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
            if (segment is null)
                continue;
            direct = (stream, segment, frame);
            break;
        }

        return length;
    }

    private async Task WriteKnownAsync(LinkSession session, IReadOnlyList<(uint Stream, KnownStream State)> known)
    {
        for (var sent = 0; sent == 0 || sent < known.Count; sent += LinkFrame.MaxKnownEntries)
        {
            var entries = Math.Min(known.Count - sent, LinkFrame.MaxKnownEntries);
            var isLast = sent + entries == known.Count;
            var length = LinkFrame.WriteKnownHeader(_batch, entries, isLast, session.HighestSeen);
            for (var i = 0; i < entries; i++)
                length += LinkFrame.WriteKnownEntry(_batch.AsSpan(length), known[sent + i].Stream, known[sent + i].State);
            await connection.Output.WriteAsync(_batch.AsMemory(0, length));
        }
    }

    private async Task<LinkTransportEnd> PingAsync(LinkSession session, CancellationToken over)
    {
        // Looked at twice per interval, so that silence is found within three and a half.
        using var timer = new PeriodicTimer(options.PingInterval / 2, options.Time);
        try
        {
            for (var tick = 0; ; tick++)
            {
                if (tick % 2 == 0)
                    session.Outbox.Ping(options.Time.GetTimestamp());
                await timer.WaitForNextTickAsync(over);
                if (options.Time.GetElapsedTime(Volatile.Read(ref _lastReceived)) >= 3 * options.PingInterval)
                    return new LinkTransportEnd(IsSilent: true);
                if (Bytes >= options.RotateAfterBytes)
                    session.RequestRotation();
            }
        }
        catch (OperationCanceledException)
        {
            return new LinkTransportEnd();
        }
    }

    // What a connection may throw when it breaks or is aborted. Anything else is a fault of ours and ends the session.
    private static bool IsTransportFault(Exception fault) =>
        fault is IOException or ObjectDisposedException or OperationCanceledException or System.Net.Sockets.SocketException;
}
