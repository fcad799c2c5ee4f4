using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization.Metadata;
using Microsoft.Extensions.Configuration;

namespace JunctionRelay.Configuration;

/// <summary>
/// Turns the merged layers into a <see cref="JunctionConfig"/>, strictly: walks the keys beside the shape of the records, takes down every problem,
/// and leaves out what has one. What is right becomes JSON again, from which the serializer makes the records (it alone can set their init properties
/// without reflection).
/// </summary>
internal sealed class ConfigBinder
{
    private readonly IReadOnlyList<ConfigLayer> _layers;
    private readonly IConfigurationRoot _root;
    private readonly List<ConfigProblem> _problems;
    private readonly Dictionary<string, string> _where = [];
    private readonly HashSet<string> _unclear = [];

    private ConfigBinder(IReadOnlyList<ConfigLayer> layers, List<ConfigProblem> problems) =>
        (_layers, _root, _problems) = (layers, ConfigSources.Merge(layers), problems);

    public static BoundConfig Bind(IReadOnlyList<ConfigLayer> layers, List<ConfigProblem> problems)
    {
        var binder = new ConfigBinder(layers, problems);
        var node = binder.Members(ConfigPath.Root, ConfigJsonContext.Default.JunctionConfig);
        return new BoundConfig(node.Deserialize(ConfigJsonContext.Default.JunctionConfig)!, binder._where, binder._unclear);
    }

    private JsonObject Members(ConfigPath path, JsonTypeInfo type)
    {
        var known = type.Properties.ToDictionary(p => p.Name, StringComparer.OrdinalIgnoreCase);
        var members = new JsonObject();
        foreach (var name in Children(path))
        {
            if (known.TryGetValue(name, out var property))
            {
                if (Value(path.Member(property.Name), property.PropertyType, property) is { } value)
                    members[property.Name] = value;
            }
            else
            {
                Said(path.Member(name));
                var usable = known.Keys.Where(k => k[0] != '$' && !LaterKeys.Covers(path.Member(k).Pattern)).ToList();
                var nearest = NearestName.To(name, usable);
                Add(path.Member(name), "is no key that junction knows",
                    nearest is null ? $"known here are {string.Join(", ", usable)}" : $"did you mean {nearest}?");
                if (nearest is not null)
                    _unclear.Add(path.Member(nearest).Shown);
            }
        }

        return members;
    }

    private JsonNode? Value(ConfigPath path, Type type, JsonPropertyInfo? property = null)
    {
        // JSON null, in any layer, takes back what an earlier one said.
        if (Said(path) is not { } said || said.Kind == JsonValueKind.Null)
            return null;
        if (LaterKeys.Keys.TryGetValue(path.Pattern, out var thing))
            Add(path, LaterKeys.What(thing), LaterKeys.Remedy);

        var shape = ConfigJsonContext.Default.GetTypeInfo(type)!;
        return shape.Kind switch
        {
            JsonTypeInfoKind.Object => Is(path, said, JsonValueKind.Object, "an object, { … }") ? Members(path, shape) : null,
            JsonTypeInfoKind.Dictionary => Is(path, said, JsonValueKind.Object, "an object, { \"NAME\": … }") ? Entries(path, shape.ElementType!) : null,
            JsonTypeInfoKind.Enumerable => List(path, said),
            _ => Scalar(path, said, Nullable.GetUnderlyingType(type) ?? type, property),
        };
    }

    private JsonObject Entries(ConfigPath path, Type type)
    {
        var entries = new JsonObject();
        foreach (var name in Children(path))
        {
            if (Value(path.Entry(name), type) is { } value)
                entries[name] = value;
        }

        return entries;
    }

    // The last layer that says a list says all of it: merged element by element, as the framework does, a shorter list would keep the tail of
    // the longer one. A single text stands for a list of one.
    private JsonArray? List(ConfigPath path, ConfigLayer.Origin said)
    {
        var indexes = ChildrenInLastLayer(path);
        if (said.Kind == JsonValueKind.String || (said.Kind == JsonValueKind.Undefined && indexes.Count == 0))
            return Scalar(path, said, typeof(string)) is { } single ? [single] : null;
        if (!Is(path, said, JsonValueKind.Array, "a list, [ … ]"))
            return null;
        if (!indexes.SequenceEqual(indexes.Select((_, i) => $"{i}")))
        {
            Refuse(path, $"has the elements {string.Join(", ", indexes)}", "a list is said as a whole, by 0, 1, 2 and so on");
            return null;
        }

        var elements = indexes.Select(path.Element).Select(e => Scalar(e, Said(e)!.Value, typeof(string))).ToArray();
        if (!elements.Contains(null))
            return new JsonArray(elements);
        _unclear.Add(path.Shown);
        return null;
    }

