using System.CommandLine;
using JunctionRelay.App.CommandLine;
using JunctionRelay.App.Hosting;
using JunctionRelay.Configuration;
using JunctionRelay.Relay;

namespace JunctionRelay.App.Commands;

/// <summary><c>junction run</c>: the relays of one configuration, until told to stop.</summary>
internal static class RunCommand
{
    public static Command Create()
    {
        var command = new Command("run", """
            Run the relays of a configuration file until SIGTERM or SIGINT: the first drains (no new connections, those there run on), the second ends at once.
            Exit code 78 when the configuration is not good, 69 when an address cannot be listened on.

            Examples:
              junction run junction.json
              junction run                        with ./junction.json or /etc/junction/junction.json
            """);
        var config = new ConfigOptions(command);
        command.SetAction(async (parsed, _) =>
        {
            if (config.Read(parsed, Console.Error) is not { } reading) return ExitCodes.Configuration;
            try
            {
                await JunctionHost.RunAsync(RelayPlanBuilder.Build(reading.Config!, reading.Home, TimeProvider.System));
                return ExitCodes.Ok;
            }
            catch (ListenException e)
            {
                await Console.Error.WriteLineAsync($"junction: {e.Message}");
                return ExitCodes.Unavailable;
            }
        });
        return command;
    }
}
