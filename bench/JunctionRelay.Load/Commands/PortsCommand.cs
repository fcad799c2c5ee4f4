using System.CommandLine;
using System.Net;
using JunctionRelay.Load.Sockets;

namespace JunctionRelay.Load;

/// <summary><c>ports N</c>: N loopback ports that are free now, for scripts that write other programs' configuration.</summary>
internal static class PortsCommand
{
    public static Command Create()
    {
        var count = new Argument<int>("count") { Description = "how many (1-1000)" };
        count.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<int>() is < 1 or > 1000)
                result.AddError("count: 1 to 1000");
        });
        var command = new Command("ports", "Prints free loopback ports, one per line.") { count };
        command.SetAction(parsed =>
        {
            // All are held until all are known, so that none comes twice.
            var asked = new IPEndPoint(IPAddress.Loopback, 0);
            var files = Enumerable.Range(0, parsed.GetValue(count)).Select(_ => Tcp.Listen(asked)).ToList();
            foreach (var file in files)
                Console.WriteLine(Tcp.LocalEndPoint(file, asked).Port);
            files.ForEach(Tcp.Close);
        });
        return command;
    }
}
