using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;

namespace JunctionRelay.App.Demo;

/// <summary>
/// The vendor daemon of a simulated license server: hello in, grant or refusal out, then the seat is held for exactly as long as the
/// connection lives, whether FIN or RST ends it.
/// </summary>
/// <remarks>There is no silence limit and no keepalive on purpose: a seat that nobody alive holds stays held, so a relay that leaves one is found out.</remarks>
internal sealed class SimulatedVendorDaemon : IAsyncDisposable
{
    /// <summary>FlexNet's "licensed number of users already reached".</summary>
    public const int AllSeatsTaken = -4;

    private static readonly TimeSpan SendLimit = TimeSpan.FromSeconds(10);

    private readonly TimeSpan _helloLimit;
    private readonly ConcurrentDictionary<long, Conversation> _conversations = new();
    private readonly List<SimulatedPort> _left = [];   // ports of before, with conversations that go on
    private SimulatedPort _port;
    private long _refusedHellos;
    private long _heartbeats;

    /// <param name="endPoint">Where it listens; port 0 for any.</param>
    /// <param name="helloLimit">How long a client may take for its hello.</param>
    public SimulatedVendorDaemon(string vendor, IPEndPoint endPoint, SeatLedger ledger, TimeSpan helloLimit)
    {
        Vendor = vendor;
        Ledger = ledger;
        _helloLimit = helloLimit;
        _port = new SimulatedPort(endPoint, ConverseAsync);
    }

    /// <summary>The name that clients ask for.</summary>
    public string Vendor { get; }

    public SeatLedger Ledger { get; }

    public IPEndPoint EndPoint => _port.EndPoint;

    /// <summary>Connections that ended without a hello for this vendor.</summary>
    public long RefusedHellos => Interlocked.Read(ref _refusedHellos);

    /// <summary>Heartbeats answered.</summary>
    public long Heartbeats => Interlocked.Read(ref _heartbeats);

    /// <summary>Ends every connection (FIN, or RST with <paramref name="reset"/>) and serves again on <paramref name="port"/> (0: any), as a daemon
    /// without a fixed port does.</summary>
    public async Task RestartAsync(int port = 0, bool reset = false)
    {
        await EndAsync(reset);
        _port = new SimulatedPort(new IPEndPoint(EndPoint.Address, port), ConverseAsync);
    }

    /// <summary>Serves on another port from now on, as when a second daemon takes over; whoever holds a seat keeps it.</summary>
    public async Task MoveAsync(int port = 0)
    {
        await _port.StopListeningAsync();
        _left.Add(_port);
        _port = new SimulatedPort(new IPEndPoint(EndPoint.Address, port), ConverseAsync);
    }

    /// <summary>Takes a seat back from its holder by ending the connection (FIN or RST); false when nobody holds it.</summary>
    public async Task<bool> EndSeatAsync(long seat, bool reset)
    {
        if (!_conversations.TryGetValue(seat, out var conversation))
            return false;
        if (reset)
            SimulatedPort.ResetOnClose(conversation.Socket);
        try
        {
            await conversation.Ending.CancelAsync();
        }
        catch (ObjectDisposedException)
        {
            return false;
        }

        return true;
    }

    public async ValueTask DisposeAsync() => await EndAsync(reset: false);

    private async Task EndAsync(bool reset)
    {
        await Task.WhenAll(_left.Append(_port).Select(p => p.StopAsync(reset)));
        _left.Clear();
    }

    private async Task ConverseAsync(Socket socket, CancellationToken stopping)
    {
        var reader = new MessageReader(socket, WireHello.Bytes);
        var hello = await reader.ReadAsync(WireHello.Read, _helloLimit, stopping);
        if (hello.Message is null || hello.Message.Vendor != Vendor)
        {
            Interlocked.Increment(ref _refusedHellos);
            return;
        }

        if (Ledger.Take(hello.Message, socket.RemoteEndPoint) is not { } holder)
        {
            await SendAsync(socket, SimulatedFrames.WriteDenied(AllSeatsTaken), stopping);
            await SimulatedLicenseServer.HangUpAsync(socket, reader, stopping);
            return;
        }

        using var ending = CancellationTokenSource.CreateLinkedTokenSource(stopping);
        _conversations[holder.Seat] = new Conversation(socket, ending);
        var end = ConversationEnd.Reset;
        try
        {
            await SendAsync(socket, SimulatedFrames.Write(SimulatedFrames.Granted, holder.Seat), ending.Token);
            end = await HoldAsync(socket, reader, ending.Token);
        }
        catch (OperationCanceledException)
        {
            end = stopping.IsCancellationRequested || ending.IsCancellationRequested ? ConversationEnd.Ours : ConversationEnd.Silent;
        }
        finally
        {
            // Before the socket closes: a client that has seen our end may rely on the seat being free.
            _conversations.TryRemove(holder.Seat, out _);
            Ledger.Free(holder, end);
        }
    }

    private async Task<ConversationEnd> HoldAsync(Socket socket, MessageReader reader, CancellationToken ending)
    {
        while (true)
        {
            var heartbeat = await reader.ReadAsync(WireFrame.Read, limit: null, ending);
            if (heartbeat.Message is null)
                return heartbeat.End;
            if (SimulatedFrames.Number(heartbeat.Message, SimulatedFrames.Heartbeat) is not { } number)
                return ConversationEnd.Garbled;
            await SendAsync(socket, SimulatedFrames.Write(SimulatedFrames.HeartbeatAnswer, number), ending);
            Interlocked.Increment(ref _heartbeats);
        }
    }

    // A client that does not read must not keep us forever.
    private static async Task SendAsync(Socket socket, byte[] bytes, CancellationToken cancellationToken)
    {
        using var limited = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limited.CancelAfter(SendLimit);
        await socket.SendAsync(bytes, SocketFlags.None, limited.Token);
    }

    private sealed record Conversation(Socket Socket, CancellationTokenSource Ending);
}
