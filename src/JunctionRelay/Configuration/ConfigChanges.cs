using System.Text.Json;
using System.Text.Json.Nodes;

namespace JunctionRelay.Configuration;

/// <summary>What another configuration says otherwise, in a few words for people: <c>relays +jobs ~lmgrd -old; drainTimeout</c>.</summary>
internal static class ConfigChanges
{
    /// <summary>Sections whose keys are names that somebody chose.</summary>
    private static readonly string[] Named = ["relays", "links", "peers", "services", "presets"];

    public static string Between(JunctionConfig before, JunctionConfig after)
    {
        var (old, now) = (Keys(before), Keys(after));
        var changed = now.Select(s => s.Key).Union(old.Select(s => s.Key)).Where(key => !JsonNode.DeepEquals(old[key], now[key]))
            .Select(key => Named.Contains(key) ? $"{key} {string.Join(' ', Names(old[key], now[key]))}" : key).ToList();
        return changed.Count == 0 ? "no key has changed" : string.Join("; ", changed);
    }

    private static IEnumerable<string> Names(JsonNode? before, JsonNode? after)
    {
        var (old, now) = (before as JsonObject ?? [], after as JsonObject ?? []);
        foreach (var (name, section) in now)
        {
            if (!old.ContainsKey(name)) yield return $"+{name}";
            else if (!JsonNode.DeepEquals(old[name], section)) yield return $"~{name}";
        }

        foreach (var (name, _) in old)
        {
            if (!now.ContainsKey(name)) yield return $"-{name}";
        }
    }

    private static JsonObject Keys(JunctionConfig config) => JsonSerializer.SerializeToNode(config, ConfigJsonContext.Default.JunctionConfig)!.AsObject();
}
