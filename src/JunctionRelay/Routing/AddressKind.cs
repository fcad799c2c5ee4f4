using System.Net;
using System.Net.Sockets;

namespace JunctionRelay.Routing;

/// <summary>Who can be meant by an address.</summary>
internal enum AddressKind
{
    /// <summary>A host of the internet.</summary>
    Public,
    /// <summary>A host of a network of somebody's own (RFC 1918, RFC 4193, RFC 6598), or one that exists in books only.</summary>
    Private,
    /// <summary>This machine, or its own wire: loopback, unspecified, link-local (the metadata service of clouds is one), multicast.</summary>
    Local,
}

/// <summary>The special ranges of addresses (IANA's two special-purpose registries), and in which of them an address lies.</summary>
internal static class AddressKinds
{
    private static readonly IPNetwork InternetV6 = IPNetwork.Parse("2000::/3");
    private static readonly IPNetwork Translated = IPNetwork.Parse("64:ff9b::/96");
    private static readonly IPNetwork SixToFour = IPNetwork.Parse("2002::/16");

    private static readonly (IPNetwork Range, AddressKind Kind)[] Special =
    [
        .. Ranges(AddressKind.Local, "0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/4", "240.0.0.0/4", "::/128", "::1/128", "fe80::/10", "ff00::/8"),
        .. Ranges(
            AddressKind.Private, "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "192.0.0.0/24", "192.0.2.0/24", "198.18.0.0/15", "198.51.100.0/24",
            "203.0.113.0/24", "fc00::/7", "2001::/32", "2001:db8::/32", "3fff::/20"),
    ];

    /// <summary>The kind of <paramref name="address"/>, and the special range that makes it one; a host of the internet is in none.</summary>
    public static (AddressKind Kind, IPNetwork? Range) Of(IPAddress address)
    {
        if (address.IsIPv4MappedToIPv6)
            address = address.MapToIPv4();
        else if (address.AddressFamily == AddressFamily.InterNetworkV6 && address.ScopeId != 0)
            address = new IPAddress(address.GetAddressBytes());

        foreach (var (range, kind) in Special)
        {
            if (range.Contains(address))
                return (kind, range);
        }

        if (address.AddressFamily == AddressFamily.InterNetwork)
            return (AddressKind.Public, null);
        // A gateway makes IPv4 of it: what counts is whom that reaches (RFC 6052, RFC 3056).
        if (Translated.Contains(address))
            return Embedded(address, 12, Translated);
        if (SixToFour.Contains(address))
            return Embedded(address, 2, SixToFour);
        return InternetV6.Contains(address) ? (AddressKind.Public, null) : (AddressKind.Private, new IPNetwork(address, 128));
    }

    private static (AddressKind Kind, IPNetwork? Range) Embedded(IPAddress address, int at, IPNetwork range)
    {
        var (kind, _) = Of(new IPAddress(address.GetAddressBytes().AsSpan(at, 4)));
        return kind == AddressKind.Public ? (kind, null) : (kind, range);
    }

    private static IEnumerable<(IPNetwork Range, AddressKind Kind)> Ranges(AddressKind kind, params string[] ranges) => ranges.Select(r => (IPNetwork.Parse(r), kind));
}
