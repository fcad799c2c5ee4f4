using System.Net;
using System.Net.Sockets;

namespace JunctionRelay.Scenarios.Harness;

/// <summary>A client's end of connections on this machine.</summary>
internal static class Loopback
{
    /// <summary>Connects to a port of 127.0.0.1; with a receive buffer of so many bytes, if given.</summary>
    public static async Task<Socket> Connect(int port, int? receiveBufferBytes = null)
    {
        var socket = HostSockets.Create(Host.Machine);
        if (receiveBufferBytes is { } bytes)
            socket.ReceiveBufferSize = bytes;
        try
        {
            await socket.ConnectAsync(new IPEndPoint(IPAddress.Loopback, port));
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>Sends <paramref name="bytes"/> patterned bytes through an echo server and compares all that come back, both ways at once; then ends.</summary>
    public static async Task EchoThrough(int port, long bytes)
    {
        using var socket = await Connect(port);
        var pattern = new PatternedBytes(port);
        await Task.WhenAll(pattern.Send(socket, 0, bytes), pattern.Receive(socket, 0, bytes)).Within(Deadline.Start, $"{bytes} bytes come back through port {port}");
    }

    /// <summary>How a connection ends from here on: closed (FIN), reset (RST), or not at all because it answered.</summary>
    public static async Task<string> HowItEnds(Socket socket, TimeSpan within)
    {
        try
        {
            var read = await socket.ReceiveAsync(new byte[1]).Within(within, "the connection ends");
            return read == 0 ? "closed" : "answered";
        }
        catch (SocketException e) when (e.SocketErrorCode is SocketError.ConnectionReset)
        {
            return "reset";
        }
    }
}
