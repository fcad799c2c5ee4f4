using System.Net;
using System.Net.Sockets;
using System.Text;
using JunctionRelay.Connections;

namespace JunctionRelay.Configuration;

/// <summary>
/// What listen and target addresses have in common: <c>scheme://</c>, then <c>unix:/path</c> or <c>host:port</c>, where the host may be
/// <c>[ipv6]</c> and the port a range.
/// </summary>
/// <param name="Scheme">In small letters; empty where there is none.</param>
/// <param name="Rest">What follows the scheme.</param>
internal readonly record struct AddressText(string Scheme, string Rest)
{
    private const string UnixPrefix = "unix:";

    public static AddressText Of(string text)
    {
        var end = text.IndexOf("://", StringComparison.Ordinal);
        return end < 0 || text.StartsWith(UnixPrefix, StringComparison.OrdinalIgnoreCase) ? new AddressText("", text) : new AddressText(text[..end].ToLowerInvariant(), text[(end + 3)..]);
    }

    public bool IsUnix => Rest.StartsWith(UnixPrefix, StringComparison.OrdinalIgnoreCase);

    /// <summary>A host, and nothing that could be meant for a port.</summary>
    public bool LacksPort => Scheme != "link" && !IsUnix && Rest.Length > 0 && !Rest.Contains('@') && !PortRange.TryParse(Rest, out _)
        && (Rest.StartsWith('[') ? Rest.EndsWith(']') : !Rest.Contains(':'));

    /// <summary>The path of a unix socket, as it was written; null (with a flaw) when it cannot be one.</summary>
    public string? UnixPath(out Flaw flaw)
    {
        var path = Rest[UnixPrefix.Length..];
        // unix:///run/x is how a URL spells unix:/run/x.
        if (path.StartsWith("//", StringComparison.Ordinal))
            path = path[2..];
        flaw = path switch
        {
            "" => new Flaw($"'{Rest}' names no path", "write unix:/run/junction/NAME.sock"),
            ['@', ..] => new Flaw($"'{Rest}' is an abstract socket, which everybody on the machine may use", "write a path: unix:/run/junction/NAME.sock"),
            _ when Encoding.UTF8.GetByteCount(path) > Destination.LongestUnixPath =>
                new Flaw($"'{Rest}' is longer than the {Destination.LongestUnixPath} bytes that a unix socket's path may have", "use a shorter path"),
            _ => default,
        };
        return flaw == default ? path : null;
    }

    /// <summary>Host (without brackets) and ports; null (with a flaw) when it is not that.</summary>
    /// <param name="example">A right one, for the remedies.</param>
    public (string Host, PortRange Ports)? HostAndPorts(string example, out Flaw flaw)
    {
        var text = Rest;
        var bracket = text.StartsWith('[') ? text.IndexOf(']') : -1;
        var colon = bracket >= 0 ? bracket + 1 : text.LastIndexOf(':');
        flaw = Shape(text, bracket, colon, example);
        if (flaw != default)
            return null;

        var host = bracket >= 0 ? text[1..bracket] : text[..colon];
        if (!PortRange.TryParse(text[(colon + 1)..], out var ports))
        {
            flaw = text[(colon + 1)..].Contains('-')
                ? new Flaw($"'{text[(colon + 1)..]}' is no range of ports", "write the smaller port first, from 1 to 65535: 6000-6049")
                : new Flaw($"'{text[(colon + 1)..]}' is no port", "a port is a number from 1 to 65535");
            return null;
        }

        if (bracket >= 0 && IsIPv6(host) && host.Contains('%') && Ip(host)!.ScopeId == 0)
            flaw = new Flaw($"'{host[(host.IndexOf('%') + 1)..]}' is no network interface of this machine", "ip link lists them");
        else if (bracket >= 0 && !IsIPv6(host))
            flaw = new Flaw($"'[{host}]' is no IPv6 address", $"brackets are for IPv6 only, e.g. [::1]:{ports}");
        return flaw == default ? (host, ports) : null;
    }

    /// <summary>See <see cref="Destination.Ip"/>.</summary>
    public static IPAddress? Ip(string host) => Destination.Ip(host);

    /// <summary>What is wrong with <paramref name="host"/> as a name that is looked up; default when nothing is.</summary>
    public static Flaw NameFlaw(string host)
    {
        if (Destination.IsDigitsAndDots(host))
            return new Flaw($"'{host}' is no IPv4 address", "write four numbers from 0 to 255: 10.0.0.7");
        return Destination.IsName(host) ? default : new Flaw($"'{host}' is no host name", "a name is letters, digits, hyphens and dots");
    }

    private static bool IsIPv6(string host) => Ip(host) is { AddressFamily: AddressFamily.InterNetworkV6 };

    private static Flaw Shape(string text, int bracket, int colon, string example)
    {
        if (text.Split('@') is [var port, var host] && PortRange.TryParse(port, out _) && host.Length > 0)
            return new Flaw($"'{text}' is how a license variable is written", $"write {host}:{port}");
        if (text.StartsWith('[') && (bracket < 0 || bracket + 1 == text.Length || text[bracket + 1] != ':'))
            return new Flaw(bracket < 0 ? $"'{text}' has no closing bracket" : $"'{text}' has no port", "write [ADDRESS]:PORT, e.g. [::1]:8990");
        if (bracket < 0 && colon >= 0 && text.IndexOf(':') != colon)
        {
            return IsIPv6(text)
                ? new Flaw($"'{text}' is an IPv6 address without brackets", $"write [ADDRESS]:PORT, e.g. [{text}]:8990")
                : new Flaw($"'{text}' has more than one colon", "write HOST:PORT, and IPv6 addresses in brackets: [::1]:8990");
        }

        if (colon >= 0)
            return colon > 0 ? default : new Flaw($"'{text}' has no host", $"write {example}");
        return PortRange.TryParse(text, out _)
            ? new Flaw($"'{text}' is only a port", $"write {example}")
            : new Flaw($"'{text}' has no port", $"write {(text.Length == 0 ? example : $"{text}:PORT")}");
    }
}
