using System.ComponentModel;
using System.Text;
using System.Text.Json.Serialization.Metadata;
using JunctionRelay.Configuration;

namespace JunctionRelay.Tests.Configuration;

/// <summary>Makes the tables of keys in <c>docs/configuration.md</c> from the records that read them.</summary>
internal static class ConfigReference
{
    private const string Begin = "<!-- keys: made from the code; see the end of this file -->\n";
    private const string End = "<!-- end of keys -->\n";

    /// <summary><paramref name="document"/> with the tables between its markers made anew.</summary>
    public static string Renew(string document)
    {
        var (begin, end) = (document.IndexOf(Begin, StringComparison.Ordinal), document.IndexOf(End, StringComparison.Ordinal));
        Assert.True(begin >= 0 && end > begin, "docs/configuration.md has lost the markers around its tables");
        var tables = new StringBuilder();
        Table(tables, "", "", ConfigJsonContext.Default.JunctionConfig);
        return document[..(begin + Begin.Length)] + tables + "\n" + document[end..];
    }

    private static void Table(StringBuilder text, string section, string pattern, JsonTypeInfo type)
    {
        text.Append($"\n### {(section.Length == 0 ? "Top level" : $"`{section}`")}\n\n| key | value | meaning |\n|---|---|---|\n");
        var below = new List<(string Section, string Pattern, JsonTypeInfo Type)>();
        foreach (var property in type.Properties)
        {
            var here = pattern.Length == 0 ? property.Name : $"{pattern}.{property.Name}";
            var shape = ConfigJsonContext.Default.GetTypeInfo(property.PropertyType)!;
            var isMap = shape.Kind == JsonTypeInfoKind.Dictionary;
            if (LaterKeys.Covers(here))
                continue;

            text.Append($"| `{property.Name}` | {Value(property, shape)} | {AttributeOf<DescriptionAttribute>(property)!.Description} |\n");
            var name = section.Length == 0 ? property.Name : $"{section}.{property.Name}";
            if (isMap)
                below.Add(($"{name}.NAME", $"{here}.*", ConfigJsonContext.Default.GetTypeInfo(shape.ElementType!)!));
            else if (shape.Kind == JsonTypeInfoKind.Object)
                below.Add((name, here, shape));
        }

        foreach (var (name, at, shape) in below)
            Table(text, name, at, shape);
    }

    private static string Value(JsonPropertyInfo property, JsonTypeInfo shape)
    {
        if (AttributeOf<OneOfAttribute>(property) is { } oneOf)
            return string.Join(", ", oneOf.Words.Select(w => $"`{w}`"));
        var minimum = AttributeOf<AtLeastAttribute>(property)?.Minimum;
        var type = Nullable.GetUnderlyingType(property.PropertyType) ?? property.PropertyType;
        return shape.Kind switch
        {
            JsonTypeInfoKind.Dictionary => "sections by name",
            JsonTypeInfoKind.Object => "section",
            JsonTypeInfoKind.Enumerable => "list of text",
            _ when type == typeof(TimeSpan) => minimum == "0" ? "duration or `0`" : "duration",
            _ when type == typeof(int) => $"number from {minimum}",
            _ when type == typeof(bool) => "`true`, `false`",
            _ => "text",
        };
    }

    private static T? AttributeOf<T>(JsonPropertyInfo property)
        where T : Attribute => property.AttributeProvider?.GetCustomAttributes(typeof(T), inherit: false).OfType<T>().FirstOrDefault();
}
