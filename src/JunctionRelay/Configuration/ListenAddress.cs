using System.Net;
using System.Net.Sockets;

namespace JunctionRelay.Configuration;

/// <summary>Where a relay listens, parsed from one element of <c>listen</c>.</summary>
/// <param name="Scheme">Empty for plain connections, <c>tls</c>, <c>socks5</c> or <c>http</c>.</param>
/// <param name="Address">The address; null for <c>*</c> (every address, both families) and for a unix socket.</param>
/// <param name="UnixPath">The path of a unix socket as it was written; null for TCP.</param>
internal sealed record ListenAddress(string Scheme, IPAddress? Address, PortRange Ports, string? UnixPath)
{
    private const string Stdio = "stdio:";
    private const string LinkScheme = "link";
    private const string LinkExample = "link://LINK/ADDRESS:PORT, e.g. link://hq/localhost:6000, or link://hq/*:6000 for every address there";

    private const string Example = "127.0.0.1:8990 for this machine alone, or *:8990 for every address";
    private static readonly string[] Schemes = ["", "tcp", "tls", "socks5", "http"];

    public bool IsTls => Scheme == "tls";

    /// <summary>Its clients name where they want to go.</summary>
    public bool IsEntrance => Scheme is "socks5" or "http";

    /// <summary>The link behind whose other end it listens, for us; null where this machine does.</summary>
    public string? Link { get; init; }

    /// <summary>The address there, as it was written: one of its own, localhost or *.</summary>
    public string LinkHost { get; init; } = "";

    /// <summary>Standard input and output: one client, who is there already.</summary>
    public bool IsStdio { get; init; }

    /// <summary>Only clients of the machine that listens reach it.</summary>
    public bool IsThisMachine => IsStdio || UnixPath is not null || LinkHost == "localhost" || Address is not null && IPAddress.IsLoopback(Address);

    /// <summary>How many sockets it stands for: one per port of a range.</summary>
    public int Count => UnixPath is null && !IsStdio ? Ports.Count : 1;

    /// <summary>The address, or null and what is wrong with <paramref name="text"/>.</summary>
    public static ListenAddress? Read(string text, out Flaw flaw)
    {
        var address = AddressText.Of(text);
        if (address.Scheme != LinkScheme && !Schemes.Contains(address.Scheme))
        {
            flaw = new Flaw($"'{address.Scheme}://' is no kind of listener", "write HOST:PORT, or tls://HOST:PORT");
            return null;
        }

        var scheme = address.Scheme is "tcp" or LinkScheme ? "" : address.Scheme;
        flaw = default;
        if (address.Rest == Stdio && scheme.Length == 0)
            return new ListenAddress("", null, default, null) { IsStdio = true };
        // socks5://link://… : what is listened on there, and how its clients speak.
        var inner = AddressText.Of(address.Rest);
        if (address.Scheme == LinkScheme || inner.Scheme == LinkScheme)
            return BehindLink(scheme, address.Scheme == LinkScheme ? address.Rest : inner.Rest, out flaw);
        if (address.IsUnix)
            return address.UnixPath(out flaw) is { } path ? new ListenAddress(scheme, null, default, path) : null;
        if (address.HostAndPorts(Example, out flaw) is not var (host, ports))
            return null;

        // The address that every program tries for this name, also where IPv6 is switched off.
        var ip = host == "localhost" ? IPAddress.Loopback : AddressText.Ip(host);
        if (ip is null && host != "*")
        {
            flaw = host.Contains('/') ? new Flaw($"'{host}' is no range out of which a server can have an address of its own", $"write IPv4 networks from /8 to /{OwnAddresses.LongestPrefix}: 127.0.0.0/8:{ports}")
                : host.All(c => char.IsAsciiDigit(c) || c == '.') ? AddressText.NameFlaw(host)
                : new Flaw($"'{host}' is a name, and a listener needs an address of this machine", $"write {Example}");
            return null;
        }

        return new ListenAddress(scheme, ip, ports, null);
    }

    private static ListenAddress? BehindLink(string scheme, string rest, out Flaw flaw)
    {
        flaw = new Flaw($"'link://{rest}' is nowhere behind a link", $"write {LinkExample}");
        if (scheme == "tls")
            flaw = new Flaw("'tls://link://' is TLS where a link has it already", $"write {LinkExample}");
        else if (rest.IndexOf('/') is > 0 and var slash && slash + 1 < rest.Length)
        {
            var (name, there) = (rest[..slash], rest[(slash + 1)..]);
            if (!there.Contains(':'))
            {
                flaw = new Flaw($"'link://{rest}' is a target", $"name it in target; to have the other junction listen for us, write {LinkExample}");
                return null;
            }

            var bare = Read(there, out flaw);
            if (bare is { Scheme: "", Link: null, IsStdio: false } && bare.UnixPath?.StartsWith('/') != false)
                return bare with { Scheme = scheme, Link = name, LinkHost = bare.UnixPath is null ? there[..there.LastIndexOf(':')] : "" };
            if (bare is not null)
                flaw = new Flaw($"'{there}' is nothing that is listened on behind a link", $"write {LinkExample}");
        }

        return null;
    }

    /// <summary>Whether the two would want the same socket. <paramref name="v6Only"/>: this one's [::] takes IPv6 alone, and likewise the other's.</summary>
    public bool Overlaps(ListenAddress other, bool v6Only, bool otherV6Only)
    {
        if (IsStdio || other.IsStdio)
            return IsStdio && other.IsStdio;
        if (Link is not null || other.Link is not null)
            return Link == other.Link && LinkHost == other.LinkHost && UnixPath == other.UnixPath && Ports.Overlaps(other.Ports);
        if (UnixPath is not null || other.UnixPath is not null)
            return UnixPath == other.UnixPath;
        if (!Ports.Overlaps(other.Ports))
            return false;
        var (v4, v6) = Families(v6Only);
        var (otherV4, otherV6) = other.Families(otherV6Only);
        return Meet(v4, otherV4, IPAddress.Any) || Meet(v6, otherV6, IPAddress.IPv6Any);
    }

    // What it takes of IPv4 and of IPv6: an address, all of them, or none.
    private (IPAddress? V4, IPAddress? V6) Families(bool v6Only) => Address switch
    {
        null => (IPAddress.Any, IPAddress.IPv6Any),
        { IsIPv4MappedToIPv6: true } mapped => (mapped.MapToIPv4(), null),
        { AddressFamily: AddressFamily.InterNetwork } => (Address, null),
        _ => (Address.Equals(IPAddress.IPv6Any) && !v6Only ? IPAddress.Any : null, Address),
    };

    private static bool Meet(IPAddress? a, IPAddress? b, IPAddress all) =>
        a is not null && b is not null && (a.Equals(b) || a.Equals(all) || b.Equals(all));
}
