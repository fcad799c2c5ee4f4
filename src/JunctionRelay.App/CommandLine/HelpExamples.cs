using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;

namespace JunctionRelay.App.CommandLine;

/// <summary>Examples below a command's <c>--help</c>: what people read first.</summary>
internal sealed class HelpExamples : SynchronousCommandLineAction
{
    private static readonly Dictionary<Command, string> Examples = [];

    private readonly HelpAction _help;

    private HelpExamples(HelpAction help) => _help = help;

    /// <summary>Gives a command its examples: one per line, the command first, then what it is for.</summary>
    public static Command Add(Command command, string examples)
    {
        Examples[command] = examples;
        return command;
    }

    /// <summary>Makes <c>--help</c> of all commands show them.</summary>
    public static void Install(RootCommand root)
    {
        foreach (var option in root.Options.OfType<HelpOption>()) option.Action = new HelpExamples((HelpAction)option.Action!);
    }

    public override int Invoke(ParseResult parseResult)
    {
        var exit = _help.Invoke(parseResult);
        if (!Examples.TryGetValue(parseResult.CommandResult.Command, out var examples)) return exit;
        var output = parseResult.InvocationConfiguration.Output;
        output.WriteLine("Examples:");
        foreach (var line in examples.Split('\n')) output.WriteLine($"  {line.TrimEnd('\r')}");
        output.WriteLine();
        return exit;
    }
}
