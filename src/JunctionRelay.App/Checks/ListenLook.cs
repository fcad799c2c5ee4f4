using System.Net;
using System.Net.Sockets;
using JunctionRelay.App.CommandLine;
using JunctionRelay.Connections;

namespace JunctionRelay.App.Checks;

/// <summary>
/// Whether a junction may run here, told without connecting: a port that can be had is nobody's. A junction keeps its ports also while it refuses. Whose port it is that is
/// taken, nobody tells a program without rights.
/// </summary>
internal static class ListenLook
{
    /// <summary>False when one of the addresses is nobody's, which is told.</summary>
    public static bool IsTaken(IEnumerable<EndPoint> addresses, CheckTrail trail) =>
        Judge([.. addresses.OfType<IPEndPoint>().Where(a => a.Port != 0).Select(a => (a, Bind(a)))], trail);

    /// <summary>What it says of addresses that binding to each went so; false when no junction can be there.</summary>
    public static bool Judge(IReadOnlyList<(IPEndPoint Address, SocketError Error)> tried, CheckTrail trail)
    {
        foreach (var (address, error) in tried)
        {
            var text = SocketDialer.Text(address);
            CheckFault? fault = error switch
            {
                SocketError.AddressNotAvailable =>
                    new(ExitCodes.Unavailable, $"{address.Address} is no address of this machine, so that no junction listens on {text}", "correct listen, or run this where the junction runs", CheckFaults.NoConnection),
                SocketError.Success =>
                    new(ExitCodes.Unavailable, $"nobody listens on {text}: the junction does not run", "start it: junction run CONFIG, or systemctl start junction; its log says why it ended", CheckFaults.NoConnection),
                _ => null,
            };
            if (fault is null) continue;
            trail.Fail(CheckHop.Junction, fault);
            return false;
        }

        foreach (var group in tried.GroupBy(t => t.Error, t => SocketDialer.Text(t.Address)))
        {
            var texts = string.Join(", ", group);
            if (group.Key == SocketError.AddressAlreadyInUse)
                trail.Ok(CheckHop.Junction, $"{texts} is taken, by a junction as it seems");
            else if (group.Key == SocketError.AccessDenied)
                trail.Skip(CheckHop.Junction, $"whether {texts} is taken cannot be told without the right to such ports: run this as root to know");
            else
                trail.Skip(CheckHop.Junction, $"whether {texts} is taken cannot be told: {new SocketException((int)group.Key).Message}");
        }

        return true;
    }

    private static SocketError Bind(IPEndPoint address)
    {
        using var socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            if (address.AddressFamily == AddressFamily.InterNetworkV6) socket.DualMode = true;
            socket.Bind(address);
            return SocketError.Success;
        }
        catch (SocketException e)
        {
            return e.SocketErrorCode;
        }
    }
}
