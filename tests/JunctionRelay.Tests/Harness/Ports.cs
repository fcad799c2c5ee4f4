using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;

namespace JunctionRelay.Tests.Harness;

/// <summary>Ports of 127.0.0.1 that nobody has, for what must be told one; below those that the system gives to connections.</summary>
internal static class Ports
{
    public static int Free()
    {
        while (true)
        {
            var port = Random.Shared.Next(10_000, 32_000);
            using var probe = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            try
            {
                probe.Bind(new IPEndPoint(IPAddress.Loopback, port));
                return port;
            }
            catch (SocketException)
            {
                // Somebody has it.
            }
        }
    }

    /// <summary>Whether somebody listens there. Nobody is connected to.</summary>
    public static bool IsListening(int port) => IPGlobalProperties.GetIPGlobalProperties().GetActiveTcpListeners().Any(e => e.Port == port);
}
