using System.CommandLine;
using JunctionRelay.App.Checks;
using JunctionRelay.App.CommandLine;
using JunctionRelay.App.Hosting;
using JunctionRelay.Configuration;
using JunctionRelay.Licensing;
using Microsoft.Extensions.Logging.Abstractions;

namespace JunctionRelay.App.Commands;

/// <summary>
/// <c>junction check</c>: walks every hop of a relay, or of the license servers that this machine's programs ask, and names the one that fails and what to do.
/// </summary>
internal static class CheckCommand
{
    private static readonly Argument<string[]> What = new("RELAY")
    {
        Description = "Relays or services of the configuration; or, without one, license files and values of license variables (27000@junction). " +
            "Default: all relays and services; without a configuration what the license variables of this shell name",
        Arity = ArgumentArity.ZeroOrMore,
    };

    private static readonly Option<string[]> SentieonServer = new("--sentieon") { Description = "A Sentieon license server, or the relay in front of it", HelpName = "HOST:PORT" };

    private static readonly Option<string?> Vendor = new("--vendor") { Description = "The vendor daemon, where neither file nor variable names it. Default: the one that lmgrd names", HelpName = "NAME" };

    private static readonly Option<bool> Json = new("--json") { Description = "Write it as one JSON document" };

    public static Command Create()
    {
        var command = HelpExamples.Add(
            new Command("check", "Walk every hop to a license server, name the one that fails, and what to do (exit codes 10 to 16: which kind of hop; 0: all is well)"),
            """
            junction check lmgrd                  on a junction: a relay of ./junction.json, over its links to the vendor daemon
            junction check -c cloud.json --json   … all relays of another configuration, for programs
            junction check 27000@junction         on a compute node, without any configuration or right
            junction check license.dat            … the servers of a license file
            junction check                        … what LM_LICENSE_FILE, *_LICENSE_FILE, *_LICENSE and SENTIEON_LICENSE say
            """);
        command.Arguments.Add(What);
        command.Options.Add(SentieonServer);
        command.Options.Add(Vendor);
        command.Options.Add(Json);
        LicenseArguments.Check(SentieonServer, LicenseArguments.NoHostAndPort);
        LicenseArguments.Check(Vendor, text => text.Length is > 0 and <= FlexLmHello.MaxVendorBytes && text.All(char.IsAscii) ? null : $"a vendor daemon's name has at most {FlexLmHello.MaxVendorBytes} letters");
        var config = new ConfigOptions(command, hasArgument: false);
        command.SetAction((parsed, stop) => RunAsync(config, parsed, stop));
        return command;
    }

