using System.CommandLine;
using System.Globalization;
using System.Net;
using JunctionRelay.App.CommandLine;
using JunctionRelay.App.Hosting;
using JunctionRelay.Configuration;
using JunctionRelay.Connections;
using JunctionRelay.Links;
using Microsoft.Extensions.Logging;

namespace JunctionRelay.App.Commands;

/// <summary>
/// <c>junction ping</c>: round trips over a link of the configuration, on a session of its own that a running junction of the same configuration does not
/// notice; or to a TCP port.
/// </summary>
internal static class PingCommand
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);

    public static Command Create()
    {
        var command = HelpExamples.Add(
            new Command("ping", "Measure round trips over a link, or to a TCP port (exit code 69 when there is no way)"),
            """
            junction ping hq                    over the link "hq" of ./junction.json
            junction ping hq -c cloud.json      … of another configuration
            junction ping lic1.corp:27000       TCP connects to a license server's port; needs no configuration
            """);
        var where = new Argument<string>("LINK|HOST:PORT") { Description = "A link that the configuration dials, or a TCP port" };
        var count = new Option<int>("--count", "-n") { Description = "How many round trips", DefaultValueFactory = _ => 4, HelpName = "N" };
        count.Validators.Add(n =>
        {
            if (n.Tokens.Count > 0 && (!int.TryParse(n.Tokens[0].Value, CultureInfo.InvariantCulture, out var value) || value < 1))
                n.AddError($"--count {n.Tokens[0].Value}: write a number from 1 up");
        });
        command.Arguments.Add(where);
        command.Options.Add(count);
        var config = new ConfigOptions(command, hasArgument: false);
        command.SetAction((parsed, stop) =>
        {
            var name = parsed.GetRequiredValue(where);
            var pings = parsed.GetValue(count);
            if (TargetAddress.Read(name, out _) is { IsTls: false, Service: null, UnixPath: null } address)
                return PingPortAsync(address, pings, stop);
            OpenSslFloor.Demand();
            return config.Read(parsed, Console.Error) is { } reading ? PingLinkAsync(name, reading, pings, stop) : Task.FromResult(ExitCodes.Configuration);
        });
        return command;
    }

    private static async Task<int> PingPortAsync(TargetAddress address, int count, CancellationToken stop)
    {
        EndPoint port = AddressText.Ip(address.Host) is { } ip ? new IPEndPoint(ip, address.Ports.First) : new DnsEndPoint(address.Host, address.Ports.First);
        var dialer = new SocketDialer(SocketSettings.Default);
        var times = new List<TimeSpan>();
        for (var i = 0; i < count; i++)
        {
            if (i > 0) await Task.Delay(Pause, stop);
            var started = TimeProvider.System.GetTimestamp();
            var outcome = await dialer.DialAsync(port, Limit, stop);
            var time = TimeProvider.System.GetElapsedTime(started);
            if (outcome.Connection is not { } connection)
            {
                Console.WriteLine($"{outcome.Reason.Name()}: {outcome.Detail}");
                continue;
            }

            times.Add(time);
            Console.WriteLine($"connected to {SocketDialer.Text(connection.RemoteEndPoint!)} in {Milliseconds(time)}");
            await connection.CompleteOutputAsync();
            await connection.DisposeAsync();
        }

        return Summarize(times, count);
    }

    private static async Task<int> PingLinkAsync(string name, ConfigReading reading, int count, CancellationToken stop)
    {
        var log = new LastWarning();
        // An instance of its own: the running junction's sessions are not taken for the ghosts of this process.
        var plan = RelayPlanBuilder.Build(reading.Config!, reading.Home, TimeProvider.System, Guid.NewGuid().ToString(), log).Links;
        if (plan?.Dial.FirstOrDefault(l => l.Name == name) is not { } link)
        {
            var known = string.Join(", ", (plan?.Dial ?? []).Select(l => l.Name));
            await Console.Error.WriteLineAsync($"junction ping: \"{name}\" is no link that this configuration dials ({(known.Length > 0 ? $"it dials {known}" : "it dials none")}), and no HOST:PORT");
            return ExitCodes.Usage;
        }

        var dialler = new LinkDialer(link.Name, link.Peer, plan.Options with { Resume = TimeSpan.Zero }, plan.Directory, listener: null, link.Connectors);
        using var over = CancellationTokenSource.CreateLinkedTokenSource(stop);
        var dialling = dialler.RunAsync(over.Token);
        try
        {
            if (await UpAsync(plan.Directory, link.Peer, stop) is not { } session)
            {
                Console.WriteLine($"the link {name} does not come up: {log.Text ?? "nothing answers"}");
                return ExitCodes.Unavailable;
            }

            return await PingSessionAsync(session, link.Peer, count, stop);
        }
        finally
        {
            await over.CancelAsync();
            await dialling;
        }
    }

    private static async Task<int> PingSessionAsync(LinkSession session, string peer, int count, CancellationToken stop)
    {
        var times = new List<TimeSpan>();
        for (var i = 0; i < count; i++)
        {
            if (i > 0) await Task.Delay(Pause, stop);
            using var limit = CancellationTokenSource.CreateLinkedTokenSource(stop);
            limit.CancelAfter(Limit);
            try
            {
                times.Add(await session.PingAsync(limit.Token));
                Console.WriteLine($"{peer} at {SocketDialer.Text(session.RemoteEndPoint!)} answered in {Milliseconds(times[^1])}");
            }
            catch (OperationCanceledException) when (!stop.IsCancellationRequested)
            {
                Console.WriteLine($"{peer} did not answer within {Limit.TotalSeconds:0} s");
            }
        }

        return Summarize(times, count);
    }

    // The first session of the link; null when there is none within the limit.
    private static async Task<LinkSession?> UpAsync(LinkDirectory directory, string peer, CancellationToken stop)
    {
        for (var started = TimeProvider.System.GetTimestamp(); TimeProvider.System.GetElapsedTime(started) < Limit; await Task.Delay(5, stop))
        {
            if (directory.Find(peer).FirstOrDefault(s => s.IsUp) is { } session) return session;
        }

        return null;
    }

    private static int Summarize(List<TimeSpan> times, int count)
    {
        if (times.Count == 0) return ExitCodes.Unavailable;
        var average = TimeSpan.FromTicks((long)times.Average(t => t.Ticks));
        Console.WriteLine($"{times.Count} of {count} answered: least {Milliseconds(times.Min())}, average {Milliseconds(average)}, most {Milliseconds(times.Max())}");
        return times.Count == count ? ExitCodes.Ok : ExitCodes.Failed;
    }

    private static string Milliseconds(TimeSpan time) => string.Create(CultureInfo.InvariantCulture, $"{time.TotalMilliseconds:0.0} ms");

    /// <summary>What the link complained of last.</summary>
    private sealed class LastWarning : ILogger
    {
        private volatile string? _text;

        public string? Text => _text;

        public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Warning;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (IsEnabled(logLevel)) _text = formatter(state, exception);
        }
    }
}
