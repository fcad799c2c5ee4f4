using System.CommandLine;
using JunctionRelay.App.CommandLine;
using JunctionRelay.Configuration;
using JunctionRelay.Connections;
using JunctionRelay.Files;
using JunctionRelay.Pki;

namespace JunctionRelay.App.Commands;

/// <summary>
/// <c>junction enroll</c>: gets this machine an identity from the junction where the authority lives, with a token. Made for start-up scripts: it may run any number of
/// times, waits for a network that is not there yet, and does nothing where the identity is valid.
/// </summary>
internal static class EnrollCommand
{
    private const string TokenVariable = "JUNCTION_JOIN_TOKEN";
    private const string DefaultDirectory = "identity";

    public static Command Create()
    {
        var command = HelpExamples.Add(
            new Command("enroll", "Get an identity for this machine with a token (exit code 0, 69 not reached, 77 refused)"),
            """
            junction enroll hq.example.com:8443 --token-file join.token --identity /var/lib/junction
            JUNCTION_JOIN_TOKEN=jjt1_… junction enroll hq.example.com:8443
            """);
        var address = new Argument<string>("HOST:PORT") { Description = "The linkListen address of the junction where the authority lives, or what leads to it" };
        var tokenFile = new Option<string?>("--token-file") { Description = $"A file that holds the token (default: the variable {TokenVariable})", HelpName = "FILE" };
        var identity = new Option<string?>("--identity", "--out") { Description = $"The identity directory to write (default: identity.directory of the configuration, else ./{DefaultDirectory})", HelpName = "DIR" };
        var config = new Option<string?>("--config", "-c") { Description = $"The configuration whose identity.directory is meant (default: {string.Join(", then ", ConfigOptions.DefaultFiles)})", HelpName = "FILE" };
        var name = new Option<string?>("--name") { Description = "The name to ask for, where the token leaves a choice (default: the host name)", HelpName = "NAME" };
        var wait = PkiOptions.Lifetime("--wait", "How long to try while the junction cannot be reached (default: 1m)", TimeSpan.Zero);
        command.Arguments.Add(address);
        foreach (var option in new Option[] { tokenFile, identity, config, name, wait }) command.Options.Add(option);
        command.Validators.Add(result =>
        {
            if (result.GetValue(address) is { } said && (TargetAddress.Read(said, out _) is not { Scheme: "", UnixPath: null, Count: 1 }))
                result.AddError($"{said}: write HOST:PORT, e.g. hq.example.com:8443");
        });
        command.SetAction((parsed, cancel) => PkiOptions.RunAsync(() => RunAsync(
            parsed.GetValue(address)!, parsed.GetValue(tokenFile), Directory(parsed.GetValue(identity), parsed.GetValue(config)),
            parsed.GetValue(name) ?? Environment.MachineName, parsed.GetValue(wait) ?? TimeSpan.FromMinutes(1), cancel)));
        return command;
    }

    private static string Directory(string? said, string? config)
    {
        if (said is not null) return said;
        var file = config ?? ConfigOptions.DefaultFiles.FirstOrDefault(File.Exists);
        return (file is null ? null : ConfigReader.IdentityDirectory(file, ConfigOptions.Environment())) ?? DefaultDirectory;
    }

    private static async Task<int> RunAsync(string address, string? tokenFile, string directory, string wish, TimeSpan wait, CancellationToken cancellationToken)
    {
        var client = new EnrolmentClient(LinksPlanBuilder.Address(address), new SocketDialer(SocketSettings.Default), LinksPlanBuilder.FromEnvironment);
        var enrolment = new Enrolment(new IdentityDirectory(directory), client, address, TimeProvider.System);
        if (enrolment.Valid() is { } valid)
        {
            await Console.Out.WriteLineAsync($"nothing to do: {valid}");
            return ExitCodes.Ok;
        }

        // On the command line it would stand in the process list.
        var text = tokenFile is not null ? SecretFile.ReadText(tokenFile) : Environment.GetEnvironmentVariable(TokenVariable);
        var token = text is null ? null : JoinToken.Read(text);
        if (text is not null && token is null)
        {
            await Console.Error.WriteLineAsync($"junction: {(tokenFile is null ? TokenVariable : tokenFile)} holds no token: it begins with jjt1_, and `junction token create` makes it");
            return ExitCodes.Configuration;
        }

        var (outcome, told) = await enrolment.RunAsync(token, wish, wait, cancellationToken);
        if (outcome == EnrolmentOutcome.Enrolled)
        {
            await Console.Out.WriteLineAsync(told);
            return ExitCodes.Ok;
        }

        await Console.Error.WriteLineAsync($"junction: {told}");
        return outcome switch
        {
            EnrolmentOutcome.Refused => ExitCodes.NotPermitted,
            EnrolmentOutcome.NotReached => ExitCodes.Unavailable,
            _ => ExitCodes.Usage,
        };
    }
}
