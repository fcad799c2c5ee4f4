using System.Net;
using System.Net.Sockets;

namespace JunctionRelay.Connections;

/// <summary>The file of a unix socket that we want to listen on.</summary>
internal static class UnixSocketFile
{
    /// <summary>Binds the socket to a new file with this mode, which it is the caller's to delete. Who died there leaves nothing behind.</summary>
    /// <exception cref="SocketException">Somebody listens there, or it is no socket.</exception>
    public static void Bind(Socket socket, UnixDomainSocketEndPoint endPoint, UnixFileMode mode)
    {
        RemoveStale(endPoint);
        socket.Bind(new Kept(endPoint));
        if (!OperatingSystem.IsWindows()) File.SetUnixFileMode(endPoint.ToString(), mode);
    }

    /// <summary>Removes a socket file whose owner died, which would make bind fail; one that answers belongs to somebody.</summary>
    /// <exception cref="SocketException">It does, or it is no socket.</exception>
    private static void RemoveStale(UnixDomainSocketEndPoint endPoint)
    {
        var path = endPoint.ToString();
        if (!File.Exists(path)) return;
        if (!IsSocket(path)) throw new SocketException((int)SocketError.AddressAlreadyInUse);
        using var probe = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            probe.Connect(endPoint);
        }
        catch (SocketException e) when (e.SocketErrorCode == SocketError.ConnectionRefused)
        {
            File.Delete(path);
            return;
        }

        throw new SocketException((int)SocketError.AddressAlreadyInUse);
    }

    // Connecting to a file that is no socket is refused just as a dead socket is. Opening tells: of all files, sockets alone answer ENXIO.
    private static bool IsSocket(string path)
    {
        const int NoSuchDeviceOrAddress = 6;
        try
        {
            File.OpenHandle(path).Dispose();
            return false;
        }
        catch (IOException e)
        {
            return e.HResult == NoSuchDeviceOrAddress;
        }
        catch (UnauthorizedAccessException)
        {
            return false;
        }
    }

    // The framework deletes the file of a socket that it disposes of, also when another process listens there by now; unless it is called by another name.
    private sealed class Kept(UnixDomainSocketEndPoint endPoint) : EndPoint
    {
        public override AddressFamily AddressFamily => AddressFamily.Unix;
        public override SocketAddress Serialize() => endPoint.Serialize();
        public override EndPoint Create(SocketAddress socketAddress) => endPoint.Create(socketAddress);
    }
}
