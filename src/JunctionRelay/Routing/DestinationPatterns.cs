using System.Net;
using System.Net.Sockets;
using JunctionRelay.Connections;

namespace JunctionRelay.Routing;

/// <summary>
/// An <c>open</c> list: the destinations that a client may name. A name is judged by what it says and by the address that it resolves to here, where that
/// address is dialled: whoever controls a name cannot lead it to a host that the list does not mean.
/// </summary>
/// <param name="patterns">The entries.</param>
/// <param name="isThisMachine">Whether an address is one of this machine's own; the system is asked unless a test knows better.</param>
internal sealed class DestinationPatterns(IReadOnlyList<DestinationPattern> patterns, Func<IPAddress, bool>? isThisMachine = null)
{
    /// <summary>Entries that a line for people holds.</summary>
    private const int MostShown = 8;

    private readonly Func<IPAddress, bool> _isThisMachine = isThisMachine ?? IsThisMachine;

    public IReadOnlyList<DestinationPattern> Patterns => patterns;

    /// <summary>Whether the list may permit <paramref name="destination"/>, so that it is worth asking a name server.</summary>
    public bool MayPermit(EndPoint destination) => destination switch
    {
        DnsEndPoint named => patterns.Any(p => p.Matches(Bare(named.Host), named.Port) || p.HasAddressesWith(named.Port)),
        IPEndPoint ip => Permits(destination, ip.Address),
        UnixDomainSocketEndPoint unix => patterns.Any(p => p.UnixPath == unix.ToString()),
        _ => false,
    };

    /// <summary>Whether <paramref name="address"/>, which <paramref name="destination"/> is or resolves to, may be dialled.</summary>
    public bool Permits(EndPoint destination, IPAddress address)
    {
        var port = destination is DnsEndPoint named ? named.Port : ((IPEndPoint)destination).Port;
        var plain = Plain(address);
        var (kind, special) = AddressKinds.Of(plain);
        foreach (var pattern in patterns)
        {
            if (pattern.Covers(kind, special, plain, port, _isThisMachine))
                return true;
            var isNamed = destination is DnsEndPoint host ? pattern.Matches(Bare(host.Host), port) : pattern.IsEverything && pattern.HasPort(port);
            if (isNamed && pattern.Covers(kind, plain, _isThisMachine))
                return true;
        }

        return false;
    }

    /// <summary>Why not, for people.</summary>
    public string Refusal(EndPoint destination, IEnumerable<IPAddress> resolved)
    {
        var addresses = string.Join(", ", resolved);
        return addresses.Length == 0
            ? $"{SocketDialer.Text(destination)} is in no entry of open ({this})"
            : $"{SocketDialer.Text(destination)} is {addresses} here, which no entry of open reaches: private and local addresses need an entry that names the host, its domain or its range";
    }

    public override string ToString() => string.Join(", ", patterns.Take(MostShown)) + (patterns.Count > MostShown ? ", …" : "");

    // "host." and "host" are one name; the dot only keeps search domains away.
    private static string Bare(string name) => name.EndsWith('.') ? name[..^1] : name;

    // Ranges name neither interfaces nor IPv4 in the clothes of IPv6.
    private static IPAddress Plain(IPAddress address) =>
        address.IsIPv4MappedToIPv6 ? address.MapToIPv4()
        : address.AddressFamily == AddressFamily.InterNetworkV6 && address.ScopeId != 0 ? new IPAddress(address.GetAddressBytes())
        : address;

    // The system sends packets to an address of its own from that very address. Connecting a datagram socket asks for the route and sends nothing.
    private static bool IsThisMachine(IPAddress address)
    {
        const int AnyPort = 9;
        try
        {
            using var socket = new Socket(address.AddressFamily, SocketType.Dgram, ProtocolType.Udp);
            socket.Connect(address, AnyPort);
            return ((IPEndPoint)socket.LocalEndPoint!).Address.Equals(address);
        }
        catch (SocketException)
        {
            // No route: nothing is dialled there either.
            return false;
        }
    }
}
