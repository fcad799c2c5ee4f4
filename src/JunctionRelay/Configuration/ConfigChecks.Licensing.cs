namespace JunctionRelay.Configuration;

/// <summary>The rules about license managers.</summary>
internal sealed partial class ConfigChecks
{
    private void CheckPreset(string path, string? name)
    {
        if (name is null)
            return;
        var presets = new Presets(_config.Presets);
        if (presets.Find(name) is not { } preset)
            Add(path, $"is '{name}', and no preset is called so", NearestName.To(name, presets.Names) is { } near ? $"did you mean {near}?" : "presets.md lists them; or add it to presets");
        else if (preset.Instead is { } instead)
            Add(path, $"is {preset.Product}, which cannot be relayed", instead);
    }

    private void CheckPresets()
    {
        foreach (var (key, preset) in _config.Presets ?? new Dictionary<string, PresetConfig>())
        {
            if (!Name().IsMatch(key))
                Add($"presets.{key}", $"has the name '{key}'", NameRemedy);
            if (preset.Port > ushort.MaxValue)
                Add($"presets.{key}.port", $"is {preset.Port}", "a port is a number from 1 to 65535");
            if (preset.Variable is { } variable && !(char.IsAsciiLetter(variable[0]) && variable.All(c => char.IsAsciiLetterOrDigit(c) || c == '_')))
                Add($"presets.{key}.variable", $"is '{variable}', which no shell takes for a variable", "write letters, digits and underscores: ACME_LICENSE_FILE");
        }
    }
}
