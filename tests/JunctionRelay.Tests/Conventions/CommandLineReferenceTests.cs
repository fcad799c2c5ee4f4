using System.Text;
using System.Text.RegularExpressions;
using JunctionRelay.Tests.Configuration;
using JunctionRelay.Tests.Harness;

namespace JunctionRelay.Tests.Conventions;

/// <summary>docs/cli.md says what <c>--help</c> says. With UPDATE_DOCS=1 this test writes it.</summary>
public sealed partial class CommandLineReferenceTests
{
    private const string Begin = "<!-- help: made from the program; see the end of this file -->\n";
    private const string End = "<!-- end of help -->\n";

    [Fact]
    public async Task The_reference_equals_the_help_of_every_command()
    {
        var path = RepositoryFiles.Path("docs/cli.md");
        var found = await File.ReadAllTextAsync(path);
        var (begin, end) = (found.IndexOf(Begin, StringComparison.Ordinal), found.IndexOf(End, StringComparison.Ordinal));
        Assert.True(begin >= 0 && end > begin, "docs/cli.md has lost the markers around its text");

        var shouldBe = new StringBuilder(found[..(begin + Begin.Length)]);
        var commands = await AppendAsync(shouldBe, []);
        Assert.Contains("run", commands);
        foreach (var command in commands)
        {
            foreach (var below in await AppendAsync(shouldBe, [command])) await AppendAsync(shouldBe, [command, below]);
        }

        shouldBe.Append('\n').Append(found[end..]);

        if (Environment.GetEnvironmentVariable("UPDATE_DOCS") == "1")
            await File.WriteAllTextAsync(path, shouldBe.ToString());
        else
            Assert.Equal(shouldBe.ToString(), found);
    }

    // Returns the commands that the help lists below this one.
    private static async Task<IReadOnlyList<string>> AppendAsync(StringBuilder text, string[] command)
    {
        var help = string.Join('\n', (await HelpAsync(command)).Split('\n').Select(l => l.TrimEnd())).Trim();
        text.Append($"\n## {string.Join(' ', ["junction", .. command])}\n\n```text\n{help}\n```\n");
        var list = help.IndexOf("\nCommands:\n", StringComparison.Ordinal);
        return list < 0 ? [] : [.. ListedCommand().Matches(help[list..].Split("\n\n")[0]).Select(m => m.Groups["name"].Value)];
    }

    // The program itself, as a process: what people see, entry point and all.
    private static async Task<string> HelpAsync(string[] command)
    {
        var (exit, output, _) = await JunctionProgram.RunAsync(command.Append("--help"));
        Assert.Equal(0, exit);
        return output;
    }

    [GeneratedRegex("^  (?<name>[a-z][a-z-]*)\\b", RegexOptions.Multiline)]
    private static partial Regex ListedCommand();
}
