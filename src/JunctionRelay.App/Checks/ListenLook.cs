using System.Net;
using System.Net.Sockets;
using JunctionRelay.App.CommandLine;
using JunctionRelay.Connections;

namespace JunctionRelay.App.Checks;

/// <summary>Whether a junction runs here, told without connecting: a port that can be had is nobody's. A junction keeps its ports also while it refuses.</summary>
internal static class ListenLook
{
    /// <summary>False when one of the addresses is nobody's, which is told.</summary>
    public static bool IsTaken(IEnumerable<EndPoint> addresses, CheckTrail trail)
    {
        var looked = addresses.OfType<IPEndPoint>().Where(a => a.Port != 0).ToList();
        foreach (var address in looked)
        {
            if (Try(address) is not { } fault) continue;
            trail.Fail(CheckHop.Junction, fault);
            return false;
        }

        if (looked.Count > 0) trail.Ok(CheckHop.Junction, $"{string.Join(", ", looked.Select(SocketDialer.Text))} is taken: a junction runs here");
        return true;
    }

    // Null when somebody has it, or it cannot be told.
    private static CheckFault? Try(IPEndPoint address)
    {
        using var socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            if (address.AddressFamily == AddressFamily.InterNetworkV6) socket.DualMode = true;
            socket.Bind(address);
        }
        catch (SocketException e) when (e.SocketErrorCode == SocketError.AddressNotAvailable)
        {
            return new(ExitCodes.Unavailable, $"{address.Address} is no address of this machine, so that no junction listens on {SocketDialer.Text(address)}", "correct listen, or run this where the junction runs", CheckFaults.NoConnection);
        }
        catch (SocketException)
        {
            return null;
        }

        return new(ExitCodes.Unavailable, $"nobody listens on {SocketDialer.Text(address)}: the junction does not run", "start it: junction run CONFIG, or systemctl start junction; its log says why it ended", CheckFaults.NoConnection);
    }
}
