using System.Diagnostics;
using System.Text.RegularExpressions;

namespace JunctionRelay.Scenarios.Harness;

/// <summary>A section of a document of the repository, whose commands are run as they stand there.</summary>
internal sealed partial class DocumentedSection
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(2);

    private DocumentedSection(string text) => Text = text;

    /// <summary>All of it.</summary>
    public string Text { get; }

    /// <summary>Its commands, all blocks in one.</summary>
    public string Commands => string.Concat(Blocks("bash"));

    /// <summary>What stands in its blocks of one kind; of none: what a terminal shows.</summary>
    public IEnumerable<string> Blocks(string kind) => Block().Matches(Text).Where(b => b.Groups["kind"].Value == kind).Select(b => b.Groups["text"].Value);

    /// <summary>Reads a section by its heading, e.g. <c>## Two hosts</c>, up to the next of the same rank.</summary>
    public static DocumentedSection Read(string file, string heading)
    {
        var directory = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(directory, "JunctionRelay.sln"))) directory = Path.GetDirectoryName(directory)!;
        var text = File.ReadAllText(Path.Combine(directory, file));
        var start = text.IndexOf($"\n{heading}\n", StringComparison.Ordinal);
        Assert.True(start >= 0, $"{file} has lost its section '{heading}'");
        var end = text.IndexOf($"\n{heading.Split(' ')[0]} ", start + 1, StringComparison.Ordinal);
        return new DocumentedSection(end < 0 ? text[start..] : text[start..end]);
    }

    /// <summary>Runs commands in a folder, with <c>junction</c> found as on the machine of somebody who follows the document.</summary>
    public static async Task<ProgramResult> BashAsync(string commands, string folder)
    {
        var start = new ProcessStartInfo("bash")
        {
            ArgumentList = { "-s" },
            WorkingDirectory = folder,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment["PATH"] = $"{Path.GetDirectoryName(JunctionProcess.Binary())}:{start.Environment["PATH"]}";
        // JUNCTION_… steers this run, and to a junction it would be configuration (a reader of the document has none).
        foreach (var name in start.Environment.Keys.Where(n => n.StartsWith("JUNCTION_", StringComparison.Ordinal)).ToArray()) start.Environment.Remove(name);
        using var bash = Process.Start(start)!;
        var (output, error) = (bash.StandardOutput.ReadToEndAsync(), bash.StandardError.ReadToEndAsync());
        await bash.StandardInput.WriteAsync(commands);
        bash.StandardInput.Close();
        try
        {
            await bash.WaitForExitAsync().WaitAsync(Limit);
            return new ProgramResult(bash.ExitCode, await output.WaitAsync(Limit), await error.WaitAsync(Limit));
        }
        finally
        {
            if (!bash.HasExited) bash.Kill(entireProcessTree: true);
        }
    }

    [GeneratedRegex("^```(?<kind>[a-z]*)\n(?<text>.*?)^```", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex Block();
}
