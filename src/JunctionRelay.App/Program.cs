using System.CommandLine;
using System.CommandLine.Invocation;
using System.Globalization;
using JunctionRelay.App.CommandLine;
using JunctionRelay.App.Commands;
using JunctionRelay.App.Hosting;

// Sockets read these once, before the first of them is made (docs/decisions/0001): what follows a completed read or write runs on the thread
// that waits for all sockets, which saves 1.6-1.8x of the processor time of a round trip; one such thread for two cores.
Environment.SetEnvironmentVariable("DOTNET_SYSTEM_NET_SOCKETS_INLINE_COMPLETIONS", "1");
Environment.SetEnvironmentVariable(
    "DOTNET_SYSTEM_NET_SOCKETS_THREAD_COUNT", Math.Max(1, Environment.ProcessorCount / 2).ToString(CultureInfo.InvariantCulture));

// What stands behind the first -- of `exec` is the job's, whatever it looks like.
var (words, job) = ExecCommand.Cut(args);
var root = new RootCommand("Relays the TCP connections of licensed jobs to license servers behind firewalls, over mutual TLS.")
{
    DemoCommand.Create(),
    RunCommand.Create(),
    ValidateCommand.Create(),
    ForwardCommand.Create(),
    PkiCommand.Create(),
    TokenCommand.Create(),
    EnrollCommand.Create(),
    StatusCommand.Create(),
    PauseCommand.Pause(),
    PauseCommand.Resume(),
    PingCommand.Create(),
    CheckCommand.Create(),
    ImportCommand.Create(),
    EnvCommand.Create(),
    HostsCommand.Create(),
    ExecCommand.Create(job),
    ExecAgentCommand.Create(),
    SimulateServerCommand.Create(),
    SimulateClientCommand.Create(),
};
HelpExamples.Add(root, """
    junction demo                       see a license checkout pass through two junctions
    junction validate junction.json     check a configuration
    junction run junction.json          run it
    junction status                     what it does now
    """);
HelpExamples.Install(root);

var parsed = root.Parse(words);
try
{
    // ssh's rules for options are not those of the other commands.
    if (args is ["forward", .. var asSsh] && !asSsh.Any(w => w is "--help" or "-h" or "-?")) return await ForwardCommand.RunAsync(asSsh);
    var exit = await parsed.InvokeAsync(new InvocationConfiguration { ProcessTerminationTimeout = null, EnableDefaultExceptionHandler = false });
    // Asking for help is no error, whatever else is missing.
    return parsed.Action is ParseErrorAction ? ExitCodes.Usage : exit;
}
catch (Exception e)
{
    await Console.Error.WriteLineAsync(OpenSslFloor.Of(e) ?? $"junction: a fault of ours; please report it: {e}");
    return OpenSslFloor.Of(e) is null ? ExitCodes.Failed : ExitCodes.Unavailable;
}
