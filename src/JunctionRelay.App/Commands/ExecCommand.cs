using System.CommandLine;
using JunctionRelay.App.CommandLine;
using JunctionRelay.App.Exec;

namespace JunctionRelay.App.Commands;

/// <summary>
/// <c>junction exec</c>: one job with its licenses in reach. An agent of its own is started beside it, and this process becomes the job, in a mount namespace in which the servers' names lead to the agent.
/// </summary>
internal static class ExecCommand
{
    private const string Name = "exec";

    public static Command Create(IReadOnlyList<string> job)
    {
        var command = HelpExamples.Add(
            new Command(Name, "Run one job with its licenses in reach, without root; it ends as the job does (exit code 69 when no link comes up)"),
            """
            junction exec -- simulate --input case.dat                       with the relays of ./junction.json or /etc/junction/junction.json
            junction exec -c agent.json -- bash                              … of another configuration; a shell and all that it starts
            LM_LICENSE_FILE=27000@lic1.corp junction exec --via hq.example.com:8443 -- simulate    without a configuration
            junction exec --via hq --sentieon lic3.corp:8990 --reach logserver1.corp:9316 -- make  over the link hq, and more servers
            srun junction exec -c agent.json -- simulate                     Slurm: a job step each, as many on a node as there are
            """);
        var behind = new Argument<string[]>("COMMAND") { Description = "Behind --: the job and its arguments, handed on as they are", Arity = ArgumentArity.ZeroOrMore };
        command.Arguments.Add(behind);
        _ = new ExecOptions(command);
        command.SetAction(async (parsed, _) =>
        {
            var plain = parsed.GetValue(behind) ?? [];
            var count = plain.Length + job.Count;
            if (count == 0) return Refuse("what should be run? junction exec -- COMMAND", ExitCodes.Usage);
            return OperatingSystem.IsLinux() ? await RunAsync(Options(parsed, plain.Length), count)
                : Refuse("a job's own names and addresses need Linux; here, `junction run` with `junction hosts --apply` and `junction env` do the same for the whole machine", ExitCodes.Unavailable);
        });
        return command;
    }

    /// <summary>The words of this program, and those of the job behind <c>--</c>.</summary>
    public static (string[] Words, string[] Job) Cut(string[] arguments)
    {
        var end = arguments is [Name, ..] ? Array.IndexOf(arguments, "--") : -1;
        return end < 0 ? (arguments, []) : (arguments[..end], arguments[(end + 1)..]);
    }

    // Words of a job that nobody cut off stand last.
    private static List<string> Options(ParseResult parsed, int plain) => [.. parsed.Tokens.Skip(1).SkipLast(plain).Select(t => t.Value)];

    private static async Task<int> RunAsync(IReadOnlyList<string> options, int job)
    {
        Hosting.OpenSslFloor.Demand();
        var report = await AgentProcess.StartAsync(options);
        if (report.Exit != ExitCodes.Ok) return report.Exit;
        var space = await JobSpace.MakeAsync(report.Names, Takeover.UserId);
        if (space.WhyNot is { } why)
        {
            Say($"warning: the servers' names cannot be mapped for this job: {why}. Its variables have addresses instead; a FlexNet client is sent on to its server's own name and will not find it. " +
                "For the whole machine, `sudo junction hosts --apply` beside `junction run` maps them");
        }

        var failed = Takeover.Become(space.Words[0], space.Words, job, space.WhyNot is null ? report.ByName : report.ByAddress);
        return Refuse($"{space.Words[0]} cannot be run: error {failed}", ExitCodes.Failed);
    }

    private static int Refuse(string why, int exit)
    {
        Say(why);
        return exit;
    }

    // Not the framework's console: it prepares a terminal for itself, which is about to be the job's.
    private static void Say(string text)
    {
        using var error = new StreamWriter(Console.OpenStandardError());
        error.WriteLine($"junction exec: {text}");
    }
}
