using System.Text.Json.Serialization;

namespace JunctionRelay.Configuration;

/// <summary>
/// The shape of the configuration as data: <see cref="ConfigBinder"/> walks it without reflection, and the schema and the reference of
/// <c>docs/</c> are made from it.
/// </summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow)]
[JsonSerializable(typeof(JunctionConfig))]
internal sealed partial class ConfigJsonContext : JsonSerializerContext;
