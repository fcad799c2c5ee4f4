using System.Net;
using System.Net.Sockets;

namespace JunctionRelay.App.Ssh;

/// <summary>What a bind address of ssh's grammar stands for on this machine.</summary>
internal static class BindAddresses
{
    /// <summary>An address as it is; of a name, localhost above all, every address that it resolves to and this machine has. A name without any is noted.</summary>
    public static IReadOnlyList<IPAddress> Of(string name, List<string> unresolved)
    {
        if (IPAddress.TryParse(name, out var address)) return [address];
        try
        {
            IPAddress[] all = name == "localhost" ? [IPAddress.Loopback, IPAddress.IPv6Loopback] : Dns.GetHostAddresses(name);
            var here = all.Where(IsHere).ToList();
            if (here.Count > 0) return here;
        }
        catch (SocketException)
        {
            // As good as none.
        }

        unresolved.Add(name);
        return [];
    }

    // Where IPv6 is switched off, localhost is one address.
    private static bool IsHere(IPAddress address)
    {
        try
        {
            using var socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
            socket.Bind(new IPEndPoint(address, 0));
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
