using System.Net;
using System.Net.Sockets;
using JunctionRelay.Configuration;

namespace JunctionRelay.App.Exec;

/// <summary>
/// Addresses of 127.0.0.0/8 that no other agent of this machine has, one for each server, for as long as this lives. Chosen by user and server, so that they are the same from job to job where
/// nobody is in the way; claimed by an abstract unix socket of that name (unix(7)), which exists once in a network namespace, as the loopback does, and goes with the process, however
/// that ends.
/// </summary>
/// <param name="user">Whose: users do not get in each other's way.</param>
internal sealed class LoopbackAddresses(uint user) : IDisposable
{
    /// <summary>Where these ports are taken at so many addresses, a program listens on all of them.</summary>
    private const int MostTries = 8;

    private static readonly IPNetwork Loopback = new(IPAddress.Parse("127.0.0.0"), 8);

    private readonly HashSet<IPAddress> _tried = [];
    private readonly List<Socket> _claims = [];

    /// <summary>An address for <paramref name="server"/> on which all <paramref name="ports"/> are free; null, and what is in the way, where there is none.</summary>
    public IPAddress? Take(string server, IReadOnlyList<int> ports, out SocketException? inTheWay)
    {
        inTheWay = null;
        for (var tries = 0; tries < MostTries;)
        {
            if (OwnAddresses.Choose($"{user}\n{server.ToLowerInvariant()}", Loopback, _tried) is not { } address) break;
            if (!TryClaim(address)) continue;
            if ((inTheWay = Probe(address, ports)) is null) return address;
            // A port that we may not have here is not ours anywhere.
            if (inTheWay.SocketErrorCode != SocketError.AddressAlreadyInUse) break;
            tries++;
        }

        return null;
    }

    public void Dispose()
    {
        foreach (var claim in _claims) claim.Dispose();
    }

    private bool TryClaim(IPAddress address)
    {
        var claim = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            claim.Bind(new UnixDomainSocketEndPoint($"\0junction/{address}"));
            _claims.Add(claim);
            return true;
        }
        catch (SocketException)
        {
            claim.Dispose();
            return false;
        }
    }

    private static SocketException? Probe(IPAddress address, IReadOnlyList<int> ports)
    {
        foreach (var port in ports)
        {
            using var probe = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
            try
            {
                probe.Bind(new IPEndPoint(address, port));
            }
            catch (SocketException e)
            {
                return e;
            }
        }

        return null;
    }
}
