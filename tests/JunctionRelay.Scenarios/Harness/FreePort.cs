using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;

namespace JunctionRelay.Scenarios.Harness;

/// <summary>
/// Ports that nobody uses. They lie below the range from which the kernel serves outgoing connections, so that none of those takes one
/// between the moment it is found free and the moment the program under test binds it; and none is given out twice in a run.
/// </summary>
internal static class FreePort
{
    private const int First = 10_000;
    private const int Last = 32_000;

    private static readonly ConcurrentDictionary<int, byte> Given = new();

    /// <summary>One free port.</summary>
    public static int Next() => Range(1);

    /// <summary>The first of <paramref name="count"/> consecutive free ports.</summary>
    public static int Range(int count)
    {
        while (true)
        {
            var first = Random.Shared.Next(First, Last - count);
            var ports = Enumerable.Range(first, count).ToArray();
            if (ports.All(IsFree) && ports.All(p => Given.TryAdd(p, 0)))
                return first;
        }
    }

    private static bool IsFree(int port)
    {
        using var probe = new Socket(AddressFamily.InterNetworkV6, SocketType.Stream, ProtocolType.Tcp) { DualMode = true };
        try
        {
            probe.Bind(new IPEndPoint(IPAddress.IPv6Any, port));
            return true;
        }
        catch (SocketException e) when (e.SocketErrorCode == SocketError.AddressAlreadyInUse)
        {
            return false;
        }
    }
}
