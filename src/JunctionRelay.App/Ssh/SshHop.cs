using System.Globalization;
using JunctionRelay.Configuration;

namespace JunctionRelay.App.Ssh;

/// <summary>
/// A host on the way: <c>[user@]host[:port]</c> of <c>-J</c>, a destination, or <c>ssh://[user@]host[:port]</c>. Junctions know no users; what ssh has not is
/// <c>name=host[:port]</c>, where the certificate of the junction there bears another name than its host.
/// </summary>
/// <param name="Host">A name or an address, without brackets.</param>
/// <param name="Port">As it was said, or null.</param>
/// <param name="Name">What the junction there is called, where that was said; else null, and it is called as its host.</param>
internal sealed record SshHop(string Host, int? Port, string? Name = null)
{
    private const string Scheme = "ssh://";
    private const string Example = "write [USER@]HOST[:PORT], or NAME=HOST[:PORT] where the junction there is called otherwise, and IPv6 addresses in brackets";

    /// <summary>The hops of <c>-J</c>; null, and what is wrong with it, when they are none.</summary>
    public static IReadOnlyList<SshHop>? ReadAll(string text, out Flaw flaw)
    {
        var hops = new List<SshHop>();
        foreach (var part in text.Split(','))
        {
            if (Read(part, out flaw) is not { } hop) return null;
            hops.Add(hop);
        }

        flaw = default;
        return hops;
    }

    /// <summary>One hop. Of an ssh:// address the port is sshd's, and not ours.</summary>
    public static SshHop? Read(string text, out Flaw flaw)
    {
        flaw = new Flaw($"'{text}' is no host", Example);
        var isUri = text.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase);
        var rest = isUri ? text[Scheme.Length..].TrimEnd('/') : text;
        rest = rest[(rest.LastIndexOf('@') + 1)..];
        var (name, equals) = ((string?)null, rest.IndexOf('='));
        if (equals >= 0)
        {
            (name, rest) = (rest[..equals], rest[(equals + 1)..]);
            if (AddressText.NameFlaw(name) != default) return null;
        }

        if (rest.Length == 0 || rest[0] == '-') return null;
        // An IPv6 address without brackets has no port behind it.
        if (AddressText.Ip(rest) is not null)
        {
            flaw = default;
            return new SshHop(rest, null, name);
        }

        var colon = rest.StartsWith('[') ? rest.IndexOf("]:", StringComparison.Ordinal) + 1 : rest.LastIndexOf(':');
        var (host, port) = colon > 0 ? (rest[..colon], rest[(colon + 1)..]) : (rest, null);
        if (host is ['[', .. var inner, ']']) host = inner;
        if (AddressText.Ip(host) is null && AddressText.NameFlaw(host) is { What: not null } noName)
        {
            flaw = noName;
            return null;
        }

        var number = 0;
        if (port is not null && (!int.TryParse(port, NumberStyles.None, CultureInfo.InvariantCulture, out number) || number is < 1 or > ushort.MaxValue)) return null;
        flaw = default;
        return new SshHop(host, port is null || isUri ? null : number, name);
    }
}
