using JunctionRelay.Licensing;

namespace JunctionRelay.Configuration;

/// <summary>The presets of one configuration, its own over those that come with junction, and what they say where the user said nothing.</summary>
internal sealed class Presets(IReadOnlyDictionary<string, PresetConfig>? own)
{
    private readonly Dictionary<string, PresetConfig> _own = new(own ?? new Dictionary<string, PresetConfig>(), StringComparer.OrdinalIgnoreCase);

    /// <summary>What a name stands for; null when it stands for nothing.</summary>
    public LicensePreset? Find(string? name)
    {
        if (name is null)
            return null;
        var known = LicensePresets.All.GetValueOrDefault(name);
        if (_own.GetValueOrDefault(name) is not { } said)
            return known;
        known ??= new LicensePreset { Product = name };
        return known with { Protocol = said.Protocol ?? known.Protocol, Port = said.Port ?? known.Port, Variable = said.Variable ?? known.Variable, Entry = said.Entry ?? known.Entry };
    }

    public IEnumerable<string> Names => LicensePresets.All.Keys.Concat(_own.Keys);

    /// <summary>The configuration with all that its presets say; what the user said stays.</summary>
    public static JunctionConfig Apply(JunctionConfig config)
    {
        var presets = new Presets(config.Presets);
        return config with
        {
            Relays = config.Relays?.ToDictionary(r => r.Key, r => presets.Find(r.Value.Preset) is { } preset ? Apply(r.Value, preset) : r.Value),
            Services = config.Services?.ToDictionary(s => s.Key, s => presets.Find(s.Value.Preset) is { } preset ? Apply(s.Value, preset) : s.Value),
        };
    }

    private static RelayConfig Apply(RelayConfig relay, LicensePreset preset) =>
        relay with { Listen = WithPorts(relay.Listen, preset), Target = WithPorts(relay.Target, preset), Protocol = relay.Protocol ?? preset.Protocol };

    private static ServiceConfig Apply(ServiceConfig service, LicensePreset preset) =>
        service with { Target = WithPorts(service.Target, preset), Protocol = service.Protocol ?? preset.Protocol };

    private static IReadOnlyList<string>? WithPorts(IReadOnlyList<string>? addresses, LicensePreset preset) =>
        preset.Port is { } port ? addresses?.Select(a => AddressText.Of(a).LacksPort ? $"{a}:{port}" : a).ToList() : addresses;
}
