using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace JunctionRelay.Connections;

/// <summary>
/// Where a connection is to go, as people and protocols write it: <c>host:port</c>, <c>[ipv6]:port</c>, <c>unix:/path</c>. In code it is the framework's
/// own <see cref="EndPoint"/>; <see cref="SocketDialer.Text"/> writes it again.
/// </summary>
internal static class Destination
{
    /// <summary>The longest host name (RFC 1035, 2.3.4, without the final dot).</summary>
    public const int LongestName = 253;

    /// <summary>The longest path of a unix socket, in bytes: <c>sun_path</c> holds 108 with its final zero on Linux.</summary>
    public const int LongestUnixPath = 107;

    private const string UnixPrefix = "unix:";

    /// <summary>The destination, or null when <paramref name="text"/> is none.</summary>
    public static EndPoint? Read(string text)
    {
        if (text.StartsWith(UnixPrefix, StringComparison.Ordinal))
            return IsUnixPath(text[UnixPrefix.Length..]) ? new UnixDomainSocketEndPoint(text[UnixPrefix.Length..]) : null;
        var colon = text.LastIndexOf(':');
        if (colon < 1 || !int.TryParse(text.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var port))
            return null;
        return text[..colon] is ['[', .. var inner, ']']
            ? Ip(inner) is { AddressFamily: AddressFamily.InterNetworkV6 } ? Of(inner, port) : null
            : text.IndexOf(':') == colon ? Of(text[..colon], port) : null;
    }

    /// <summary>The same of a host name or address without brackets, and a port; null when it is none of these.</summary>
    public static EndPoint? Of(string host, int port)
    {
        if (port is < 1 or > ushort.MaxValue)
            return null;
        return Ip(host) is { } ip ? new IPEndPoint(ip.IsIPv4MappedToIPv6 ? ip.MapToIPv4() : ip, port) : IsName(host) ? new DnsEndPoint(host, port) : null;
    }

    /// <summary>The same host, so many ports further.</summary>
    public static EndPoint Shifted(EndPoint destination, int ports) => (ports, destination) switch
    {
        (0, _) => destination,
        (_, IPEndPoint ip) => new IPEndPoint(ip.Address, ip.Port + ports),
        (_, DnsEndPoint named) => new DnsEndPoint(named.Host, named.Port + ports),
        _ => throw new InvalidOperationException("A unix socket has no port range."),
    };

    /// <summary>The same host at another port.</summary>
    public static EndPoint At(EndPoint destination, int port) => destination switch
    {
        IPEndPoint ip => new IPEndPoint(ip.Address, port),
        DnsEndPoint named => new DnsEndPoint(named.Host, port),
        _ => throw new InvalidOperationException("A unix socket has no ports."),
    };

    /// <summary>An IP address written in full; null when <paramref name="host"/> is a name or a shorthand such as 127.1 or 010.0.0.1, which mean different things to different programs.</summary>
    public static IPAddress? Ip(string host)
    {
        if (!IPAddress.TryParse(host, out var address) || host.StartsWith('['))
            return null;
        return address.AddressFamily == AddressFamily.InterNetworkV6 || address.ToString() == host ? address : null;
    }

    /// <summary>Whether <paramref name="host"/> is a name that can be looked up: letters, digits, hyphens, underscores and dots, and no number that is none.</summary>
    public static bool IsName(string host) =>
        host.Length is > 0 and <= LongestName && !IsDigitsAndDots(host)
        && (host.EndsWith('.') ? host[..^1] : host).Split('.').All(l => l.Length is > 0 and <= 63 && l.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_'));

    /// <summary>What looks like an IPv4 address, right or wrong.</summary>
    public static bool IsDigitsAndDots(string host) => host.All(c => char.IsAsciiDigit(c) || c == '.');

    private static bool IsUnixPath(string path) => path.StartsWith('/') && Encoding.UTF8.GetByteCount(path) <= LongestUnixPath && !path.Any(char.IsControl);
}
