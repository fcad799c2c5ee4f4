using JunctionRelay.Connections;
using JunctionRelay.Routing;

namespace JunctionRelay.Configuration;

/// <summary>One element of an <c>open</c> list: <c>master.example.com:443</c>, <c>*.corp:3141-3199</c>, <c>10.1.0.0/16:*</c>, <c>[fd00::/8]:22</c>, <c>unix:/run/x.sock</c>.</summary>
internal static class OpenEntry
{
    private const string AnyPort = "*";
    private const string Example = "HOST:PORT, e.g. lic1.example.com:27000, *.example.com:443, 10.1.0.0/16:5000-5999 or [fd00::/8]:*";

    /// <summary>The entry, or null and what is wrong with <paramref name="text"/>.</summary>
    public static DestinationPattern? Read(string text, out Flaw flaw)
    {
        flaw = default;
        if (text.Contains("://", StringComparison.Ordinal))
            return Wrong(new Flaw($"'{text}' has a scheme", $"write {Example}"), out flaw);
        var address = AddressText.Of(text);
        if (address.IsUnix)
            return UnixSocket(text, address, out flaw);

        var colon = text.StartsWith('[') ? text.LastIndexOf("]:", StringComparison.Ordinal) + 1 : text.LastIndexOf(':');
        if (colon < 1 || !text.StartsWith('[') && text.IndexOf(':') != colon)
            return Wrong(new Flaw($"'{text}' has no port, or an IPv6 address without brackets", $"write {Example}"), out flaw);
        var (host, portText) = (text[..colon], text[(colon + 1)..]);
        if (Ports(portText) is not { } ports)
            return Wrong(new Flaw($"'{portText}' is no port", "write a port from 1 to 65535, a range such as 3141-3199, or * for every port"), out flaw);
        if (host is ['[', .. var inner, ']'])
            host = inner;
        // Only an address has numbers and dots alone, or colons, or the length of a prefix.
        return host.Contains('/') || host.Contains(':') || Destination.IsDigitsAndDots(host) ? Addresses(text, host, ports, out flaw) : Names(text, host, ports, out flaw);
    }

    private static PortRange? Ports(string text) =>
        text == AnyPort ? new PortRange(1, ushort.MaxValue) : PortRange.TryParse(text, out var range) && !range.IsAnyFree ? range : null;

    private static DestinationPattern? UnixSocket(string text, AddressText address, out Flaw flaw)
    {
        if (address.UnixPath(out flaw) is not { } path)
            return null;
        return path.StartsWith('/')
            ? new DestinationPattern(text, null, null, path, 0, 0)
            : Wrong(new Flaw($"'{path}' is no full path", "clients name the full path: unix:/run/NAME.sock"), out flaw);
    }

    private static DestinationPattern? Addresses(string text, string host, PortRange ports, out Flaw flaw)
    {
        if (AddressRange.Read(host, out flaw) is not { } range)
            return null;
        return new DestinationPattern(text, null, range, null, ports.First, ports.Last);
    }

    private static DestinationPattern? Names(string text, string host, PortRange ports, out Flaw flaw)
    {
        var name = host.EndsWith('.') ? host[..^1] : host;
        if (name.Any(char.IsAsciiDigit) && name.All(c => char.IsAsciiDigit(c) || c is '.' or '*' or '?'))
            return Wrong(new Flaw($"'{host}' is no IPv4 address", "write a range of addresses as 10.1.0.0/16"), out flaw);
        // A wildcard stands for letters, so that what it leaves must be a name without it.
        flaw = AddressText.NameFlaw(name.Replace('*', 'x').Replace('?', 'x'));
        return flaw == default
            ? new DestinationPattern(text, name, null, null, ports.First, ports.Last)
            : Wrong(new Flaw($"'{host}' is no host name or pattern", "a name is letters, digits, hyphens and dots; * and ? stand for any of them"), out flaw);
    }

    private static DestinationPattern? Wrong(Flaw found, out Flaw flaw)
    {
        flaw = found;
        return null;
    }
}
