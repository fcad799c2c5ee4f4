using System.Net.Sockets;

namespace JunctionRelay.Connections;

/// <summary>
/// Options of every socket that carries relayed bytes. <paramref name="KeepAlive"/>: how long a quiet connection waits before it is probed
/// (default of the plan 60 s: shorter than AWS's 350 s and Azure's 240 s NAT timers); a peer that leaves <see cref="Probes"/> probes
/// <see cref="ProbeInterval"/> apart unanswered is silent. Zero = never probed.
/// </summary>
internal sealed record SocketSettings(TimeSpan KeepAlive)
{
    /// <summary>Unanswered probes that end a connection.</summary>
    public const int Probes = 3;

    /// <summary>60 s by default; with the probes a dead machine is found within 90 s.</summary>
    public static SocketSettings Default { get; } = new(TimeSpan.FromSeconds(60));

    /// <summary>Time between probes: 10 s, less where <see cref="KeepAlive"/> is.</summary>
    public TimeSpan ProbeInterval => KeepAlive < TimeSpan.FromSeconds(10) ? KeepAlive : TimeSpan.FromSeconds(10);

    /// <summary>When a dead machine is found at the latest.</summary>
    public TimeSpan SilentAfter => KeepAlive == TimeSpan.Zero ? TimeSpan.MaxValue : KeepAlive + Probes * ProbeInterval;

    /// <summary>Sets the options. Set on a listening socket, Linux hands them on to what it accepts.</summary>
    public void Apply(Socket socket)
    {
        if (socket.ProtocolType != ProtocolType.Tcp) return;
        // Both relays and license clients write whole messages; waiting to fill a segment only adds a round trip.
        socket.NoDelay = true;
        // When this process dies, the system closes its sockets: with a reset, since a cut is never a clean end. SocketConnection takes this back
        // for a connection that ended cleanly.
        socket.LingerState = SocketConnection.Reset;
        socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.KeepAlive, KeepAlive > TimeSpan.Zero);
        if (KeepAlive == TimeSpan.Zero) return;
        socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveTime, Seconds(KeepAlive));
        socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveInterval, Seconds(ProbeInterval));
        socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveRetryCount, Probes);
    }

    private static int Seconds(TimeSpan time) => Math.Max(1, (int)time.TotalSeconds);
}
