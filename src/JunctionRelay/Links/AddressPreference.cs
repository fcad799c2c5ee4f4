using System.Buffers.Binary;
using System.Net;
using System.Security.Cryptography;
using System.Text;

namespace JunctionRelay.Links;

/// <summary>
/// Which of the addresses behind one name a dialler prefers: rendezvous hashing (Thaler and Ravishankar, 1998). Diallers spread evenly over the addresses without
/// knowing of each other, and of N + 1 addresses a new one is preferred by one dialler in N + 1, while for all others nothing changes.
/// </summary>
internal static class AddressPreference
{
    /// <summary>The same addresses, the preferred first; IPv4 and IPv6 stay in the order of the system, which knows what it can reach.</summary>
    public static IReadOnlyList<IPAddress> Order(string dialler, IReadOnlyList<IPAddress> addresses)
    {
        var families = addresses.Select(a => a.AddressFamily).Distinct().ToList();
        return [.. addresses.OrderBy(a => families.IndexOf(a.AddressFamily)).ThenByDescending(a => Of(dialler, a))];
    }

    /// <summary>How much this dialler prefers an address: any two of them compare in the same way always, whatever others there are.</summary>
    public static ulong Of(string dialler, IPAddress address) =>
        BinaryPrimitives.ReadUInt64BigEndian(SHA256.HashData(Encoding.UTF8.GetBytes($"{dialler} {address}")));

    /// <summary>Whether this dialler would rather have <paramref name="better"/>.</summary>
    public static bool Prefers(string dialler, IPAddress better, IPAddress to) =>
        better.AddressFamily == to.AddressFamily && Of(dialler, better) > Of(dialler, to);
}
