using System.Buffers;
using System.Net;
using JunctionRelay.Connections;

namespace JunctionRelay.Links;

/// <summary>How a transport came to its end.</summary>
/// <param name="Violation">What the peer did wrong, if that was it.</param>
/// <param name="Fault">The exception that ended it, for logs.</param>
/// <param name="Lacking">What was waited for too long.</param>
internal sealed record LinkTransportEnd(string? Violation = null, Exception? Fault = null, string? Lacking = null)
{
    public override string ToString() => Violation ?? Lacking ?? Fault?.Message ?? "ended by the peer";
}

/// <summary>
/// One connection under a session: one epoch. It reads in one loop and writes in another, both of which have stopped when <see cref="StopAsync"/>
/// returns, so that no frame of this epoch is applied or sent after that. Identity and encryption come from the connection.
/// </summary>
internal sealed class LinkTransport(Connection connection, LinkOptions options) : IAsyncDisposable
{
    /// <summary>After so much synchronous progress a loop lets others have its thread.</summary>
    public const int BytesPerTurn = 1024 * 1024;

    /// <summary>Read and not yet told to those who wait for it.</summary>
    private const int MostUntoldBytes = 64 * 1024;

    /// <summary>… of one stream alone.</summary>
    private const int MostUntoldAlone = 4 * 1024;

    /// <summary>Who receives fewer in half a ping interval only pings, as a rule, and waits without a buffer: a junction may have thousands of links that rest.</summary>
    private const int MostBytesAtRest = 1024;

    /// <summary>How long CLOSE may take to leave, or to be read.</summary>
    private static readonly TimeSpan LastWordLimit = TimeSpan.FromSeconds(1);

    private readonly LinkReader _reader = new();
    private readonly LinkWriter _writer = new(connection);
    private readonly TaskCompletionSource _stopped = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private long _lastReceived = options.Time.GetTimestamp();
    private long _bytesReceived;
    private long _bytesAtLook;
    private byte[]? _received;   // the reading loop's
    private int _isStopping;
    private int _isDisposed;
    private volatile LinkSession? _session;

    /// <summary>Who the connection's certificate says the peer is.</summary>
    public PeerIdentity? Peer => connection.Peer;

    public EndPoint? RemoteEndPoint => connection.RemoteEndPoint;

    /// <summary>Completes when the transport neither reads nor writes any more.</summary>
    public Task Stopped => _stopped.Task;

    /// <summary>Bytes in both directions.</summary>
    public long Bytes => Volatile.Read(ref _bytesReceived) + _writer.Bytes;

