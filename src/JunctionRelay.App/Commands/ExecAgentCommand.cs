using System.CommandLine;
using System.Runtime.InteropServices;
using JunctionRelay.App.CommandLine;
using JunctionRelay.App.Exec;
using JunctionRelay.Configuration;
using JunctionRelay.Policies;

namespace JunctionRelay.App.Commands;

/// <summary><c>junction exec-agent</c> (hidden): the junction beside a job that <c>junction exec</c> runs. Tells on standard output when it is ready, in one line, and lives as long as the job.</summary>
internal static class ExecAgentCommand
{
    /// <summary>Of the job, which tells a service manager itself.</summary>
    private static readonly string[] OfTheJob = ["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", "LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES"];

    // Whoever stops the job by its group or its cgroup means the job; we end when it has ended.
    private static readonly PosixSignal[] ForTheJob = [PosixSignal.SIGINT, PosixSignal.SIGTERM, PosixSignal.SIGHUP, PosixSignal.SIGQUIT];

    public static Command Create()
    {
        var command = new Command(AgentProcess.Command, "The junction beside a job") { Hidden = true };
        var job = new Option<int>("--job") { Required = true };
        command.Options.Add(job);
        var options = new ExecOptions(command);
        command.SetAction(async (parsed, _) =>
        {
            var watched = new JobProcess(parsed.GetValue(job));
            Takeover.LeaveSession();
            var signals = ForTheJob.Select(s => PosixSignalRegistration.Create(s, context => context.Cancel = true)).ToList();
            foreach (var variable in OfTheJob) Environment.SetEnvironmentVariable(variable, null);
            await using var error = new StreamWriter(Console.OpenStandardError()) { AutoFlush = true };
            await using var output = new StreamWriter(Console.OpenStandardOutput()) { AutoFlush = true };
            var exit = await RunAsync(options, parsed, watched, output, error);
            if (exit != ExitCodes.Ok) await output.WriteLineAsync(new AgentReport { Exit = exit }.ToJson());
            foreach (var signal in signals) signal.Dispose();
            return exit;
        });
        return command;
    }

    private static async Task<int> RunAsync(ExecOptions options, ParseResult parsed, JobProcess job, TextWriter output, TextWriter error)
    {
        if (options.Read(parsed, error) is not { } needs) return ExitCodes.Configuration;
        var user = Takeover.UserId;
        using var addresses = new LoopbackAddresses(user);
        var remarks = new List<string>();
        var config = AgentConfig.Of(needs.Reading.Config!, new UserDatabase(TimeProvider.System).Find(user).Name, addresses, remarks);
        foreach (var remark in remarks) await error.WriteLineAsync($"junction exec: {remark}");
        if (config.Relays!.Count == 0)
        {
            await error.WriteLineAsync("junction exec: there is no server that the job could reach: add relays to the configuration, or name servers (--license, --sentieon, --reach) and where they lie (--via)");
            return ExitCodes.Configuration;
        }

        return await ExecAgent.RunAsync(config, needs.Reading.Home, options.Level(parsed), job, error, () => output.WriteLine(Report(config, needs).ToJson()));
    }

    private static AgentReport Report(JunctionConfig config, JobNeeds needs)
    {
        var said = config with { Relays = config.Relays!.Where(r => !r.Key.StartsWith(ExecOptions.Prefix, StringComparison.Ordinal)).ToDictionary() };
        var places = config.Relays!.Values.Select(r => (Name: NodeHosts.NameOf(r), Host: HostOf(r), Address: ListenAddress.Read(r.Listen![0], out _)!.Address!.ToString())).ToList();
        return new AgentReport
        {
            Exit = ExitCodes.Ok,
            Names = [.. places.Where(p => p.Name is not null).Select(p => new AgentName(p.Address, p.Name!)).Distinct()],
            ByName = Variables(byAddress: false),
            ByAddress = Variables(byAddress: true),
        };

        // The later over the earlier: what the job has, what relays are for, what the command line names.
        Dictionary<string, string> Variables(bool byAddress)
        {
            string Where(string host) => places.FirstOrDefault(p => p.Host?.Equals(host, StringComparison.OrdinalIgnoreCase) == true) is { Address: not null } place && (byAddress || place.Name is null) ? place.Address : host;
            var variables = needs.Own.Select(v => (v.Name, v.Value, With: v.With(Where))).Where(v => v.With != v.Value).ToDictionary(v => v.Name, v => v.With);
            foreach (var variable in NodeEnvironment.Of(said, junction: null, byAddress).Variables.Concat(needs.Named(Where)))
                variables[variable.Name] = string.Join(':', variable.Entries);
            return variables;
        }
    }

    // What a job calls the server, be it a name or an address.
    private static string? HostOf(RelayConfig relay) =>
        NodeHosts.NameOf(relay) ?? (TargetAddress.Read(relay.Target![0], out _) is { } target ? (target.Behind ?? target).Host : null);
}
