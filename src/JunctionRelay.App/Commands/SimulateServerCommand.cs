using System.CommandLine;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Threading.Channels;
using JunctionRelay.App.CommandLine;
using JunctionRelay.App.Demo;

namespace JunctionRelay.App.Commands;

/// <summary>
/// <c>junction simulate-server</c> (hidden): the simulated license server as a process of its own. Writes <see cref="SeatLines"/> to standard output and
/// reads orders from standard input, a line each: <c>counts</c>, <c>wait N SECONDS</c>, <c>restart-vendor [PORT] [reset]</c>,
/// <c>move-vendor [PORT]</c>, <c>master HOST</c>, <c>end SEAT fin|reset</c>, <c>stop</c>. The end of its input is no order; TERM stops it.
/// </summary>
internal static class SimulateServerCommand
{
    private static readonly Option<IPEndPoint> Listen = new("--listen")
    {
        Description = "Where lmgrd listens, ADDRESS:PORT; port 0 for any",
        DefaultValueFactory = _ => new IPEndPoint(IPAddress.Loopback, 0),
        CustomParser = result =>
        {
            if (IPEndPoint.TryParse(result.Tokens[0].Value, out var endPoint))
                return endPoint;
            result.AddError($"--listen {result.Tokens[0].Value}: not an ADDRESS:PORT such as 127.0.0.1:27000 or [::]:0.");
            return null;
        },
    };

    private static readonly Option<int> VendorPort = Number("--vendor-port", "The vendor daemon's port on the same address; 0 for any", 0, 0, ushort.MaxValue);

    private static readonly Option<int> Seats = Number("--seats", "How many seats there are", 10, 0, 1_000_000);

    private static readonly Option<string> HostName = new("--host-name")
    {
        Description = "The host that the redirect names",
        DefaultValueFactory = _ => "localhost",
    };

    private static readonly Option<string?> Master = new("--master") { Description = "The master that lmgrd names to clients that ask for no vendor; itself unless said" };

    private static readonly Option<string> Vendor = new("--vendor")
    {
        Description = "The vendor daemon's name",
        DefaultValueFactory = _ => "demod",
    };

    private static readonly Option<bool> Quiet = new("--quiet") { Description = "No line per seat; answers to orders only" };

    public static Command Create()
    {
        var command = new Command("simulate-server", "Run a simulated license server: lmgrd and a vendor daemon that counts seats") { Hidden = true };
        command.Options.Add(Listen);
        command.Options.Add(VendorPort);
        command.Options.Add(Seats);
        command.Options.Add(HostName);
        command.Options.Add(Vendor);
        command.Options.Add(Master);
        command.Options.Add(Quiet);
        command.SetAction(RunAsync);
        return command;
    }

    /// <summary>A whole number within bounds.</summary>
    internal static Option<int> Number(string name, string description, int normal, int least, int most)
    {
        var option = new Option<int>(name) { Description = description, DefaultValueFactory = _ => normal };
        option.Validators.Add(result =>
        {
            var value = result.GetValueOrDefault<int>();
            if (value < least || value > most)
                result.AddError(string.Create(CultureInfo.InvariantCulture, $"{name} {value}: between {least} and {most}, please."));
        });
        return option;
    }

    private static async Task<int> RunAsync(ParseResult arguments, CancellationToken cancellationToken)
    {
        using var stop = new StopRequest(cancellationToken);
        var lines = Channel.CreateUnbounded<string>(new UnboundedChannelOptions { SingleReader = true });
        var options = new SimulatedServerOptions
        {
            Listen = arguments.GetValue(Listen)!,
            VendorPort = arguments.GetValue(VendorPort),
            Seats = arguments.GetValue(Seats),
            HostName = arguments.GetValue(HostName)!,
            Vendor = arguments.GetValue(Vendor)!,
            Master = arguments.GetValue(Master),
            SeatChanged = arguments.GetValue(Quiet) ? null : change => lines.Writer.TryWrite(SeatLines.Change(change)),
        };

        try
        {
            await using var server = new SimulatedLicenseServer(options);
            lines.Writer.TryWrite(SeatLines.Listening(server));
            var writing = WriteAsync(lines.Reader);
            // Its reads cannot be cancelled: the process ends without it.
            _ = ObeyAsync(server, lines.Writer, stop);
            await Task.Delay(Timeout.Infinite, stop.Token).ContinueWith(_ => { }, TaskScheduler.Default);
            await server.DisposeAsync();
            lines.Writer.TryWrite(SeatLines.Counts(server));
            lines.Writer.Complete();
            await writing;
            return ExitCodes.Ok;
        }
        catch (SocketException e)
        {
            await Console.Error.WriteLineAsync($"junction simulate-server: cannot listen on {options.Listen} or its vendor port {options.VendorPort}: {e.Message}");
            return ExitCodes.Unavailable;
        }
    }

    private static async Task ObeyAsync(SimulatedLicenseServer server, ChannelWriter<string> lines, StopRequest stop)
    {
        using var orders = new StreamReader(Console.OpenStandardInput());
        while (await orders.ReadLineAsync(stop.Token) is { } order)
        {
            try
            {
                switch (order.Split(' ', StringSplitOptions.RemoveEmptyEntries))
                {
                    case []:
                        break;
                    case ["counts"]:
                        lines.TryWrite(SeatLines.Counts(server));
                        break;
                    case ["wait", var held, var seconds]:
                        var deadline = TimeSpan.FromSeconds(double.Parse(seconds, CultureInfo.InvariantCulture));
                        lines.TryWrite(SeatLines.Counts(server, await server.WaitForSeatsAsync(int.Parse(held, CultureInfo.InvariantCulture), deadline)));
                        break;
                    case ["restart-vendor", .. var rest]:
                        var port = rest.Length > 0 && rest[0] != "reset" ? int.Parse(rest[0], CultureInfo.InvariantCulture) : 0;
                        await server.Daemon.RestartAsync(port, rest.Contains("reset"));
                        lines.TryWrite(SeatLines.Listening(server));
                        break;
                    case ["move-vendor", .. var rest]:
                        await server.Daemon.MoveAsync(rest.Length > 0 ? int.Parse(rest[0], CultureInfo.InvariantCulture) : 0);
                        lines.TryWrite(SeatLines.Listening(server));
                        break;
                    case ["master", var master]:
                        server.Master = master;
                        lines.TryWrite(SeatLines.Listening(server));
                        break;
                    case ["end", var seat, "fin" or "reset"] words:
                        if (!await server.Daemon.EndSeatAsync(long.Parse(seat, CultureInfo.InvariantCulture), reset: words[2] == "reset"))
                            lines.TryWrite(SeatLines.Error($"seat {seat} is not held"));
                        break;
                    case ["stop"]:
                        stop.Request();
                        return;
                    default:
                        lines.TryWrite(SeatLines.Error($"unknown order: {order}"));
                        break;
                }
            }
            catch (Exception e) when (e is FormatException or OverflowException or SocketException or ArgumentOutOfRangeException)
            {
                lines.TryWrite(SeatLines.Error($"{order}: {e.Message}"));
            }
        }
    }

    private static async Task WriteAsync(ChannelReader<string> lines)
    {
        await using var output = new StreamWriter(Console.OpenStandardOutput()) { NewLine = "\n" };
        try
        {
            while (await lines.WaitToReadAsync())
            {
                while (lines.TryRead(out var line))
                    await output.WriteLineAsync(line);
                await output.FlushAsync();
            }
        }
        catch (IOException)
        {
            // Nobody listens any more; the server serves on.
        }
    }
}