    /// <summary>Sends our HELLO.</summary>
    public Task WriteHelloAsync(LinkHello hello) => _writer.WriteHelloAsync(hello);

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
        var turn = EngineTurn.Share();
        session.Outbox.Begin(turn, held: known is not null);
        if (Volatile.Read(ref _isStopping) != 0)
            session.Outbox.Stop();
        using var over = new CancellationTokenSource();
        var reading = ReadAsync(session, turn);
        var writing = WriteAsync(session, known, turn);
        var pinging = PingAsync(session, over.Token);
        try
        {
            await Task.WhenAny(reading, writing, pinging);
            // Who can write no more may have been sent CLOSE before.
            if (writing.IsCompletedSuccessfully && (await writing).Fault is not null)
                await Task.WhenAny(reading, LastWordAsync());
            // What the peer did wrong is told to it, and so is the end of the session: CLOSE is the writer's last frame, and without it the peer would wait for us to resume.
            var violation = reading.IsCompletedSuccessfully ? (await reading).Violation : null;
            if (violation is not null)
                session.Outbox.Close(CloseReason.LinkViolation, violation);
            if (violation is not null || session.IsEnded)
                await Task.WhenAny(writing, LastWordAsync());

            BeginStop();
            await over.CancelAsync();
            var ends = await Task.WhenAll(reading, writing, pinging);
            return ends.FirstOrDefault(end => end.Violation is not null) ?? ends.FirstOrDefault(end => end.Lacking is not null) ?? ends.FirstOrDefault(end => end.Fault is not null) ?? ends[0];
        }
        finally
        {
            // All three have ended, also when one of them threw.
            await DisposeAsync();
            _stopped.TrySetResult();
        }
    }

    private Task LastWordAsync() => Task.Delay(LastWordLimit, options.Time, CancellationToken.None);

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
        _writer.Dispose();
        ReturnReceived();
    }

    private void ReturnReceived()
    {
        if (_received is not null)
            ArrayPool<byte>.Shared.Return(_received);
        _received = null;
    }

    private void BeginStop()
    {
        if (Interlocked.Exchange(ref _isStopping, 1) != 0)
            return;
        connection.Abort(CloseReason.LinkClosed);
        _session?.Outbox.Stop();
    }

    private async Task<LinkTransportEnd> ReadAsync(LinkSession session, EngineTurn turn)
    {
        try
        {
            var (inTurn, untold) = (0, 0);
            while (true)
            {
                var rests = IsAtRest;
                // What one stream brought alone goes on at once: that nothing follows it takes a system call to find out.
                if (untold > 0 && (rests || (untold <= MostUntoldAlone && session.HasOneNews)))
                {
                    session.TellNews();
                    untold = 0;
                }

                if (rests)
                {
                    ReturnReceived();
                    await connection.ReceiveAsync(Memory<byte>.Empty, CancellationToken.None);
                }

                _received ??= ArrayPool<byte>.Shared.Rent(LinkFrame.MaxDataFrameBytes);
                var receiving = connection.ReceiveAsync(_received, CancellationToken.None);
                // What comes together is passed on together.
                if (untold > 0 && (!receiving.IsCompleted || untold >= MostUntoldBytes))
                {
                    session.TellNews();
                    untold = 0;
                }

                var length = await receiving;
                if (length == 0 || session.IsEnded)
                    return new LinkTransportEnd();
                if (_reader.Apply(_received.AsSpan(0, length), session) is { } violation)
                    return new LinkTransportEnd(violation);
                Volatile.Write(ref _bytesReceived, _bytesReceived + length);
                Volatile.Write(ref _lastReceived, options.Time.GetTimestamp());
                untold += length;
                if ((inTurn += length) < BytesPerTurn)
                    continue;
                inTurn = 0;
                await turn.NextAsync();
            }
        }
        catch (Exception fault) when (IsTransportFault(fault))
        {
            return new LinkTransportEnd(Fault: fault);
        }
        finally
        {
            session.TellNews();
        }
    }

    private bool IsAtRest => _bytesReceived - Volatile.Read(ref _bytesAtLook) <= MostBytesAtRest;

    private async Task<LinkTransportEnd> WriteAsync(LinkSession session, IReadOnlyList<(uint Stream, KnownStream State)>? known, EngineTurn turn)
    {
        await turn.NextAsync();
        try
        {
            if (known is not null)
                await _writer.WriteKnownAsync(known, session.HighestSeen);
            if (await _writer.RunAsync(session, turn))
                await FinishAsync();
            return new LinkTransportEnd();
        }
        catch (Exception fault) when (IsTransportFault(fault))
        {
            return new LinkTransportEnd(Fault: fault);
        }
    }

    private async Task<LinkTransportEnd> PingAsync(LinkSession session, CancellationToken over)
    {
        // Looked at twice per interval, so that silence is found within three and a half.
        using var timer = new PeriodicTimer(options.PingInterval / 2, options.Time);
        var begun = options.Time.GetTimestamp();
        try
        {
            for (var tick = 0; ; tick++)
            {
                if (tick % 2 == 0)
                    session.Outbox.Ping(options.Time.GetTimestamp());
                await timer.WaitForNextTickAsync(over);
                if (options.Time.GetElapsedTime(Volatile.Read(ref _lastReceived)) >= 3 * options.PingInterval)
                    return new LinkTransportEnd(Lacking: "no sign of life");
                if (session.AwaitsKnown && options.Time.GetElapsedTime(begun) >= options.HelloTimeout)
                    return new LinkTransportEnd(Lacking: $"no KNOWN within {options.HelloTimeout.TotalSeconds:0.###} s");
                if (Bytes >= options.RotateAfterBytes)
                    session.RequestRotation();
                session.Segments.Trim();
                Volatile.Write(ref _bytesAtLook, Volatile.Read(ref _bytesReceived));
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
