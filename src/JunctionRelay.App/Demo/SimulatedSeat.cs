using System.Net;
using System.Net.Sockets;

namespace JunctionRelay.App.Demo;

/// <summary>A seat that a simulated client holds, as long as its connection to the vendor daemon lives. Owns that connection.</summary>
internal sealed class SimulatedSeat : IAsyncDisposable
{
    /// <summary>How long a return may take before the client gives up waiting for the daemon's FIN.</summary>
    public static readonly TimeSpan ReturnLimit = TimeSpan.FromSeconds(5);

    private readonly Socket _socket;
    private readonly MessageReader _reader;
    private readonly TimeSpan _answerLimit;
    private readonly CancellationTokenSource _letGo = new();
    // One heartbeat at a time, so that an answer has one owner.
    private readonly SemaphoreSlim _heartbeatTurn = new(1);
    private TaskCompletionSource<bool>? _awaitedAnswer;
    private long _heartbeats;
    private ConversationEnd _ours = ConversationEnd.Ours;
    private volatile bool _returning;
    private readonly Task _beating;

    /// <summary>Takes over a connection on which the daemon has just granted a seat.</summary>
    public SimulatedSeat(long number, Socket socket, MessageReader reader, SimulatedClientOptions options)
    {
        Number = number;
        _socket = socket;
        _reader = reader;
        _answerLimit = options.StepLimit;
        LocalEndPoint = socket.LocalEndPoint;
        Ended = ListenAsync();
        _beating = options.HeartbeatEvery is { } every ? BeatAsync(every) : Task.CompletedTask;
    }

    /// <summary>The daemon's number of this checkout.</summary>
    public long Number { get; }

    /// <summary>Our end of the connection.</summary>
    public EndPoint? LocalEndPoint { get; }

    /// <summary>Completes when the seat is gone, with how. <see cref="ConversationEnd.Fin"/> also answers our own return.</summary>
    public Task<ConversationEnd> Ended { get; }

    /// <summary>Sends a heartbeat and waits for its answer; false when none came in time or the seat is gone.</summary>
    public async Task<bool> HeartbeatAsync(TimeSpan limit)
    {
        await _heartbeatTurn.WaitAsync();
        try
        {
            var answer = new TaskCompletionSource<bool>(TaskCreationOptions.RunContinuationsAsynchronously);
            Volatile.Write(ref _awaitedAnswer, answer);
            if (Ended.IsCompleted)
                return false;
            await _socket.SendAsync(SimulatedFrames.Write(SimulatedFrames.Heartbeat, Interlocked.Increment(ref _heartbeats)), SocketFlags.None, _letGo.Token);
            return await answer.Task.WaitAsync(limit);
        }
        catch (Exception e) when (e is TimeoutException or SocketException or ObjectDisposedException or OperationCanceledException)
        {
            return false;
        }
        finally
        {
            _heartbeatTurn.Release();
        }
    }

    /// <summary>Gives the seat back: FIN, then waits for the daemon's, which it sends when the seat is free. Anything but
    /// <see cref="ConversationEnd.Fin"/> means that the way back was not clean.</summary>
    public async Task<ConversationEnd> ReturnAsync()
    {
        _returning = true;
        try
        {
            _socket.Shutdown(SocketShutdown.Send);
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            return await Ended;
        }

        if (await Task.WhenAny(Ended, Task.Delay(ReturnLimit)) != Ended)
            await LetGoAsync(ConversationEnd.Silent);
        return await Ended;
    }

    /// <summary>Drops the seat with RST, as a crashed client's system does.</summary>
    public async Task ResetAsync()
    {
        SimulatedPort.ResetOnClose(_socket);
        await LetGoAsync(ConversationEnd.Ours);
    }

    /// <summary>Returns the seat if it is still held.</summary>
    public async ValueTask DisposeAsync()
    {
        await ReturnAsync();
        await _beating;
        _letGo.Dispose();
        _heartbeatTurn.Dispose();
    }

    private async Task LetGoAsync(ConversationEnd end)
    {
        _ours = end;
        await _letGo.CancelAsync();
        await Ended;
    }

    // The only reader of the connection, and the one who closes it.
    private async Task<ConversationEnd> ListenAsync()
    {
        try
        {
            while (true)
            {
                var read = await _reader.ReadAsync(WireFrame.Read, limit: null, _letGo.Token);
                if (read.Message is null)
                    return read.End == ConversationEnd.Ours ? _ours : read.End;
                if (SimulatedFrames.Number(read.Message, SimulatedFrames.HeartbeatAnswer) != Interlocked.Read(ref _heartbeats))
                    return ConversationEnd.Garbled;
                Volatile.Read(ref _awaitedAnswer)?.TrySetResult(true);
            }
        }
        finally
        {
            _socket.Dispose();
            Volatile.Read(ref _awaitedAnswer)?.TrySetResult(false);
        }
    }

    private async Task BeatAsync(TimeSpan every)
    {
        while (await Task.WhenAny(Ended, Task.Delay(every)) != Ended)
        {
            // A heartbeat that could not be sent any more, since we are returning the seat, tells nothing about the server.
            if (!await HeartbeatAsync(_answerLimit) && !_returning && !Ended.IsCompleted)
                await LetGoAsync(ConversationEnd.Silent);
        }
    }
}
