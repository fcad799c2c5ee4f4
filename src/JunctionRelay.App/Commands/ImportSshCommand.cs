using System.CommandLine;
using JunctionRelay.App.CommandLine;
using JunctionRelay.App.Ssh;

namespace JunctionRelay.App.Commands;

/// <summary><c>junction import ssh</c>: the configuration that does what a command line for ssh, or a host of ssh_config, has done so far.</summary>
internal static class ImportSshCommand
{
    private const string SystemConfig = "/etc/ssh/ssh_config";

    private static readonly Argument<string[]> Words = new("LINE")
    {
        Description = "A command line for ssh or autossh, in quotes or behind --; or a host of ssh_config",
        Arity = ArgumentArity.OneOrMore,
    };

    private static readonly Option<string?> ConfigFile = new("--ssh-config", "-F")
    {
        Description = $"ssh's own configuration (default: ~/.ssh/config, then {SystemConfig}; none = nothing is read)",
        HelpName = "FILE",
    };

    private static readonly Option<string?> Identity = new("--identity") { Description = "The directory of this junction's identity, for links", HelpName = "DIR" };

    public static Command Create()
    {
        var command = HelpExamples.Add(
            new Command("ssh", "Print the configuration that does what a command line for ssh does"),
            """
            junction import ssh 'ssh -N -L 27000:lic1:27000 -J gate me@hq.example.com'
            junction import ssh -- autossh -M 0 -N -L 8080:web:80 hq.example.com
            junction import ssh lic                             a host of ~/.ssh/config, with its LocalForward lines
            """);
        command.Arguments.Add(Words);
        command.Options.Add(ConfigFile);
        command.Options.Add(Identity);
        command.SetAction((parsed, _) => RunAsync(parsed.GetValue(Words)!, parsed.GetValue(ConfigFile), parsed.GetValue(Identity)));
        return command;
    }

    private static async Task<int> RunAsync(string[] arguments, string? file, string? identity)
    {
        // One argument is a line that no shell has cut yet.
        if ((arguments is [var only] ? CommandWords.Of(only) : arguments) is not { Count: > 0 } words)
        {
            await Say($"'{string.Join(' ', arguments)}' has a quote that is not closed, or says nothing");
            return ExitCodes.Usage;
        }

        var warnings = new List<string>();
        SshCommandLine line;
        try
        {
            line = SshCommandLine.Read(OfProgram(words), host => Settings(host, file, warnings));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            await Say(e.Message);
            return ExitCodes.Failed;
        }

        foreach (var warning in warnings.Concat(line.Warnings).Distinct()) await Say($"warning: {warning}");
        foreach (var problem in line.Problems) await Say(problem);
        if (line.Problems.Count > 0) return ExitCodes.Usage;

        var unresolved = new List<string>();
        var config = ForwardConfig.Of(line, identity, users: null, name => BindAddresses.Of(name, unresolved));
        foreach (var name in unresolved) await Say($"'{name}' is no address of this machine and no name of one");
        if (unresolved.Count > 0) return ExitCodes.Unavailable;
        if (identity is null && line.Hops.Count > 0) await Say("warning: links need an identity: add --identity DIR, or write it into the configuration");
        await Console.Out.WriteAsync($"// {string.Join(' ', arguments)}\n{ForwardConfig.Text(config)}");
        return ExitCodes.Ok;
    }

    // ssh …, /usr/bin/ssh …, autossh -M PORT …: what follows is ssh's.
    private static IReadOnlyList<string> OfProgram(IReadOnlyList<string> words)
    {
        var program = Path.GetFileName(words[0]);
        if (program is not ("ssh" or "autossh")) return words;
        var rest = words.Skip(1).ToList();
        if (program == "autossh" && rest.FindIndex(w => w.StartsWith("-M", StringComparison.Ordinal)) is >= 0 and var at) rest.RemoveRange(at, rest[at].Length > 2 ? 1 : Math.Min(2, rest.Count - at));
        return rest;
    }

    private static IEnumerable<(string Keyword, string Value)> Settings(string host, string? file, List<string> warnings)
    {
        if (file == "none") return [];
        var user = Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".ssh", "config");
        // As with ssh itself, a file that is named stands alone.
        string[] files = file is not null ? [file] : [.. new[] { user, SystemConfig }.Where(File.Exists)];
        var read = files.Select(f => SshConfigFile.Read(f, host)).ToList();
        warnings.AddRange(read.SelectMany(r => r.Warnings));
        return read.SelectMany(r => r.Settings);
    }

    private static Task Say(string text) => Console.Error.WriteLineAsync($"junction import ssh: {text}");
}
