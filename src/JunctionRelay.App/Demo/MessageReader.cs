using System.Net.Sockets;

namespace JunctionRelay.App.Demo;

/// <summary>One message, or how the conversation ended instead.</summary>
/// <param name="Message">The message, or null.</param>
/// <param name="End">Only without a message: why there is none.</param>
/// <param name="Why">Only without a message: the same for people.</param>
internal readonly record struct MessageRead<T>(T? Message, ConversationEnd End, string? Why)
    where T : class;

/// <summary>Reads messages of known framing from a socket, however TCP split them. Owned and used by one conversation.</summary>
/// <param name="maxMessageBytes">Longest message that the other side may send; also all the memory that it can claim.</param>
/// <param name="pieceBytes">At most so many bytes per read; 1 meets every possible split.</param>
internal sealed class MessageReader(Socket socket, int maxMessageBytes, int pieceBytes = int.MaxValue)
{
    private readonly byte[] _buffer = new byte[maxMessageBytes];
    private int _filled;

    /// <summary>Reads one kind of message from the start of some bytes.</summary>
    public delegate WireRead<T> Parser<T>(ReadOnlySpan<byte> bytes) where T : class;

    /// <summary>The next message. <paramref name="limit"/> is for the whole of it; null waits for as long as the conversation lives. Never throws.</summary>
    public async ValueTask<MessageRead<T>> ReadAsync<T>(Parser<T> parser, TimeSpan? limit, CancellationToken stopping)
        where T : class
    {
        using var deadline = limit is null ? null : CancellationTokenSource.CreateLinkedTokenSource(stopping);
        deadline?.CancelAfter(limit.GetValueOrDefault());
        try
        {
            while (true)
            {
                var parse = parser(_buffer.AsSpan(0, _filled));
                if (parse.Message is not null)
                {
                    _buffer.AsSpan(parse.Bytes, _filled - parse.Bytes).CopyTo(_buffer);
                    _filled -= parse.Bytes;
                    return new(parse.Message, default, null);
                }

                if (parse.Garbled is { } why)
                    return Ended<T>(ConversationEnd.Garbled, why);
                if (parse.Bytes > maxMessageBytes)
                    return Ended<T>(ConversationEnd.Garbled, $"a message of {parse.Bytes} bytes, more than the {maxMessageBytes} expected here");

                var room = _buffer.AsMemory(_filled, Math.Min(pieceBytes, _buffer.Length - _filled));
                var read = await socket.ReceiveAsync(room, SocketFlags.None, deadline?.Token ?? stopping);
                if (read == 0)
                    return _filled == 0 ? Ended<T>(ConversationEnd.Fin, "closed") : Ended<T>(ConversationEnd.Garbled, $"closed after {_filled} bytes of a message");
                _filled += read;
            }
        }
        catch (OperationCanceledException) when (!stopping.IsCancellationRequested)
        {
            return Ended<T>(ConversationEnd.Silent, $"no message within {limit.GetValueOrDefault().TotalSeconds:0.###} s");
        }
        catch (OperationCanceledException)
        {
            return Ended<T>(ConversationEnd.Ours, "stopped");
        }
        catch (SocketException e) when (e.SocketErrorCode is SocketError.TimedOut or SocketError.HostUnreachable or SocketError.NetworkUnreachable)
        {
            return Ended<T>(ConversationEnd.Silent, e.Message);
        }
        catch (SocketException e)
        {
            return Ended<T>(ConversationEnd.Reset, e.Message);
        }
    }

    private static MessageRead<T> Ended<T>(ConversationEnd end, string why) where T : class => new(null, end, why);
}
