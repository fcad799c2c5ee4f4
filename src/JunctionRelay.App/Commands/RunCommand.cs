using System.CommandLine;
using JunctionRelay.App.CommandLine;
using JunctionRelay.App.Hosting;
using JunctionRelay.Relay;

namespace JunctionRelay.App.Commands;

/// <summary><c>junction run</c>: the relays of one configuration, until told to stop.</summary>
internal static class RunCommand
{
    private static readonly Option<bool> Takeover = new("--takeover")
    {
        Description = "Take the place of the junction that runs with this configuration, if one does: its ports without a moment in which they are closed, while it serves its connections to their ends (Linux)",
    };

    public static Command Create()
    {
        var command = HelpExamples.Add(
            new Command("run", "Run the relays of a configuration until SIGTERM (drains; a second one ends at once)"),
            """
            junction run junction.json
            junction run                        with ./junction.json or /etc/junction/junction.json
            junction run --set drainTimeout=5m  with a key changed for this run
            junction run --takeover             in place of the one that runs: a new version, without a refused client
            """);
        var config = new ConfigOptions(command);
        config.AddKey("--log-format", "logFormat", "How to log: text for people, JSON lines for programs (default: text on a terminal, else json)", "text", "json");
        config.AddKey("--log-level", "logLevel", "What to log: events of this level and graver ones (default: info)", "trace", "debug", "info", "warn", "error");
        command.Options.Add(Takeover);
        command.SetAction(async (parsed, _) =>
        {
            OpenSslFloor.Demand();
            if (config.Read(parsed, Console.Error) is not { } reading) return ExitCodes.Configuration;
            try
            {
                using var predecessor = parsed.GetValue(Takeover) ? Predecessor.Find(reading.Instance) : null;
                await JunctionHost.RunAsync(reading, predecessor: predecessor);
                return ExitCodes.Ok;
            }
            catch (Exception e) when (e is ListenException or TakeoverException)
            {
                await Console.Error.WriteLineAsync($"junction: {e.Message}");
                return ExitCodes.Unavailable;
            }
        });
        return command;
    }
}
