using System.Collections;
using System.CommandLine;
using JunctionRelay.Configuration;

namespace JunctionRelay.App.CommandLine;

/// <summary>How a command says which configuration it means: an argument or <c>--config</c>, and <c>--set</c> over it.</summary>
internal sealed class ConfigOptions
{
    /// <summary>Where a configuration is looked for that nobody names.</summary>
    public static readonly IReadOnlyList<string> DefaultFiles = ["junction.json", "/etc/junction/junction.json"];

    private readonly Argument<string?> _file = new("CONFIG")
    {
        Description = $"The configuration file (default: {DefaultFiles[0]}, then {DefaultFiles[1]})",
        Arity = ArgumentArity.ZeroOrOne,
    };

    private readonly Option<string?> _config = new("--config", "-c") { HelpName = "FILE" };

    private readonly Option<string[]> _set = new("--set")
    {
        Description = "Set one key over the file and the environment, e.g. --set relays.lmgrd.maxConnections=100",
        HelpName = "KEY=VALUE",
    };

    private readonly bool _hasArgument;
    private readonly Command _command;
    private readonly List<(Option<string?> Option, string Key)> _keys = [];

    /// <summary>Adds the options to a command, and the argument unless it has others of its own.</summary>
    public ConfigOptions(Command command, bool hasArgument = true)
    {
        (_hasArgument, _command) = (hasArgument, command);
        if (hasArgument) command.Arguments.Add(_file);
        _config.Description = hasArgument ? "The same, as an option" : _file.Description;
        command.Options.Add(_config);
        command.Options.Add(_set);
        _set.Validators.Add(set =>
        {
            foreach (var value in set.Tokens.Where(t => t.Value.IndexOf('=', StringComparison.Ordinal) < 1))
                set.AddError($"--set {value.Value}: write KEY=VALUE, e.g. relays.lmgrd.maxConnections=100");
        });
    }

    /// <summary>An option that says a key of the configuration, in words that people expect.</summary>
    public void AddKey(string name, string key, string description, params string[] words)
    {
        var option = new Option<string?>(name) { Description = description };
        option.AcceptOnlyFromAmong(words);
        _command.Options.Add(option);
        _keys.Add((option, key));
    }

    /// <summary>Whether a configuration is named, or lies where one is looked for.</summary>
    public bool IsThere(ParseResult parsed) => Named(parsed) is not null;

    /// <summary>Reads it; problems are written to <paramref name="error"/>, and null is returned when there are any.</summary>
    public ConfigReading? Read(ParseResult parsed, TextWriter error)
    {
        if (Named(parsed) is not { } file)
        {
            error.WriteLine($"junction: there is no {DefaultFiles[0]} here and no {DefaultFiles[1]}; name a configuration file, or see docs/examples");
            return null;
        }

        var overrides = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        foreach (var set in (parsed.GetValue(_set) ?? []).Select(s => s.Split('=', 2)))
        {
            // Colons separate levels as well, for a relay whose name has a dot. What is set twice is set last.
            overrides[set[0].Contains(':', StringComparison.Ordinal) ? set[0] : set[0].Replace('.', ':')] = set[1];
        }

        foreach (var (option, key) in _keys)
        {
            if (parsed.GetValue(option) is { } value) overrides[key] = value;
        }

        var reading = ConfigReader.Read(file, Environment(), overrides);
        foreach (var problem in reading.Problems) error.WriteLine($"junction: {problem}");
        return reading.Config is null ? null : reading;
    }

    private string? Named(ParseResult parsed) => (_hasArgument ? parsed.GetValue(_file) : null) ?? parsed.GetValue(_config) ?? DefaultFiles.FirstOrDefault(File.Exists);

    /// <summary>The process's variables.</summary>
    public static IReadOnlyDictionary<string, string> Environment() => System.Environment.GetEnvironmentVariables().Cast<DictionaryEntry>()
        .ToDictionary(v => (string)v.Key, v => (string?)v.Value ?? "");
}
