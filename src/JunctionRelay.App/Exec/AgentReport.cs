using System.Text.Json;
using System.Text.Json.Serialization;

namespace JunctionRelay.App.Exec;

/// <summary>What an agent tells the process that started it, as one line of JSON: that all is ready, and what the job needs to know; or that nothing came of it.</summary>
internal sealed record AgentReport
{
    /// <summary>0 when it is ready; else what the command ends with, the reason having been said.</summary>
    public required int Exit { get; init; }

    /// <summary>Addresses, and the names that lead there.</summary>
    public IReadOnlyList<AgentName> Names { get; init; } = [];

    /// <summary>Variables of the job where the names can be mapped.</summary>
    public IReadOnlyDictionary<string, string> ByName { get; init; } = new Dictionary<string, string>();

    /// <summary>Variables of the job where they cannot.</summary>
    public IReadOnlyDictionary<string, string> ByAddress { get; init; } = new Dictionary<string, string>();

    public string ToJson() => JsonSerializer.Serialize(this, AgentJsonContext.Default.AgentReport);

    public static AgentReport? Read(string? line) => line is null ? null : JsonSerializer.Deserialize(line, AgentJsonContext.Default.AgentReport);
}

/// <summary>A line of the job's hosts file.</summary>
internal sealed record AgentName(string Address, string Name);

[JsonSerializable(typeof(AgentReport))]
internal sealed partial class AgentJsonContext : JsonSerializerContext;
