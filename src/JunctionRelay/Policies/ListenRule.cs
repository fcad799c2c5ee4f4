using System.Net;
using System.Net.Sockets;

namespace JunctionRelay.Policies;

/// <summary>One entry of <c>peers.*.listen</c>: where a peer may have us listen for it.</summary>
/// <param name="Address">The address; null = any, also every one at once. An unspecified address (0.0.0.0, ::) = any of its family.</param>
/// <param name="FirstPort">The first port; of a unix socket 0.</param>
/// <param name="LastPort">The last port.</param>
/// <param name="UnixPath">The path of a unix socket; null for TCP.</param>
internal sealed record ListenRule(IPAddress? Address, int FirstPort, int LastPort, string? UnixPath)
{
    /// <summary>Whether it permits <paramref name="endPoint"/>; port 0 stands for any one of the entry's.</summary>
    public bool Permits(EndPoint endPoint) => endPoint switch
    {
        UnixDomainSocketEndPoint unix => UnixPath == unix.ToString(),
        IPEndPoint ip => UnixPath is null && (ip.Port == 0 || ip.Port >= FirstPort && ip.Port <= LastPort) && (Address is null || Address.Equals(ip.Address) || IsAny(Address) && Address.AddressFamily == ip.AddressFamily),
        _ => false,
    };

    private static bool IsAny(IPAddress address) => address.AddressFamily == AddressFamily.InterNetwork ? address.Equals(IPAddress.Any) : address.Equals(IPAddress.IPv6Any);
}
