using System.CommandLine;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.Json;
using JunctionRelay.App.Admin;
using JunctionRelay.App.CommandLine;
using JunctionRelay.Configuration;
using Spectre.Console;

namespace JunctionRelay.App.Commands;

/// <summary><c>junction status</c>: what a running junction does now, read from its admin endpoint.</summary>
internal static class StatusCommand
{
    private const int Connections = 20;

    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);

    public static Command Create()
    {
        var command = HelpExamples.Add(
            new Command("status", "Show what a running junction does (exit code 69 when none answers); its configuration needs an admin section"),
            """
            junction status                     the junction of ./junction.json or /etc/junction/junction.json
            junction status -c cloud.json       … of another configuration
            junction status --watch             again every second, until Ctrl-C
            junction status --json | jq .links  for programs: one line of JSON, in full
            junction status --ready             for health checks: says nothing but the exit code, and on standard error why not
            """);
        var watch = new Option<bool>("--watch", "-w") { Description = "Show it again every second, until Ctrl-C" };
        var json = new Option<bool>("--json") { Description = "Write it as JSON, in full" };
        var ready = new Option<bool>("--ready") { Description = "Only say by the exit code whether new connections get anywhere: 0, else 69" };
        var most = new Option<int>("--connections", "-n") { Description = "How many connections to list, the oldest first", DefaultValueFactory = _ => Connections, HelpName = "N" };
        most.Validators.Add(n =>
        {
            if (n.Tokens.Count > 0 && (!int.TryParse(n.Tokens[0].Value, CultureInfo.InvariantCulture, out var value) || value < 0))
                n.AddError($"--connections {n.Tokens[0].Value}: write a number from 0 up");
        });
        command.Options.Add(watch);
        command.Options.Add(json);
        command.Options.Add(ready);
        command.Options.Add(most);
        command.Validators.Add(parsed =>
        {
            if (parsed.GetValue(ready) && (parsed.GetValue(watch) || parsed.GetValue(json))) parsed.AddError("--ready shows nothing: leave --watch and --json out");
        });
        var config = new ConfigOptions(command, hasArgument: false);
        command.SetAction(async (parsed, stop) =>
        {
            if (config.Read(parsed, Console.Error) is not { } reading) return ExitCodes.Configuration;
            if (RelayPlanBuilder.Admin(reading.Config!, reading.Home) is not { } admin) return await FailAsync(AdminClient.NoAdmin, ExitCodes.Unavailable);
            using var client = new AdminClient(admin);
            // A live view that is killed leaves the terminal without its cursor.
            using var over = CancellationTokenSource.CreateLinkedTokenSource(stop);
            using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, signal =>
            {
                signal.Cancel = true;
                over.Cancel();
            });
            stop = over.Token;
            if (parsed.GetValue(ready)) return await ReadyAsync(client, stop);
            return (parsed.GetValue(watch), parsed.GetValue(json)) switch
            {
                (false, true) => await JsonAsync(client, stop),
                (false, false) => await ShowAsync(client, parsed.GetValue(most), stop),
                (true, true) => await JsonLinesAsync(client, stop),
                (true, false) => await WatchAsync(client, parsed.GetValue(most), stop),
            };
        });
        return command;
    }

    private static async Task<int> ReadyAsync(AdminClient client, CancellationToken stop)
    {
        var answer = await client.ReadyAsync(stop);
        return answer.Body is not null ? ExitCodes.Ok : await FailAsync(answer.Problem, answer.Exit);
    }

    private static async Task<int> JsonAsync(AdminClient client, CancellationToken stop)
    {
        var answer = await client.StatusAsync(stop);
        if (answer.Body is not { } json) return await FailAsync(answer.Problem, answer.Exit);
        await using var output = Console.OpenStandardOutput();
        await output.WriteAsync((byte[])[.. json, (byte)'\n'], stop);
        return ExitCodes.Ok;
    }

    private static async Task<int> JsonLinesAsync(AdminClient client, CancellationToken stop)
    {
        while (true)
        {
            if (await JsonAsync(client, stop) is var exit and not ExitCodes.Ok) return exit;
            if (!await PauseAsync(stop)) return ExitCodes.Ok;
        }
    }

    private static async Task<int> ShowAsync(AdminClient client, int most, CancellationToken stop)
    {
        var answer = await client.StatusAsync(stop);
        if (answer.Body is not { } json) return await FailAsync(answer.Problem, answer.Exit);
        var screen = Screen();
        screen.Write(StatusView.Of(Read(json), null, most, screen.Profile.Width));
        return ExitCodes.Ok;
    }

    private static async Task<int> WatchAsync(AdminClient client, int most, CancellationToken stop)
    {
        var answer = await client.StatusAsync(stop);
        if (answer.Body is null) return await FailAsync(answer.Problem, answer.Exit);
        var before = Read(answer.Body);
        var screen = Screen();
        await screen.Live(StatusView.Of(before, null, most, screen.Profile.Width)).Overflow(VerticalOverflow.Crop).StartAsync(async live =>
        {
            while (await PauseAsync(stop))
            {
                try
                {
                    answer = await client.StatusAsync(stop);
                }
                catch (OperationCanceledException) when (stop.IsCancellationRequested)
                {
                    break;
                }

                // A junction that is being restarted comes back.
                if (answer.Body is not { } json)
                {
                    live.UpdateTarget(new Rows(new Markup($"[red]{Markup.Escape(answer.Problem)}[/]")));
                    continue;
                }

                var status = Read(json);
                live.UpdateTarget(StatusView.Of(status, before.Process == status.Process ? before : null, most, screen.Profile.Width));
                before = status;
            }
        });
        return answer.Exit;
    }

    // A file or a pipe gets text as wide as it is, without colors.
    private static IAnsiConsole Screen()
    {
        if (!Console.IsOutputRedirected) return AnsiConsole.Console;
        var console = AnsiConsole.Create(new AnsiConsoleSettings { Ansi = AnsiSupport.No, ColorSystem = ColorSystemSupport.NoColors, Interactive = InteractionSupport.No });
        console.Profile.Width = 1000;
        return console;
    }

    private static StatusDocument Read(byte[] json) => JsonSerializer.Deserialize(json, StatusJson.Default.StatusDocument)!;

    private static async Task<int> FailAsync(string problem, int exit)
    {
        await Console.Error.WriteLineAsync($"junction status: {problem}");
        return exit;
    }

    // False when it is to stop.
    private static async Task<bool> PauseAsync(CancellationToken stop)
    {
        try
        {
            await Task.Delay(Interval, stop);
            return true;
        }
        catch (OperationCanceledException)
        {
            return false;
        }
    }
}
