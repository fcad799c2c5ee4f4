using System.CommandLine;
using JunctionRelay.App.Admin;
using JunctionRelay.App.CommandLine;
using JunctionRelay.Configuration;

namespace JunctionRelay.App.Commands;

/// <summary><c>junction pause SERVICE</c> and <c>junction resume SERVICE</c>: the switch of whoever runs the junction that dials the service.</summary>
internal static class PauseCommand
{
    public static Command Pause()
    {
        var command = HelpExamples.Add(
            new Command("pause", "Refuse a service to all peers of the junction that runs here, until `junction resume` or its end"),
            """
            junction pause lmgrd              connections that are there go on
            junction pause lmgrd --end        … and those that are there are reset
            junction pause lmgrd -c hq.json   of the junction with another configuration
            """);
        var end = new Option<bool>("--end") { Description = "Reset the connections that the service has, too" };
        command.Options.Add(end);
        return Of(command, (service, parsed) => new ServiceWish(service, Pause: true, parsed.GetValue(end)));
    }

    public static Command Resume() => Of(
        HelpExamples.Add(new Command("resume", "Let a paused service go on"), "junction resume lmgrd"), (service, _) => new ServiceWish(service, Pause: false, End: false));

    private static Command Of(Command command, Func<string, ParseResult, ServiceWish> wish)
    {
        var service = new Argument<string>("SERVICE") { Description = "A key of services in the configuration" };
        command.Arguments.Add(service);
        var config = new ConfigOptions(command, hasArgument: false);
        command.SetAction(async (parsed, stop) =>
        {
            if (config.Read(parsed, Console.Error) is not { } reading) return ExitCodes.Configuration;
            var name = parsed.GetValue(service)!;
            if (RelayPlanBuilder.Admin(reading.Config!, reading.Home) is not { } admin) return await FailAsync(AdminClient.NoAdmin, ExitCodes.Unavailable);
            using var client = new AdminClient(admin);
            var answer = await client.SwitchAsync(wish(name, parsed), stop);
            if (answer.Body is not { } body) return await FailAsync(answer.Problem, answer.Exit);
            Console.WriteLine($"{name}: {AdminClient.Line(body)}");
            return ExitCodes.Ok;

            async Task<int> FailAsync(string problem, int exit)
            {
                await Console.Error.WriteLineAsync($"junction {command.Name} {name}: {problem}");
                return exit;
            }
        });
        return command;
    }
}
