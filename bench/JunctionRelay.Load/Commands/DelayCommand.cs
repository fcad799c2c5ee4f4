using System.CommandLine;
using System.Net;

namespace JunctionRelay.Load;

/// <summary><c>delay</c>: a WAN's round trip between two ends on one machine, until it is killed.</summary>
internal static class DelayCommand
{
    public static Command Create()
    {
        var listen = new Option<IPEndPoint>("--listen") { Description = "HOST:PORT to accept on", Required = true, CustomParser = Arguments.EndPoint };
        var to = new Option<IPEndPoint>("--to") { Description = "HOST:PORT to connect to", Required = true, CustomParser = Arguments.EndPoint };
        var roundTrip = new Option<TimeSpan>("--round-trip")
        {
            Description = "the round-trip time",
            DefaultValueFactory = _ => TimeSpan.FromMilliseconds(50),
            CustomParser = Arguments.Duration,
        };
        var command = new Command("delay", "A TCP proxy that holds bytes back as a WAN would (no netem, no root needed).") { listen, to, roundTrip };
        command.SetAction(parsed =>
        {
            using var proxy = new DelayProxy(parsed.GetRequiredValue(to), parsed.GetValue(roundTrip));
            Console.WriteLine($"listening on {proxy.Listen(parsed.GetRequiredValue(listen))}");
            proxy.Run();
        });
        return command;
    }
}
