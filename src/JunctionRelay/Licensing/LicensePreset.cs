using System.Text.Json;
using System.Text.Json.Serialization;

namespace JunctionRelay.Licensing;

/// <summary>What is known of one license manager or product, with where it is known from: a line of <c>presets.json</c>, or of the user's own.</summary>
internal sealed record LicensePreset
{
    /// <summary>Whose licenses these are, for people.</summary>
    public required string Product { get; init; }

    /// <summary>The versions that it was read for; null where the source names none.</summary>
    public string? HoldsFor { get; init; }

    /// <summary>The protocol that a relay follows; null where the server has one port, or nobody knows how.</summary>
    public string? Protocol { get; init; }

    /// <summary>The port that clients ask first; null where every site has its own.</summary>
    public int? Port { get; init; }

    /// <summary>The daemon's port, where it is pinned by default.</summary>
    public int? VendorPort { get; init; }

    /// <summary>The variable by which clients find the server; null where they read a file.</summary>
    public string? Variable { get; init; }

    /// <summary>How the variable is written: <c>port@host</c> unless it says <c>host:port</c>.</summary>
    public string? Entry { get; init; }

    public string? Note { get; init; }

    /// <summary>Why it cannot be relayed and what to do instead; null where it can.</summary>
    public string? Instead { get; init; }

    /// <summary>Where all of this was read.</summary>
    public string? Source { get; init; }
}

/// <summary>The presets that come with junction. What no source confirms is left out.</summary>
internal static class LicensePresets
{
    private static readonly PresetFile File = Read();

    /// <summary>The day on which the sources were read.</summary>
    public static string Version => File.Version;

    /// <summary>By name, in any case.</summary>
    public static IReadOnlyDictionary<string, LicensePreset> All { get; } = new Dictionary<string, LicensePreset>(File.Presets, StringComparer.OrdinalIgnoreCase);

    private static PresetFile Read()
    {
        using var stream = typeof(LicensePresets).Assembly.GetManifestResourceStream("presets.json")!;
        return JsonSerializer.Deserialize(stream, PresetJsonContext.Default.PresetFile)!;
    }
}

/// <summary><c>presets.json</c> as it is written.</summary>
internal sealed record PresetFile(string Version, IReadOnlyDictionary<string, LicensePreset> Presets);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow)]
[JsonSerializable(typeof(PresetFile))]
internal sealed partial class PresetJsonContext : JsonSerializerContext;
