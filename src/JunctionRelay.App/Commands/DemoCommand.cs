using System.CommandLine;
using System.Net.Sockets;
using JunctionRelay.App.CommandLine;
using JunctionRelay.App.Demo;
using JunctionRelay.Relay;

namespace JunctionRelay.App.Commands;

/// <summary><c>junction demo</c>: exit code 0 only if licenses were really held and really returned.</summary>
internal static class DemoCommand
{
    public static Command Create()
    {
        var command = HelpExamples.Add(
            new Command("demo", "See license checkouts pass through two junctions; needs no configuration, no root, and leaves nothing behind"),
            """
            junction demo                 a simulated license server, two junctions and a few jobs, in one process over real sockets
            """);
        command.SetAction(async (_, _) =>
        {
            try
            {
                return await Demonstration.RunAsync(DemoPage.ForConsole(), TimeProvider.System) ? ExitCodes.Ok : ExitCodes.Failed;
            }
            catch (Exception e) when (e is ListenException or SocketException)
            {
                await Console.Error.WriteLineAsync($"junction demo: {e.Message}");
                return ExitCodes.Unavailable;
            }
        });
        return command;
    }
}
