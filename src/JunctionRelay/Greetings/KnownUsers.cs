using System.Security.Cryptography;
using System.Text;

namespace JunctionRelay.Greetings;

/// <summary>Who may use an entrance, by name and password. Holds what the passwords hash to, and compares in constant time.</summary>
internal sealed class KnownUsers(IEnumerable<KeyValuePair<string, string>> users)
{
    private static readonly byte[] Nobody = new byte[SHA256.HashSizeInBytes];

    private readonly Dictionary<string, byte[]> _users = users.ToDictionary(u => u.Key, u => Hash(Encoding.UTF8.GetBytes(u.Value)), StringComparer.Ordinal);

    /// <summary>Whether <paramref name="password"/> is that of <paramref name="name"/>. A name that nobody has takes as long.</summary>
    public bool Has(string name, ReadOnlySpan<byte> password)
    {
        var known = _users.TryGetValue(name, out var expected);
        return CryptographicOperations.FixedTimeEquals(Hash(password), expected ?? Nobody) && known;
    }

    private static byte[] Hash(ReadOnlySpan<byte> password) => SHA256.HashData(password);
}
