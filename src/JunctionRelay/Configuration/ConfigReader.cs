namespace JunctionRelay.Configuration;

/// <summary>The whole way from sources to a configuration that may be used.</summary>
internal static class ConfigReader
{
    /// <summary>Reads, binds and checks. Every problem is reported at once, in the order of the keys.</summary>
    /// <param name="file">The configuration file; null where the command line says everything.</param>
    /// <param name="environment">The process's environment variables.</param>
    /// <param name="overrides">What the command line says: keys with colons between the levels.</param>
    public static ConfigReading Read(string? file, IReadOnlyDictionary<string, string> environment, IReadOnlyDictionary<string, string>? overrides = null)
    {
        var problems = new List<ConfigProblem>();
        var layers = ConfigSources.Read(file, environment, overrides ?? new Dictionary<string, string>(), problems);
        if (layers is null)
            return new ConfigReading(null, "", "", problems) { Again = Again };

        var home = file is null ? System.IO.Directory.GetCurrentDirectory() : Path.GetDirectoryName(Path.GetFullPath(file))!;
        var instance = file is null ? home : Path.GetFullPath(file);
        var bound = ConfigBinder.Bind(layers, problems);
        bound = bound with { Config = OwnAddresses.Apply(Presets.Apply(bound.Config)) };
        ConfigChecks.Check(bound, home, problems);
        return new ConfigReading(problems.Count == 0 ? bound.Config : null, home, instance,
            [.. problems.Select(p => p with { Where = p.Where ?? bound.WhereIs(p.Path) }).OrderBy(p => p.Path, StringComparer.OrdinalIgnoreCase)])
        {
            File = file,
            Again = Again,
        };

        ConfigReading Again() => Read(file, environment, overrides);
    }

    /// <summary>Where a configuration says that the authority lives, whatever else is in it: commands of the authority run before it is complete.</summary>
    public static string? PkiDirectory(string file, IReadOnlyDictionary<string, string> environment) => Directory(file, environment, config => config.Pki?.Directory);

    /// <summary>Where it says that the identity lives; the same.</summary>
    public static string? IdentityDirectory(string file, IReadOnlyDictionary<string, string> environment) => Directory(file, environment, config => config.Identity?.Directory);

    private static string? Directory(string file, IReadOnlyDictionary<string, string> environment, Func<JunctionConfig, string?> which)
    {
        var problems = new List<ConfigProblem>();
        return ConfigSources.Read(file, environment, new Dictionary<string, string>(), problems) is { } layers && which(ConfigBinder.Bind(layers, problems).Config) is { } directory
            ? Path.GetFullPath(directory, Path.GetDirectoryName(Path.GetFullPath(file))!) : null;
    }
}

/// <summary>A configuration, or what is wrong with it.</summary>
/// <param name="Config">Null when there is any problem.</param>
/// <param name="Home">The directory that the paths in it are relative to.</param>
/// <param name="Instance">Tells this junction from others on the machine, and stays the same when it starts again: the full path of the file.</param>
internal sealed record ConfigReading(JunctionConfig? Config, string Home, string Instance, IReadOnlyList<ConfigProblem> Problems)
{
    /// <summary>The configuration file; null where the command line says everything.</summary>
    public string? File { get; init; }

    /// <summary>Reads the same sources once more.</summary>
    public required Func<ConfigReading> Again { get; init; }
}
