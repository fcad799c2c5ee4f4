using System.CommandLine;
using System.Net;

namespace JunctionRelay.Load;

/// <summary><c>backend</c>: the far end, until it is killed.</summary>
internal static class BackendCommand
{
    public static Command Create()
    {
        var listen = new Option<IPEndPoint[]>("--listen")
        {
            Description = "HOST:PORT to serve (port 0 = a free one); may be repeated",
            Required = true,
            CustomParser = Arguments.EndPoints,
        };
        var command = new Command("backend", "The far end of a relay: echoes, takes and gives patterned bytes as `load` asks.") { listen };
        command.SetAction(parsed =>
        {
            using var backend = new Backend();
            foreach (var at in parsed.GetRequiredValue(listen))
                Console.WriteLine($"listening on {backend.Listen(at)}");
            backend.Run();
        });
        return command;
    }
}
