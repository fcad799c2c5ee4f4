using System.ComponentModel;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Schema;
using JunctionRelay.Configuration;

namespace JunctionRelay.Tests.Configuration;

/// <summary>Makes <c>docs/junction.schema.json</c>, by which editors complete and check a configuration, from the records that read it.</summary>
internal static class ConfigSchema
{
    private static readonly JsonSerializerOptions Layout = new() { WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public static string Export()
    {
        var schema = JsonSchemaExporter.GetJsonSchemaAsNode(ConfigJsonContext.Default.JunctionConfig, new JsonSchemaExporterOptions
        {
            TreatNullObliviousAsNonNullable = true,
            TransformSchemaNode = Describe,
        }).AsObject();
        foreach (var pattern in LaterKeys.Keys.Keys)
            Remove(schema, pattern);
        schema.Insert(0, "$schema", "https://json-schema.org/draft/2020-12/schema");
        schema.Insert(1, "title", "JunctionRelay configuration");
        return schema.ToJsonString(Layout) + "\n";
    }

    private static JsonNode Describe(JsonSchemaExporterContext context, JsonNode node)
    {
        if (node is not JsonObject schema)
            return node;
        // Null is for later layers that take something back; an editor need not offer it.
        if (schema["type"] is JsonArray types)
            schema["type"] = types[0]!.DeepClone();

        var type = Nullable.GetUnderlyingType(context.TypeInfo.Type) ?? context.TypeInfo.Type;
        if (type == typeof(TimeSpan))
            schema = new JsonObject { ["type"] = "string", ["pattern"] = "^(0|[0-9]+(ms|s|m|h))$" };
        else if (type == typeof(IReadOnlyList<string>))
            schema = new JsonObject { ["anyOf"] = new JsonArray(schema, new JsonObject { ["type"] = "string" }) };

        if (AttributeOf<OneOfAttribute>(context) is { } oneOf)
            schema["enum"] = new JsonArray([.. oneOf.Words.Select(w => (JsonNode)w)]);
        if (AttributeOf<AtLeastAttribute>(context) is { } atLeast && type == typeof(int))
            schema["minimum"] = int.Parse(atLeast.Minimum);
        if (AttributeOf<DescriptionAttribute>(context) is { } description)
            schema.Insert(0, "description", description.Description);
        return schema;
    }

    private static T? AttributeOf<T>(JsonSchemaExporterContext context)
        where T : Attribute => context.PropertyInfo?.AttributeProvider?.GetCustomAttributes(typeof(T), inherit: false).OfType<T>().FirstOrDefault();

    // relays.*.open → properties, relays, additionalProperties, properties, open.
    private static void Remove(JsonObject schema, string pattern)
    {
        var steps = pattern.TrimEnd('.', '*').Split('.');
        var section = schema;
        foreach (var step in steps[..^1])
            section = (step == "*" ? section["additionalProperties"] : section["properties"]![step])!.AsObject();
        Assert.True(section["properties"]!.AsObject().Remove(steps[^1]), $"no key {pattern}");
    }
}
