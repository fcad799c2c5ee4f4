using System.Text.Json;

namespace JunctionRelay.Configuration;

/// <summary>What people call the kinds of JSON values.</summary>
internal static class JsonKinds
{
    public static string InWords(this JsonValueKind kind) => kind switch
    {
        JsonValueKind.Object => "an object",
        JsonValueKind.Array => "a list",
        JsonValueKind.String => "a text",
        JsonValueKind.Number => "a number",
        JsonValueKind.True or JsonValueKind.False => "true or false",
        _ => "null",
    };
}
