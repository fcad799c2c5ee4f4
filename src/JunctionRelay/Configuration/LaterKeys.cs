namespace JunctionRelay.Configuration;

/// <summary>
/// What the configuration already knows and this version does not do yet. A key that is used before its time is a problem of its own rather
/// than an unknown key; the version that does it deletes its line here, and the schema and the reference gain the key by themselves.
/// </summary>
internal static class LaterKeys
{
    /// <summary>How to mend any of them.</summary>
    public const string Remedy = "leave it out until then";

    /// <summary>Patterns of keys (see <see cref="ConfigPath.Pattern"/>), and what they belong to.</summary>
    public static readonly IReadOnlyDictionary<string, string> Keys = new Dictionary<string, string>
    {
        ["peers.*.offers"] = "services that peers offer by themselves",
    };

    /// <summary>Whether nothing at or below <paramref name="pattern"/> can be used yet, so that nobody should be led there.</summary>
    public static bool Covers(string pattern) => Keys.ContainsKey(pattern) || Keys.ContainsKey($"{pattern}.*");

    /// <summary>What to say of <paramref name="thing"/>.</summary>
    public static string What(string thing) => $"{thing} come with the next release of junction";
}
