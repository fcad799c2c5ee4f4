using System.Globalization;
using System.Net;
using System.Net.Sockets;
using JunctionRelay.Connections;

namespace JunctionRelay.Relay;

/// <summary>Where a peer asks us to listen: <c>localhost:6000</c>, <c>*:6000</c>, <c>10.0.0.7:6000</c>, <c>[::1]:0</c>, <c>unix:/path</c>.</summary>
/// <param name="EndPoints">The sockets that it would be: of localhost and * one for each family.</param>
/// <param name="NeedsAll">Each of them is wanted; of localhost and * those are enough that this machine has and the peer may have.</param>
internal sealed record ListenWish(IReadOnlyList<EndPoint> EndPoints, bool NeedsAll)
{
    /// <summary>Reads what a peer said; null when it is no address.</summary>
    public static ListenWish? Read(string text)
    {
        var colon = text.LastIndexOf(':');
        if (text.StartsWith("unix:", StringComparison.Ordinal)) return Destination.Read(text) is { } unix ? new ListenWish([unix], NeedsAll: true) : null;
        if (colon < 1 || !int.TryParse(text.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var port) || port > ushort.MaxValue) return null;
        return text[..colon] switch
        {
            "localhost" => Both(IPAddress.Loopback, IPAddress.IPv6Loopback, port),
            "*" => Both(IPAddress.Any, IPAddress.IPv6Any, port),
            ['[', .. var inner, ']'] when Destination.Ip(inner) is { AddressFamily: AddressFamily.InterNetworkV6 } v6 => new ListenWish([new IPEndPoint(v6, port)], NeedsAll: true),
            var host when Destination.Ip(host) is { AddressFamily: AddressFamily.InterNetwork } v4 => new ListenWish([new IPEndPoint(v4, port)], NeedsAll: true),
            _ => null,
        };
    }

    private static ListenWish Both(IPAddress v4, IPAddress v6, int port) => new([new IPEndPoint(v4, port), new IPEndPoint(v6, port)], NeedsAll: false);
}
