using System.Net;
using JunctionRelay.Connections;
using JunctionRelay.Files;

namespace JunctionRelay.Configuration;

/// <summary>The proxy of a <c>via</c> key: <c>http://HOST:PORT</c>; who we are to it stands in a file of its own, never here.</summary>
internal static class ViaAddress
{
    private const string Scheme = "http://";

    /// <summary>Where the proxy listens, or null and what is wrong with <paramref name="text"/>.</summary>
    public static DnsEndPoint? Read(string text, out Flaw flaw)
    {
        // Whatever else is wrong with it: no message shows a password.
        if (text.Contains('@', StringComparison.Ordinal))
        {
            flaw = new Flaw("it holds a password", "write http://HOST:PORT, and name a file that holds USER:PASSWORD in viaCredentials");
            return null;
        }

        if (!text.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase))
        {
            flaw = new Flaw($"'{text}' is no HTTP proxy", "write http://HOST:PORT, e.g. http://proxy.example.com:3128");
            return null;
        }

        if (TargetAddress.Read(text[Scheme.Length..].TrimEnd('/'), out flaw) is not { } address) return null;
        if (address is { Scheme: "", UnixPath: null, Count: 1 }) return new DnsEndPoint(address.Host, address.Ports.First);
        flaw = new Flaw($"'{text}' is no single proxy", "write http://HOST:PORT, e.g. http://proxy.example.com:3128");
        return null;
    }

    /// <summary>The link that a link goes through, and the service there: <c>link://NAME/SERVICE</c>; null when it says something else.</summary>
    public static (string Link, string Service)? Link(string? text) =>
        text is not null && TargetAddress.Read(text, out _) is { Scheme: "link", Service: { } service, Behind: null } address ? (address.Host, service) : null;

    /// <summary>The proxy of checked keys; null where there is none. The file is read for every connection, so that a changed password needs no restart.</summary>
    public static HttpProxy? Proxy(string? via, string? credentials, string home)
    {
        if (via is null || Link(via) is not null) return null;
        var file = credentials is null ? null : Path.GetFullPath(credentials, home);
        return new HttpProxy(Read(via, out _)!, () => file is null ? null : SecretFile.ReadText(file).Trim());
    }
}
