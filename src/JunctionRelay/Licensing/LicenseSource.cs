using System.Globalization;
using System.Text.RegularExpressions;

namespace JunctionRelay.Licensing;

/// <summary>A license server: where it is asked, and the name by which it calls itself.</summary>
/// <param name="Host">The name or address that the file gives.</param>
/// <param name="Name">What clients are sent to; null when the host is an address or means every machine, and nobody said.</param>
internal sealed record LicenseServer(string Host, int Port, string? Name)
{
    /// <summary>Where a junction finds it.</summary>
    public string DialHost => LicenseNames.IsNobody(Host) && Name is not null ? Name : Host;
}

/// <summary>A daemon beside the server that holds the licenses.</summary>
/// <param name="Port">Null: another one at every start.</param>
internal sealed record LicenseDaemon(string Name, int? Port);

/// <summary>One entry of a license search path: one server, or three that stand in for each other.</summary>
internal sealed partial record LicenseSource(LicenseKind Kind, IReadOnlyList<LicenseServer> Servers, IReadOnlyList<LicenseDaemon> Daemons)
{
    /// <summary>lmgrd takes the first free port from here to 27009 when none is given; rlm has this one.</summary>
    public static int DefaultPort(LicenseKind kind) => kind == LicenseKind.Rlm ? 5053 : 27000;

    /// <summary>Three servers of which two must be up (three-server redundancy): one entry, in this order, never balanced.</summary>
    public bool IsTriad => Servers.Count == 3;

    /// <summary>
    /// Reads the value of a license variable: <c>27000@lic1</c>, and <c>27000@a,27000@b,27000@c</c> for a triad. Null when it is none.
    /// </summary>
    public static LicenseSource? FromVariable(string text)
    {
        var servers = new List<LicenseServer>();
        foreach (var entry in text.Split(','))
        {
            if (Entry().Match(entry) is not { Success: true } match || !LicenseNames.IsHost(match.Groups["host"].Value))
                return null;
            var port = match.Groups["port"].Value is { Length: > 0 } digits ? int.Parse(digits, CultureInfo.InvariantCulture) : DefaultPort(LicenseKind.FlexNet);
            if (port is < 1 or > ushort.MaxValue)
                return null;
            var host = match.Groups["host"].Value;
            servers.Add(new LicenseServer(host, port, NameOf(host)));
        }

        return servers.Count is 1 or 3 ? new LicenseSource(LicenseKind.FlexNet, servers, []) : null;
    }

    /// <summary>
    /// Reads all entries of a license variable, in the order in which clients ask them: <c>27000@a:27000@b</c>, on Windows <c>27000@a;27000@b</c>, each a server or a
    /// triad. Null when one of them is neither.
    /// </summary>
    public static IReadOnlyList<LicenseSource>? ListFromVariable(string text)
    {
        var entries = Separator().Split(text).Select(FromVariable).ToList();
        return entries.Contains(null) ? null : [.. entries.OfType<LicenseSource>()];
    }

    /// <summary>The name by which a server calls itself, as far as its line tells.</summary>
    public static string? NameOf(string host) => LicenseNames.IsNobody(host) || LicenseNames.IsAddress(host) ? null : host;

    [GeneratedRegex("^(?<port>[0-9]{0,5})@(?<host>[^@]+)$")]
    private static partial Regex Entry();

    // An address of IPv6 has colons, too, but no entry begins there.
    [GeneratedRegex("[:;](?=[0-9]{0,5}@)")]
    private static partial Regex Separator();
}
