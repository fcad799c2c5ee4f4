using System.CommandLine;
using JunctionRelay.Load;

var root = new RootCommand("Loads a relay and measures what it costs. Two sides: `backend` behind the relay, `load` before it.")
{
    BackendCommand.Create(), LoadCommand.Create(), DelayCommand.Create(), PortsCommand.Create(),
};
try
{
    var parsed = root.Parse(args);
    if (parsed.Errors.Count == 0)
        return parsed.Invoke(new InvocationConfiguration { EnableDefaultExceptionHandler = false });
    foreach (var error in parsed.Errors)
        Console.Error.WriteLine(error.Message);
    Console.Error.WriteLine($"Usage: --help, or {parsed.CommandResult.Command.Name} --help.");
    return 2;
}
catch (LoadException exception)
{
    Console.Error.WriteLine(exception.Message);
    return 1;
}
