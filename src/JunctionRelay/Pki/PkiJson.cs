using System.Text.Json.Serialization;

namespace JunctionRelay.Pki;

/// <summary>What the files of an authority and the messages of enrolment look like as JSON.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(AuthoritySettings))]
[JsonSerializable(typeof(NodeRecord))]
[JsonSerializable(typeof(TokenRecord))]
[JsonSerializable(typeof(EnrolmentRecord))]
[JsonSerializable(typeof(EnrolmentGreeting))]
[JsonSerializable(typeof(EnrolmentQuestion))]
[JsonSerializable(typeof(EnrolmentAnswer))]
[JsonSerializable(typeof(DenyListHeader))]
[JsonSerializable(typeof(DenyListPayload))]
internal sealed partial class PkiJson : JsonSerializerContext;
