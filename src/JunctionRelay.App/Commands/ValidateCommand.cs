using System.CommandLine;
using JunctionRelay.App.CommandLine;
using JunctionRelay.App.Hosting;
using JunctionRelay.Configuration;

namespace JunctionRelay.App.Commands;

/// <summary><c>junction validate</c>: reads a configuration as <c>run</c> would and reports every problem.</summary>
internal static class ValidateCommand
{
    public static Command Create()
    {
        var command = HelpExamples.Add(
            new Command("validate", "Check a configuration and report every problem (exit code 0 or 78)"),
            """
            junction validate junction.json
            junction validate -c junction.json --set relays.lmgrd.maxConnections=100
            """);
        var config = new ConfigOptions(command);
        command.SetAction(parsed =>
        {
            OpenSslFloor.Demand();
            if (config.Read(parsed, Console.Error) is not { } reading) return ExitCodes.Configuration;
            var plan = RelayPlanBuilder.Build(reading.Config!, reading.Home, TimeProvider.System);
            var links = plan.Links is { } l ? $", {Count(l.Dial.Count, "link")} dialled, {Count(l.Listen.Count, "address", "es")} to be dialled at, {Count(l.Services.All.Count(), "service")}" : "";
            Console.WriteLine($"ok: {Count(plan.Relays.Count, "relay")} on {Count(plan.Relays.Sum(r => r.Listen.Count), "address", "es")}{links}");
            return ExitCodes.Ok;
        });
        return command;
    }

    private static string Count(int number, string thing, string plural = "s") => $"{number} {thing}{(number == 1 ? "" : plural)}";
}
