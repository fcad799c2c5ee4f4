using System.Net;
using System.Net.Sockets;

namespace JunctionRelay.Policies;

/// <summary>A set of address ranges (RFC 4632). IPv4 addresses that arrive IPv6-mapped count as the IPv4 addresses that they are.</summary>
internal sealed class CidrSet(IEnumerable<IPNetwork> ranges)
{
    private readonly IPNetwork[] _ranges = ranges.ToArray();

    /// <summary>Whether one of the ranges holds <paramref name="address"/>.</summary>
    public bool Contains(IPAddress address)
    {
        if (address.IsIPv4MappedToIPv6) address = address.MapToIPv4();
        // A link-local address carries the number of an interface, which no range names.
        else if (address.AddressFamily == AddressFamily.InterNetworkV6 && address.ScopeId != 0) address = new IPAddress(address.GetAddressBytes());
        foreach (var range in _ranges)
        {
            if (range.Contains(address)) return true;
        }

        return false;
    }

    public override string ToString() => string.Join(", ", _ranges);
}
