using System.Text.Json.Serialization;

namespace JunctionRelay.Pki;

/// <summary>What the files of an authority and the messages of enrolment look like as JSON.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(AuthoritySettings))]
[JsonSerializable(typeof(NodeRecord))]
[JsonSerializable(typeof(DenyListHeader))]
[JsonSerializable(typeof(DenyListPayload))]
internal sealed partial class PkiJson : JsonSerializerContext;
