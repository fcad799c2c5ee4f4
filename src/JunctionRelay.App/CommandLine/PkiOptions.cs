using System.CommandLine;
using System.CommandLine.Parsing;
using System.Security.Cryptography;
using JunctionRelay.App.Hosting;
using JunctionRelay.Configuration;
using JunctionRelay.Pki;

namespace JunctionRelay.App.CommandLine;

/// <summary>How a command says which authority it means: <c>--directory</c>, or the <c>pki.directory</c> of a configuration, or <c>./pki</c>.</summary>
internal sealed class PkiOptions
{
    private const string DefaultDirectory = "pki";

    private readonly Option<string?> _directory = new("--directory", "-d")
    {
        Description = $"Where the authority lives (default: pki.directory of the configuration, else ./{DefaultDirectory})",
        HelpName = "DIR",
    };

    private readonly Option<string?> _config = new("--config", "-c")
    {
        Description = $"The configuration whose pki.directory is meant (default: {string.Join(", then ", ConfigOptions.DefaultFiles)})",
        HelpName = "FILE",
    };

    public PkiOptions(Command command)
    {
        command.Options.Add(_directory);
        command.Options.Add(_config);
    }

    /// <summary>The directory that is meant.</summary>
    public string Directory(ParseResult parsed)
    {
        if (parsed.GetValue(_directory) is { } said) return said;
        var file = parsed.GetValue(_config) ?? ConfigOptions.DefaultFiles.FirstOrDefault(File.Exists);
        return (file is null ? null : ConfigReader.PkiDirectory(file, ConfigOptions.Environment())) ?? DefaultDirectory;
    }

    /// <summary>Runs <paramref name="act"/>; what goes wrong with files is one line and exit code 1.</summary>
    public static async Task<int> RunAsync(Func<Task<int>> act)
    {
        OpenSslFloor.Demand();
        try
        {
            return await act();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or CryptographicException)
        {
            await Console.Error.WriteLineAsync($"junction: {e.Message}");
            return ExitCodes.Failed;
        }
    }

    /// <summary>An option that is a length of time, in days too.</summary>
    public static Option<TimeSpan?> Lifetime(string name, string description, TimeSpan shortest) => new(name)
    {
        Description = description,
        HelpName = "TIME",
        CustomParser = result =>
        {
            if (ReadLifetime(result.Tokens[0].Value) is { } time && time >= shortest) return time;
            result.AddError($"{name} {result.Tokens[0].Value}: write a time such as 12h or 30d, at least {shortest.TotalSeconds:0} s");
            return null;
        },
    };

    /// <summary>Refuses what is no name of a junction.</summary>
    public static void RefuseOtherNames(SymbolResult result, string name)
    {
        if (!NodeName.IsName(name)) result.AddError($"{name}: {NodeName.Grammar}");
    }

    private static TimeSpan? ReadLifetime(string text)
    {
        const int MostDays = 36500;
        if (text.EndsWith('d')) return int.TryParse(text.AsSpan(0, text.Length - 1), System.Globalization.NumberStyles.None, null, out var days) && days <= MostDays ? TimeSpan.FromDays(days) : null;
        return Duration.TryParse(text, out var time) ? time : null;
    }
}
