using System.CommandLine;
using System.Globalization;
using System.Net;
using System.Text;
using JunctionRelay.App.CommandLine;
using JunctionRelay.App.Demo;
using JunctionRelay.App.Hosting;
using JunctionRelay.Licensing;

namespace JunctionRelay.App.Commands;

/// <summary>
/// <c>junction simulate-client</c> (hidden): does one checkout, or <c>--count</c> of them, against a simulated license server. Prints <c>held</c> when all
/// seats are held; with <c>--hold</c> keeps them until its standard input ends or TERM arrives, then returns them (FIN) and prints
/// <c>returned</c>. A seat that is lost meanwhile prints <c>lost</c> at once and ends in failure. SIGKILL is for the kernel to clean up.
/// </summary>
internal static class SimulateClientCommand
{
    // So many checkouts under way at once: enough to be a burst, few enough for one process on a small machine.
    private const int Burst = 64;

    private const string DefaultVendor = "demod";

    private static readonly Option<DnsEndPoint> Server = new("--server") { Description = "lmgrd, HOST:PORT", CustomParser = ParseEndPoint };

    private static readonly Option<string> Triad = new("--triad") { Description = "Three servers that stand in for each other, as in a license variable: 27000@a,27000@b,27000@c" };

    private static readonly Option<string> VendorHost = new("--vendor-host") { Description = "Dialled in place of the host that the redirect names" };

    private static readonly Option<int> VendorPort = SimulateServerCommand.Number(
        "--vendor-port", "Dialled in place of the redirect's port; 0 for the redirect's", 0, 0, ushort.MaxValue);

    private static readonly Option<bool> Hold = new("--hold") { Description = "Hold the seats until standard input ends or TERM" };

    private static readonly Option<int> Count = SimulateServerCommand.Number("--count", "How many seats to hold", 1, 1, 100_000);

    private static readonly Option<string> User = Text("--user", "The user of the hello", WireHello.MostInUser, () => OwnUser.Name);

    private static readonly Option<string> Host = Text("--host", "The client host of the hello", WireHello.MostInHost, () => Environment.MachineName);

    private static readonly Option<string> Vendor = Text("--vendor", "The vendor daemon's name", WireHello.MostInVendor, () => DefaultVendor);

    private static readonly Option<double> Heartbeat = new("--heartbeat")
    {
        Description = "Seconds between heartbeats; 0 for none",
        DefaultValueFactory = _ => 120,
    };

    private static readonly Option<double> Limit = new("--limit") { Description = "Seconds that each step may take", DefaultValueFactory = _ => 30 };

    private static readonly Option<int> PieceBytes = SimulateServerCommand.Number(
        "--piece-bytes", "Send and receive in pieces of at most so many bytes", int.MaxValue, 1, int.MaxValue);

    private static readonly Option<bool> Verbose = new("--verbose") { Description = "Say each step on standard error" };

    public static Command Create()
    {
        var command = new Command("simulate-client", "Check seats out of a simulated license server") { Hidden = true };
        Option[] options = [Server, Triad, VendorHost, VendorPort, Hold, Count, User, Host, Vendor, Heartbeat, Limit, PieceBytes, Verbose];
        foreach (var option in options)
            command.Options.Add(option);
        command.Validators.Add(said =>
        {
            if (said.GetResult(Server) is not null && said.GetResult(Triad) is not null) said.AddError("--server and --triad: one of them, please.");
            // What is not said has its default only after this.
            else if (said.GetResult(Server) is null && Servers(said.GetValue(Triad), said.GetValue(Vendor) ?? DefaultVendor) is null)
                said.AddError("Say --server HOST:PORT, or --triad 27000@a,27000@b,27000@c, or set the license variable to one of these.");
        });
        command.SetAction(RunAsync);
        return command;
    }

    private static async Task<int> RunAsync(ParseResult arguments, CancellationToken cancellationToken)
    {
        using var stop = new StopRequest(cancellationToken);
        var seats = new List<SimulatedSeat>();
        try
        {
            if (await CheckOutAllAsync(arguments, seats, stop.Token) is { } failure)
            {
                await Console.Error.WriteLineAsync(
                    string.Create(CultureInfo.InvariantCulture, $"junction simulate-client: {failure.Message} ({failure.FlexLmError})"));
                return failure.Step is CheckoutStep.DialServer or CheckoutStep.DialVendor ? ExitCodes.Unavailable : ExitCodes.Failed;
            }

            await Console.Out.WriteLineAsync("held");
            if (arguments.GetValue(Hold) && await LostAsync(seats, stop) is { } lost)
            {
                await Console.Out.WriteLineAsync($"lost {SeatLines.Name(await lost.Ended)}");
                return ExitCodes.Failed;
            }

            var ends = await Task.WhenAll(seats.Select(seat => seat.ReturnAsync()));
            if (ends.Any(end => end != ConversationEnd.Fin))
            {
                await Console.Out.WriteLineAsync($"lost {SeatLines.Name(ends.First(end => end != ConversationEnd.Fin))}");
                return ExitCodes.Failed;
            }

            await Console.Out.WriteLineAsync("returned");
            return ExitCodes.Ok;
        }
        catch (OperationCanceledException)
        {
            await Console.Error.WriteLineAsync("junction simulate-client: stopped before the seats were held");
            return ExitCodes.Failed;
        }
        finally
        {
            await Task.WhenAll(seats.Select(seat => seat.DisposeAsync().AsTask()));
        }
    }

