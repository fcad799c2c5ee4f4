using System.CommandLine;
using JunctionRelay.App.CommandLine;
using JunctionRelay.Configuration;
using JunctionRelay.Licensing;

namespace JunctionRelay.App.Commands;

/// <summary><c>junction env</c>: what compute nodes must set so that licensed programs find the junction.</summary>
internal static class EnvCommand
{
    private static readonly Option<string> ShellName = new Option<string>("--shell", "-s")
    {
        Description = "Who reads it; slurm: a TaskProlog, nextflow: nextflow.config, kubernetes: a ConfigMap",
        DefaultValueFactory = _ => "sh",
    }.AcceptOnlyFromAmong([.. Enum.GetNames<Shell>().Select(n => n.ToLowerInvariant())]);

    private static readonly Option<string?> Junction = new("--junction")
    {
        Description = "The name or address of the junction, in place of the servers' own names (which are right where the nodes have the hosts block)",
        HelpName = "HOST",
    };

    public static Command Create()
    {
        var command = HelpExamples.Add(
            new Command("env", "Print the environment lines by which licensed programs find their servers"),
            """
            junction env license.dat                                          for sh, bash, zsh: eval "$(junction env license.dat)"
            junction env --config junction.json                               what its relays' presets say
            junction env license.dat --shell powershell
            junction env --sentieon lic3.example.com:8990 --junction junction.cloud --shell kubernetes
            """);
        var licenses = new LicenseArguments(command);
        var config = new ConfigOptions(command, hasArgument: false);
        command.Options.Add(Junction);
        command.Options.Add(ShellName);
        LicenseArguments.Check(Junction, text => LicenseNames.IsHost(text) ? null : "a host name or an address, please");
        command.SetAction(parsed => Run(licenses, config, parsed));
        return command;
    }

    private static int Run(LicenseArguments licenses, ConfigOptions config, ParseResult parsed)
    {
        var error = parsed.InvocationConfiguration.Error;
        var junction = parsed.GetValue(Junction);
        var (variables, problems) = licenses.AreNamed(parsed) ? OfLicenses(licenses, parsed, junction)
            : config.Read(parsed, error) is { } reading ? NodeEnvironment.Of(reading.Config!, junction) : ([], []);
        foreach (var problem in problems)
            error.WriteLine($"junction env: {LicenseNames.Printable(problem)}");
        if (problems.Count > 0 || variables.Count == 0)
            return ExitCodes.Configuration;
        parsed.InvocationConfiguration.Output.Write(EnvironmentScript.Write(variables, Enum.Parse<Shell>(parsed.GetValue(ShellName)!, ignoreCase: true)));
        return ExitCodes.Ok;
    }

    private static (IReadOnlyList<LicenseVariable> Variables, IReadOnlyList<string> Problems) OfLicenses(LicenseArguments licenses, ParseResult parsed, string? junction)
    {
        var problems = new List<string>();
        var (files, others) = licenses.Read(parsed, problems);
        // Where nobody says what a server is called, the junction's own name must do.
        var (sources, unclear) = LicenseImport.Sources(files, others, licenses.ServerName(parsed) ?? junction);
        var variables = LicenseVariable.Of(sources.Select(s => (s, (IReadOnlyList<(string, int)>)[.. s.Servers.Select(server => (junction ?? server.Name ?? server.Host, server.Port))])));
        return (variables, [.. problems, .. unclear]);
    }
}