    private JsonNode? Scalar(ConfigPath path, ConfigLayer.Origin said, Type type, JsonPropertyInfo? property = null)
    {
        var value = _root[path.Key];
        var minimum = AttributeOf<AtLeastAttribute>(property)?.Minimum;
        if (type == typeof(bool))
            return Is(path, said, value is "true" ? JsonValueKind.True : JsonValueKind.False, "true or false, without quotes") ? Flag(path, value) : null;
        if (type == typeof(int))
            return Is(path, said, JsonValueKind.Number, "a whole number, without quotes") ? Number(path, value, minimum) : null;
        if (type == typeof(TimeSpan))
            return Is(path, said, JsonValueKind.String, $"a duration in quotes: {Duration.Grammar}") ? Time(path, value, minimum) : null;
        return Is(path, said, JsonValueKind.String, "a text, in quotes") ? Text(path, value, AttributeOf<OneOfAttribute>(property)?.Words) : null;
    }

    private JsonNode? Flag(ConfigPath path, string? value) =>
        bool.TryParse(value, out var flag) ? flag : Refuse(path, $"is '{value}'", "write true or false");

    private JsonNode? Number(ConfigPath path, string? value, string? minimum)
    {
        var least = minimum is null ? 0 : int.Parse(minimum, CultureInfo.InvariantCulture);
        return int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number >= least
            ? number : Refuse(path, $"is '{value}'", $"write a whole number from {least} to {int.MaxValue}");
    }

    private JsonNode? Time(ConfigPath path, string? value, string? minimum)
    {
        if (!Duration.TryParse(value ?? "", out var time))
            return Refuse(path, $"is '{value}', which is no duration", $"write a number and its unit: {Duration.Grammar}");
        if (time == TimeSpan.Zero && minimum is not (null or "0"))
            return Refuse(path, $"is '{value}', and it has no off", $"write at least {minimum}");
        return time.ToString("c", CultureInfo.InvariantCulture);
    }

    private JsonNode? Text(ConfigPath path, string? value, IReadOnlyList<string>? words)
    {
        if (string.IsNullOrWhiteSpace(value))
            return Refuse(path, "is empty", "write a value, or leave the key out");
        if (value.Any(char.IsControl))
            return Refuse(path, "holds a control character", "take it out");
        return words is null || words.Contains(value) ? value : Refuse(path, $"is '{value}'", $"write {string.Join(" or ", words)}");
    }

    private bool Is(ConfigPath path, ConfigLayer.Origin said, JsonValueKind kind, string expected)
    {
        if (said.Kind == kind)
            return true;
        // The environment and the command line know no kinds: there a key with keys below it is an object or a list, and any other is a text.
        var compound = kind is JsonValueKind.Object or JsonValueKind.Array;
        var isCompound = ChildrenInLastLayer(path).Count > 0;
        if (said.Kind == JsonValueKind.Undefined && compound == isCompound)
            return true;
        var found = said.Kind != JsonValueKind.Undefined ? said.Kind.InWords() : isCompound ? "an object" : "a text";
        return Refuse(path, $"is {found}", $"write {expected}") is not null;
    }

    private List<string> ChildrenInLastLayer(ConfigPath path) =>
        [.. _layers.Last(l => l.OriginOf(path.Key) is not null).GetChildKeys([], path.Key).Distinct()];

    // Spelled as by the first layer that named them: the environment often has capitals only.
    private List<string> Children(ConfigPath path)
    {
        IConfiguration here = path.Key.Length == 0 ? _root : _root.GetSection(path.Key);
        return [.. here.GetChildren().Select(c => FirstSpelling(c.Path))];
    }

    private string FirstSpelling(string key) => _layers.Select(l => l.OriginOf(key)).First(o => o is not null)!.Value.Name;

    private ConfigLayer.Origin? Said(ConfigPath path)
    {
        if (_layers.Select(l => l.OriginOf(path.Key)).LastOrDefault(o => o is not null) is not { } origin)
            return null;
        _where[path.Shown] = origin.Where;
        return origin;
    }

    private void Add(ConfigPath path, string what, string remedy) => _problems.Add(new ConfigProblem(path.Shown, what, remedy));

    private JsonNode? Refuse(ConfigPath path, string what, string remedy)
    {
        _unclear.Add(path.Shown);
        Add(path, what, remedy);
        return null;
    }

    private static T? AttributeOf<T>(JsonPropertyInfo? property)
        where T : Attribute => property?.AttributeProvider?.GetCustomAttributes(typeof(T), inherit: false).OfType<T>().FirstOrDefault();
}
