using System.Text.Json;
using Microsoft.Extensions.Configuration;

namespace JunctionRelay.Configuration;

/// <summary>
/// One source of the configuration: a file, the environment, or the command line. To Microsoft.Extensions.Configuration it is a provider like any
/// other; besides the values it remembers who said each key, how it was spelled and what kind of value it was, which the framework forgets.
/// </summary>
internal sealed class ConfigLayer : ConfigurationProvider, IConfigurationSource
{
    private readonly Dictionary<string, Origin> _origins = new(StringComparer.OrdinalIgnoreCase);

    /// <summary>Where a key was said.</summary>
    /// <param name="Name">Its last part, spelled as it was.</param>
    /// <param name="Kind">Its kind in JSON; <see cref="JsonValueKind.Undefined"/> where everything is text.</param>
    /// <param name="Where"><c>junction.json:7</c>, <c>JUNCTION_relays__jobs__listen</c>, or <c>command line</c>.</param>
    public readonly record struct Origin(string Name, JsonValueKind Kind, string Where);

    /// <summary>A layer of plain text: the environment or the command line. <paramref name="entries"/>: key with colons, value, and where it was said.</summary>
    public static ConfigLayer OfText(IEnumerable<(string Key, string Value, string Where)> entries, List<ConfigProblem> problems)
    {
        var layer = new ConfigLayer();
        foreach (var (key, value, where) in entries)
        {
            for (var end = key.IndexOf(':'); end >= 0; end = key.IndexOf(':', end + 1))
                layer.Say(key[..end], null, JsonValueKind.Undefined, where);
            if (!layer.Say(key, value, JsonValueKind.Undefined, where))
                problems.Add(new ConfigProblem(key.Replace(':', '.'), $"is said twice, first by {layer.OriginOf(key)!.Value.Where}", "keep one of the two", where));
        }

        return layer;
    }

    /// <summary>Takes down one key. False when this layer has said it before, in whatever case.</summary>
    public bool Say(string key, string? value, JsonValueKind kind, string where)
    {
        if (!_origins.TryAdd(key, new Origin(key[(key.LastIndexOf(':') + 1)..], kind, where)))
            return false;
        Data[key] = value;
        return true;
    }

    /// <summary>Who said <paramref name="key"/> in this layer, or null.</summary>
    public Origin? OriginOf(string key) => _origins.TryGetValue(key, out var origin) ? origin : null;

    public IConfigurationProvider Build(IConfigurationBuilder builder) => this;
}
