using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;

namespace JunctionRelay.Configuration;

/// <summary>
/// Gives each server an address of its own out of a range, where a listen address names a range: of <c>127.0.0.0/8:9316</c> one relay gets 127.87.12.9:9316 and
/// the next one another address, so that many servers with the same port have a relay each. Relays with the same server share its address.
/// </summary>
/// <remarks>
/// Chosen stably: by the SHA-256 of the server's name, so that an address stays the same through restarts, on every machine, and when other servers come and go. Where two names
/// meet on one address, or it is written elsewhere in the configuration, the name that sorts later takes the next free one.
/// </remarks>
internal static class OwnAddresses
{
    /// <summary>Of the loopback network, 127.0.0.0/16 is left to others: localhost, systemd-resolved (127.0.0.53), the machine's own name on Debian (127.0.1.1).</summary>
    private static readonly IPNetwork OfOthers = new(IPAddress.Parse("127.0.0.0"), 16);

    /// <summary>Ranges are at least this large: eight addresses.</summary>
    public const int LongestPrefix = 29;

    /// <summary>The configuration with an address in place of each range; what is no range, or none that has room, stays for the checks to name.</summary>
    public static JunctionConfig Apply(JunctionConfig config)
    {
        if (config.Relays is not { } relays || !relays.Values.Any(r => r.Listen?.Any(l => RangeOf(l) is not null) == true)) return config;
        var wanted = relays.SelectMany(r => (r.Value.Listen ?? []).Select(l => (Server: ServerOf(r.Key, r.Value), Range: RangeOf(l)))).Where(w => w.Range is not null)
            .Select(w => (w.Server, Range: w.Range!.Value)).Distinct().OrderBy(w => w.Server, StringComparer.Ordinal);
        var taken = relays.Values.SelectMany(r => r.Listen ?? []).Select(l => ListenAddress.Read(l, out _)?.Address).OfType<IPAddress>().ToHashSet();
        var chosen = new Dictionary<(string, IPNetwork), IPAddress>();
        foreach (var (server, range) in wanted)
        {
            if (Choose(server, range, taken) is { } address) chosen[(server, range)] = address;
        }

        return config with
        {
            Relays = relays.ToDictionary(r => r.Key, r => r.Value.Listen is null ? r.Value : r.Value with { Listen = [.. r.Value.Listen.Select(l => Chosen(l, ServerOf(r.Key, r.Value)))] }),
        };

        string Chosen(string listen, string server) =>
            RangeOf(listen) is { } range && chosen.TryGetValue((server, range), out var address) ? listen.Replace(range.ToString(), address.ToString(), StringComparison.Ordinal) : listen;
    }

    /// <summary>The address of <paramref name="server"/> in <paramref name="range"/> that is not <paramref name="taken"/>, which it is from now on; null when none is left.</summary>
    public static IPAddress? Choose(string server, IPNetwork range, HashSet<IPAddress> taken)
    {
        var size = 1u << (32 - range.PrefixLength);
        var first = BinaryPrimitives.ReadUInt32BigEndian(range.BaseAddress.GetAddressBytes());
        var start = BinaryPrimitives.ReadUInt32BigEndian(SHA256.HashData(Encoding.UTF8.GetBytes(server))) % size;
        var bytes = new byte[4];
        for (uint i = 0; i < size; i++)
        {
            BinaryPrimitives.WriteUInt32BigEndian(bytes, first + ((start + i) % size));
            var address = new IPAddress(bytes);
            // Ends of networks are no hosts, whatever the prefix.
            if (bytes[3] is not (0 or 255) && !OfOthers.Contains(address) && taken.Add(address)) return address;
        }

        return null;
    }

    // One machine has one address, whatever listens on it.
    private static string ServerOf(string name, RelayConfig relay) => (NodeHosts.NameOf(relay) ?? name).ToLowerInvariant();

    private static IPNetwork? RangeOf(string listen)
    {
        var rest = AddressText.Of(listen) is { IsUnix: false } address ? address.Rest : "";
        var colon = rest.LastIndexOf(':');
        return colon > 0 && rest.Contains('/', StringComparison.Ordinal) && AddressRange.Read(rest[..colon], out _) is { } range
            && range.BaseAddress.AddressFamily == AddressFamily.InterNetwork && range.PrefixLength is >= 8 and <= LongestPrefix ? range : null;
    }
}
