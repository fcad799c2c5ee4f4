using System.Net;

namespace JunctionRelay.Licensing;

/// <summary>Names out of a license file, before they get into configurations, scripts and hosts files: only what is a name may pass.</summary>
internal static class LicenseNames
{
    /// <summary>Longer daemon names than the ten letters of FlexNet's hello exist elsewhere.</summary>
    private const int LongestDaemon = 63;

    /// <summary>Hosts that every machine takes for itself: what <c>SERVER</c> lines say who do not want to name one.</summary>
    private static readonly string[] Nobody = ["this_host", "any", "localhost", "localhost.localdomain"];

    /// <summary>A host name or an IP address.</summary>
    public static bool IsHost(string text) =>
        text.Length is > 0 and <= FlexLmRedirect.MaxHostBytes
        && (IsAddress(text) || (char.IsAsciiLetterOrDigit(text[0]) && text.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '.' or '_')));

    /// <summary>An IP address, which no hosts file can send elsewhere.</summary>
    public static bool IsAddress(string host) => IPAddress.TryParse(host, out var address) && (host.Contains(':') ? !host.Contains('%') : address.ToString() == host);

    /// <summary>A host that means another machine on every machine.</summary>
    public static bool IsNobody(string host) =>
        Nobody.Contains(host, StringComparer.OrdinalIgnoreCase) || (IPAddress.TryParse(host, out var address) && IPAddress.IsLoopback(address));

    /// <summary>A vendor daemon's or ISV's name.</summary>
    public static bool IsDaemon(string text) => text.Length is > 0 and <= LongestDaemon && text.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_');

    /// <summary>Of a text that somebody else wrote, what a terminal may show.</summary>
    public static string Printable(string text) => string.Concat(text.Select(c => char.IsControl(c) ? '\uFFFD' : c));
}
