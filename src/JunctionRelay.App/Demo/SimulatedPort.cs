using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;

namespace JunctionRelay.App.Demo;

/// <summary>
/// A bound TCP port and the conversations that clients hold there. Plain sockets on purpose: the simulator judges the relay's engine and so
/// shares nothing with it.
/// </summary>
internal sealed class SimulatedPort : IAsyncDisposable
{
    /// <summary>More conversations than any test needs; beyond it strangers are closed at once, so that a flood costs no memory.</summary>
    private const int MaxConversations = 20_000;

    /// <summary>A burst of thousands must not meet a full queue, which would look like a slow relay. The kernel caps it at net.core.somaxconn.</summary>
    private const int Backlog = 8192;

    private static readonly TimeSpan AcceptBackOff = TimeSpan.FromMilliseconds(100);

    private readonly Socket _listener;
    private readonly Func<Socket, CancellationToken, Task> _converse;
    private readonly ConcurrentDictionary<Socket, Task> _conversations = new();
    private readonly CancellationTokenSource _stopping = new();
    private readonly Task _accepting;
    private bool _stopped;

    /// <summary>Binds (port 0: any free port) and serves. Throws <see cref="SocketException"/> when the address cannot be had.</summary>
    /// <param name="converse">Runs one conversation; returns when it is over. The port owns and closes the socket.</param>
    public SimulatedPort(IPEndPoint endPoint, Func<Socket, CancellationToken, Task> converse)
    {
        _converse = converse;
        _listener = new Socket(endPoint.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            if (endPoint.AddressFamily == AddressFamily.InterNetworkV6)
                _listener.DualMode = true;
            _listener.Bind(endPoint);
            _listener.Listen(Backlog);
        }
        catch
        {
            _listener.Dispose();
            throw;
        }

        EndPoint = (IPEndPoint)_listener.LocalEndPoint!;
        _accepting = AcceptAsync();
    }

    /// <summary>Where it listens, with the real port.</summary>
    public IPEndPoint EndPoint { get; }

    /// <summary>Stops listening; the conversations that are there go on.</summary>
    public async Task StopListeningAsync()
    {
        _listener.Dispose();
        await _accepting;
    }

    /// <summary>Stops listening and ends every conversation; returns when all are over. A killed daemon's system would send FIN or,
    /// with <paramref name="reset"/>, RST.</summary>
    public async Task StopAsync(bool reset)
    {
        if (_stopped)
            return;
        _stopped = true;
        await StopListeningAsync();
        if (reset)
        {
            foreach (var socket in _conversations.Keys)
                ResetOnClose(socket);
        }

        await _stopping.CancelAsync();
        await Task.WhenAll(_conversations.Values);
        _stopping.Dispose();
    }

    public async ValueTask DisposeAsync() => await StopAsync(reset: false);

    /// <summary>Makes the socket's close send RST.</summary>
    public static void ResetOnClose(Socket socket)
    {
        try
        {
            socket.LingerState = new LingerOption(true, 0);
        }
        catch (Exception e) when (e is ObjectDisposedException or SocketException)
        {
            // Closed already, or reset by the other side: nothing is left to reset.
        }
    }

    private async Task AcceptAsync()
    {
        while (true)
        {
            try
            {
                var socket = await _listener.AcceptAsync();
                if (_conversations.Count >= MaxConversations)
                {
                    socket.Dispose();
                    continue;
                }

                // The conversation may be over, and out of the table, before its task is known here.
                _conversations[socket] = Task.CompletedTask;
                _conversations.TryUpdate(socket, ServeAsync(socket), Task.CompletedTask);
            }
            catch (Exception e) when (e is ObjectDisposedException or SocketException { SocketErrorCode: SocketError.OperationAborted })
            {
                return;
            }
            catch (SocketException)
            {
                // Out of descriptors, or the client was gone before we came to it.
                await Task.Delay(AcceptBackOff);
            }
        }
    }

    private async Task ServeAsync(Socket socket)
    {
        try
        {
            socket.NoDelay = true;
            await _converse(socket, _stopping.Token);
        }
        catch (Exception e) when (e is SocketException or OperationCanceledException)
        {
            // The client vanished while we wrote, or we are stopping: the conversation is over either way.
        }
        finally
        {
            socket.Dispose();
            _conversations.TryRemove(socket, out _);
        }
    }
}