    private static async Task<int> RunAsync(ConfigOptions config, ParseResult parsed, CancellationToken stop)
    {
        var (output, error) = (parsed.InvocationConfiguration.Output, parsed.InvocationConfiguration.Error);
        var isJson = parsed.GetValue(Json);
        var trails = new List<CheckTrail>();
        var problems = new List<string>();

        async Task<CheckTrail> FollowAsync(CheckTrail trail, Task walk)
        {
            if (!isJson)
            {
                await output.WriteLineAsync(trail.Name);
                trail.TellTo(step => CheckReport.Write(output, step));
            }

            await walk;
            trails.Add(trail);
            if (!isJson) CheckReport.WriteEnd(output, trail);
            return trail;
        }

        Task WalkedAsync(string name, Func<CheckTrail, Task> walk)
        {
            var trail = new CheckTrail(name);
            return FollowAsync(trail, walk(trail));
        }

        var what = parsed.GetValue(What) ?? [];
        var servers = CheckedServers.Read(what, parsed.GetValue(SentieonServer) ?? [], ConfigOptions.Environment(), config.IsThere(parsed), problems);
        foreach (var problem in problems) await error.WriteLineAsync($"junction check: {LicenseNames.Printable(problem)}");
        if (problems.Count > 0)
        {
            if (!isJson) await TellSurroundingsAsync(output);
            return ExitCodes.Usage;
        }

        using var turn = new SemaphoreSlim(CheckLimits.AtOnce);

        async Task AskAsync(CheckTrail trail, CheckedServer server)
        {
            await turn.WaitAsync(stop);
            try
            {
                trail.Begin();
                await NodeWalk.ServerAsync(trail, server with { Vendor = parsed.GetValue(Vendor) ?? server.Vendor }, stop);
            }
            finally
            {
                turn.Release();
            }
        }

        // All servers are asked at once, and told in turn: many that are silent cost what one of them does.
        var asked = servers.SelectMany(w => w.Servers.Select(s => (Server: s, Trail: new CheckTrail(NodeWalk.NameOf(s)) { HasOtherWays = w.Server is null })))
            .ToDictionary(s => s.Server, s => (s.Trail, Walk: AskAsync(s.Trail, s.Server)), (IEqualityComparer<CheckedServer>)ReferenceEqualityComparer.Instance);
        foreach (var ways in servers)
        {
            var inTheWay = await ways.WalkAsync(s => FollowAsync(asked[s].Trail, asked[s].Walk));
            foreach (var trail in inTheWay.Where(t => t.Failure is null))
            {
                if (!isJson) await output.WriteLineAsync($"{trail.Name}, without which too few lead there:");
                trail.GiveUp();
                if (!isJson) CheckReport.WriteEnd(output, trail);
            }
        }

        if (servers.Count == 0)
        {
            if (config.Read(parsed, error) is not { } reading) return ExitCodes.Configuration;
            var (relays, services) = (reading.Config!.Relays ?? new Dictionary<string, RelayConfig>(), reading.Config.Services ?? new Dictionary<string, ServiceConfig>());
            // A name may be a relay's and a service's: then it is both.
            string[] names = what.Length > 0 ? what : [.. relays.Keys.Order(StringComparer.Ordinal).Union(services.Keys.Order(StringComparer.Ordinal))];
            if (names.FirstOrDefault(n => !relays.ContainsKey(n) && !services.ContainsKey(n)) is { } unknown)
            {
                await error.WriteLineAsync($"junction check: \"{LicenseNames.Printable(unknown)}\" is no relay or service of this configuration ({string.Join(", ", relays.Keys.Concat(services.Keys))}), no license file here, and no PORT@HOST");
                return ExitCodes.Usage;
            }

            OpenSslFloor.Demand();
            // An instance of its own: the running junction's sessions are not taken for the ghosts of this process.
            var plan = RelayPlanBuilder.Build(reading.Config!, reading.Home, TimeProvider.System, Guid.NewGuid().ToString(), NullLogger.Instance);
            await using var walk = new RelayWalk(plan, reading.Config, parsed.GetValue(Vendor), new RunningSwitches(RelayPlanBuilder.Admin(reading.Config, reading.Home)));
            foreach (var name in names)
            {
                if (relays.TryGetValue(name, out var relay)) await WalkedAsync(name, trail => walk.RelayAsync(trail, name, relay, stop));
                if (services.TryGetValue(name, out var service)) await WalkedAsync($"service {name}", trail => walk.ServiceAsync(trail, name, service, stop));
            }
        }

        var exit = trails.Select(t => t.Failure?.Fault!.Exit).FirstOrDefault(e => e is not null) ?? ExitCodes.Ok;
        if (isJson)
        {
            await using var document = Console.OpenStandardOutput();
            CheckReport.WriteJson(document, trails, ReadSurroundings(), exit);
            return exit;
        }

        await TellSurroundingsAsync(output);
        return exit;
    }

    private static IReadOnlyList<string> ReadSurroundings() => Surroundings.Read(ConfigOptions.Environment(), Environment.GetFolderPath(Environment.SpecialFolder.UserProfile));

    private static async Task TellSurroundingsAsync(TextWriter output)
    {
        var surroundings = ReadSurroundings();
        if (surroundings.Count == 0) return;
        await output.WriteLineAsync("What leads programs of this user to license servers, whatever a junction does:");
        foreach (var line in surroundings) await output.WriteLineAsync($"  {line}");
    }
}
