using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace JunctionRelay.Configuration;

/// <summary>Ranges of client addresses, as <c>allow</c> has them: <c>10.128.0.0/20</c>, <c>fd00::/8</c>, or one address.</summary>
internal static class AddressRange
{
    /// <summary>The range, or null and what is wrong with <paramref name="text"/>.</summary>
    public static IPNetwork? Read(string text, out Flaw flaw)
    {
        flaw = default;
        var slash = text.IndexOf('/');
        var host = slash < 0 ? text : text[..slash];
        if (AddressText.Ip(host) is not { ScopeIdOrZero: 0 } address)
        {
            flaw = new Flaw($"'{host}' is no IP address", "write a range such as 10.128.0.0/20 or fd00::/8, or one address; names are not looked up here");
            return null;
        }

        var bits = address.AddressFamily == AddressFamily.InterNetwork ? 32 : 128;
        var prefix = bits;
        if (slash >= 0 && (!int.TryParse(text.AsSpan(slash + 1), NumberStyles.None, CultureInfo.InvariantCulture, out prefix) || prefix > bits))
        {
            flaw = new Flaw($"'{text[slash..]}' is no length of a prefix", $"write /0 to /{bits}");
            return null;
        }

        // IPNetwork.Parse would clear the bits in silence: 10.0.0.7/8 is far more than its author meant.
        var range = IPNetwork.Parse($"{address}/{prefix}");
        if (range.BaseAddress.Equals(address))
            return range;
        flaw = new Flaw($"'{text}' has bits set beyond its prefix", $"write {range}, or {address}/{bits} for that address alone");
        return null;
    }

    extension(IPAddress address)
    {
        private long ScopeIdOrZero => address.AddressFamily == AddressFamily.InterNetworkV6 ? address.ScopeId : 0;
    }
}
