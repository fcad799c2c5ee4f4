namespace JunctionRelay.Configuration;

/// <summary>Where connections of a relay go, parsed from one element of <c>target</c>.</summary>
/// <param name="Scheme">Empty for plain connections, <c>tls</c>, or <c>link</c>.</param>
/// <param name="Host">A host name, or an IP address without brackets; for a link its name; empty for a unix socket.</param>
/// <param name="UnixPath">The path of a unix socket as it was written; null for the others.</param>
/// <param name="Service">The service behind a link; null for the others.</param>
/// <param name="Behind">The destination behind that service, where the target names one.</param>
internal sealed record TargetAddress(string Scheme, string Host, PortRange Ports, string? UnixPath, string? Service, TargetAddress? Behind = null)
{
    private const string Example = "HOST:PORT, e.g. license.example.com:27000";
    private static readonly string[] Schemes = ["", "tcp", "tls", "link"];

    public bool IsTls => Scheme == "tls";

    /// <summary>How many destinations it stands for: one per port of a range.</summary>
    public int Count => Service is not null ? Behind?.Count ?? 1 : UnixPath is null ? Ports.Count : 1;

    /// <summary>The address, or null and what is wrong with <paramref name="text"/>.</summary>
    public static TargetAddress? Read(string text, out Flaw flaw)
    {
        var address = AddressText.Of(text);
        if (!Schemes.Contains(address.Scheme))
        {
            flaw = new Flaw($"'{address.Scheme}://' is no kind of target", "write HOST:PORT, or tls://HOST:PORT");
            return null;
        }

        var scheme = address.Scheme == "tcp" ? "" : address.Scheme;
        if (scheme == "link")
            return Link(address.Rest, out flaw);
        if (address.IsUnix)
            return address.UnixPath(out flaw) is { } path ? new TargetAddress(scheme, "", default, path, null) : null;
        if (address.HostAndPorts(Example, out flaw) is not var (host, ports))
            return null;

        flaw = Check(host, ports);
        return flaw == default ? new TargetAddress(scheme, host, ports, null, null) : null;
    }

    private static Flaw Check(string host, PortRange ports)
    {
        if (host == "*")
            return new Flaw("'*' is no destination", "name the host");
        if (ports.IsAnyFree)
            return new Flaw("0 is no port to connect to", "a port is a number from 1 to 65535");
        return AddressText.Ip(host) is null ? AddressText.NameFlaw(host) : default;
    }

    // link://LINK/SERVICE, and behind that host:port or unix:/path.
    private static TargetAddress? Link(string rest, out Flaw flaw)
    {
        flaw = default;
        if (rest.Split('/', 3) is not [{ Length: > 0 } name, { Length: > 0 } service, .. var behind])
        {
            flaw = new Flaw($"'link://{rest}' is no service behind a link", "write link://LINK/SERVICE");
            return null;
        }

        if (behind is not [var destination])
            return new TargetAddress("link", name, default, null, service);
        if (Read(destination, out flaw) is not { } target)
            return null;
        if (target.Scheme.Length > 0)
            flaw = new Flaw($"'{destination}' is no destination behind a link", $"write link://{name}/{service}/HOST:PORT");
        else if (target.UnixPath?.StartsWith('/') == false)
            flaw = new Flaw($"'{target.UnixPath}' is no full path", "it is the other side's: write unix:/run/NAME.sock");
        return flaw == default ? new TargetAddress("link", name, default, null, service, target) : null;
    }
}
