using System.Net.Sockets;
using System.Text;

namespace JunctionRelay.App.Hosting;

/// <summary>systemd's readiness protocol: one datagram to the socket named by NOTIFY_SOCKET (sd_notify(3)).</summary>
internal static class ServiceManager
{
    private static volatile bool _isLeft;

    /// <summary>It watches another process from now on: what this one does is no news.</summary>
    public static void Leave(int successor)
    {
        Notify($"MAINPID={successor}");
        _isLeft = true;
    }

    /// <summary>Tells the service manager, if there is one. A manager that does not listen is no reason to fail.</summary>
    public static void Notify(string state)
    {
        if (_isLeft) return;
        if (Environment.GetEnvironmentVariable("NOTIFY_SOCKET") is not { Length: > 1 } path) return;
        try
        {
            using var socket = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
            // A leading @ stands for a name in the abstract namespace, which begins with a zero byte.
            socket.SendTo(Encoding.UTF8.GetBytes(state), new UnixDomainSocketEndPoint(path[0] == '@' ? '\0' + path[1..] : path));
        }
        catch (SocketException)
        {
            // See the summary.
        }
    }
}
