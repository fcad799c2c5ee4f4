namespace JunctionRelay.Configuration;

/// <summary>One place in the configuration, in the three spellings that are needed.</summary>
/// <param name="Key">For Microsoft.Extensions.Configuration: <c>relays:jobs:listen:0</c>.</param>
/// <param name="Shown">For people: <c>relays.jobs.listen[0]</c>.</param>
/// <param name="Pattern">For rules about every such place: <c>relays.*.listen.*</c>.</param>
internal readonly record struct ConfigPath(string Key, string Shown, string Pattern)
{
    public static readonly ConfigPath Root = new("", "", "");

    /// <summary>A key that the configuration defines.</summary>
    public ConfigPath Member(string name) => Below(name, Join('.', Shown, name), name);

    /// <summary>A key that the user chose: the name of a relay, for one.</summary>
    public ConfigPath Entry(string name) => Below(name, Join('.', Shown, name), "*");

    /// <summary>An element of a list.</summary>
    public ConfigPath Element(string index) => Below(index, $"{Shown}[{index}]", "*");

    private ConfigPath Below(string key, string shown, string pattern) => new(Join(':', Key, key), shown, Join('.', Pattern, pattern));

    private static string Join(char separator, string above, string name) => above.Length == 0 ? name : $"{above}{separator}{name}";
}
