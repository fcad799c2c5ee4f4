using System.Net;
using System.Net.Sockets;

namespace JunctionRelay.Connections;

/// <summary>Whose doings count together where strangers are limited: an IPv4 address, or the /64 of an IPv6 address, since who has one of those has 2^64.</summary>
internal static class ClientNetwork
{
    /// <summary>The network as text; null for no address.</summary>
    public static string? Of(IPAddress? address)
    {
        if (address is null)
            return null;
        if (address.IsIPv4MappedToIPv6)
            return address.MapToIPv4().ToString();
        if (address.AddressFamily != AddressFamily.InterNetworkV6)
            return address.ToString();
        var bytes = address.GetAddressBytes();
        bytes.AsSpan(8).Clear();
        return new IPAddress(bytes).ToString();
    }
}