    // Fills the list; the first failure ends the burst and is returned.
    private static async Task<CheckoutFailure?> CheckOutAllAsync(ParseResult arguments, List<SimulatedSeat> seats, CancellationToken stop)
    {
        using var turn = new SemaphoreSlim(Burst);
        CheckoutFailure? first = null;

        async Task CheckOutOneAsync(int number)
        {
            await turn.WaitAsync(stop);
            try
            {
                if (first is not null)
                    return;
                var options = Options(arguments, number);
                var servers = arguments.GetValue(Server) is null ? Servers(arguments.GetValue(Triad), arguments.GetValue(Vendor)!)! : [options.Server];
                var result = servers.Count > 1
                    ? await SimulatedLicenseClient.CheckOutAsync(options, servers, stop)
                    : await SimulatedLicenseClient.CheckOutAsync(options with { Server = servers[0] }, stop);
                lock (seats)
                {
                    first ??= result.Failure;
                    if (result.Seat is { } seat)
                        seats.Add(seat);
                }
            }
            finally
            {
                turn.Release();
            }
        }

        await Task.WhenAll(Enumerable.Range(0, arguments.GetValue(Count)).Select(CheckOutOneAsync));
        return first;
    }

    private static SimulatedClientOptions Options(ParseResult arguments, int number)
    {
        var heartbeat = arguments.GetValue(Heartbeat);
        return new SimulatedClientOptions
        {
            Server = arguments.GetValue(Server) ?? new DnsEndPoint("localhost", LicenseSource.DefaultPort(LicenseKind.FlexNet)),
            VendorHost = arguments.GetValue(VendorHost),
            VendorPort = arguments.GetValue(VendorPort) is > 0 and var port ? port : null,
            Hello = new WireHello
            {
                User = arguments.GetValue(User)!,
                Host = arguments.GetValue(Host)!,
                Vendor = arguments.GetValue(Vendor)!,
                Display = string.Create(CultureInfo.InvariantCulture, $"/dev/pts/{number}"),
                ProcessId = Environment.ProcessId.ToString(CultureInfo.InvariantCulture),
            },
            HeartbeatEvery = heartbeat > 0 ? TimeSpan.FromSeconds(heartbeat) : null,
            StepLimit = TimeSpan.FromSeconds(arguments.GetValue(Limit)),
            PieceBytes = arguments.GetValue(PieceBytes),
            StepDone = arguments.GetValue(Verbose) ? (step, what) => Console.Error.WriteLine($"{step}: {what}") : null,
        };
    }

    // A server or a triad: as said, else as licensed programs find it, by the variable of their vendor daemon or the one for all.
    private static List<DnsEndPoint>? Servers(string? triad, string vendor) =>
        LicenseSource.FromVariable(triad ?? Environment.GetEnvironmentVariable($"{vendor.ToUpperInvariant()}_LICENSE_FILE") ?? Environment.GetEnvironmentVariable("LM_LICENSE_FILE") ?? "")?
            .Servers.Select(s => new DnsEndPoint(s.Host, s.Port)).ToList();

    // Waits until the user wants the seats back (null), or one of them is gone.
    private static async Task<SimulatedSeat?> LostAsync(List<SimulatedSeat> seats, StopRequest stop)
    {
        _ = StopWhenInputEndsAsync(stop);
        var stopped = Task.Delay(Timeout.Infinite, stop.Token);
        var first = await Task.WhenAny([stopped, .. seats.Select(seat => seat.Ended)]);
        return first == stopped ? null : seats.First(seat => seat.Ended.IsCompleted);
    }

    private static async Task StopWhenInputEndsAsync(StopRequest stop)
    {
        // A blocking read underneath: it keeps one thread busy and the process does not wait for it.
        await Console.OpenStandardInput().CopyToAsync(Stream.Null);
        stop.Request();
    }

    private static Option<string> Text(string name, string description, int maxBytes, Func<string> normal)
    {
        // What the machine says about itself may be too long; what the user says must not be cut in silence.
        var option = new Option<string>(name)
        {
            Description = description,
            DefaultValueFactory = _ => string.Concat(normal().Where(char.IsAscii).Take(maxBytes)),
        };
        option.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<string>() is { } value && Encoding.UTF8.GetByteCount(value) > maxBytes)
                result.AddError($"{name} {value}: at most {maxBytes} bytes fit a FlexNet hello.");
        });
        return option;
    }

    private static DnsEndPoint? ParseEndPoint(System.CommandLine.Parsing.ArgumentResult result)
    {
        var text = result.Tokens[0].Value;
        var colon = text.LastIndexOf(':');
        var host = colon < 0 ? "" : text[..colon].Trim('[', ']');
        if (host.Length > 0 && ushort.TryParse(text.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var port) && port > 0)
            return new DnsEndPoint(host, port);
        result.AddError($"--server {text}: not a HOST:PORT such as lic.corp:27000 or [fd00::1]:27000.");
        return null;
    }
}
