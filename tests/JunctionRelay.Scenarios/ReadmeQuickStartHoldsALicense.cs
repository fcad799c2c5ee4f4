using System.Diagnostics;
using System.Text.RegularExpressions;

namespace JunctionRelay.Scenarios;

/// <summary>The two-host quick start of the README, its commands run as they stand there, shows what the README says that it shows.</summary>
public sealed partial class ReadmeQuickStartHoldsALicense
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(2);

    private static readonly string Section = ReadSection();

    [Fact]
    public async Task The_commands_of_the_quick_start_print_what_the_readme_says()
    {
        var binary = Environment.GetEnvironmentVariable("JUNCTION_BINARY");
        Assert.True(File.Exists(binary), $"JUNCTION_BINARY is '{binary}', which is no file: it names the published program (bash tests/run.sh sets it)");
        var folder = Directory.CreateTempSubdirectory("junction-quickstart-");
        try
        {
            var (exit, output, error) = await BashAsync(Commands(), folder.FullName, Path.GetDirectoryName(binary)!);
            Assert.True(exit == 0, $"the quick start ended with {exit}\n{output}\n{error}");

            var told = Transcript();
            Assert.Contains("held\nreturned\nheld\n", told, StringComparison.Ordinal);
            // The seats: word for word. The log: all but times, ports and bytes.
            var seats = told[..FirstTime().Match(told).Index];
            Assert.True(output.Contains(seats, StringComparison.Ordinal), $"{seats}\nis not in\n{output}\n{error}");
            Assert.Equal(Ends(told), Ends(output));
            Assert.NotEmpty(Ends(told));
            // The cut was a cut, and the link came back after it.
            const string resumed = "link with cloud goes on where it stopped";
            Assert.Contains(resumed, told, StringComparison.Ordinal);
            Assert.Contains(resumed, output, StringComparison.Ordinal);
        }
        finally
        {
            await BashAsync("for h in cloud enterprise; do ip netns pids $h | xargs -r kill -9; ip netns del $h; done", folder.FullName, "");
            folder.Delete(recursive: true);
        }
    }

    // lmgrd and its client both hang up after the redirect: who is first is chance.
    private static IEnumerable<string> Ends(string text) => EndLine().Matches(text).Select(m =>
        $"{m.Groups["relay"]} {m.Groups["peer"]} {m.Groups["target"]} {(m.Groups["relay"].Value == "service/lmgrd" ? m.Groups["reason"].Value.Split('-')[1] : m.Groups["reason"].Value)}");

    // Everything in the section but the build, which is done.
    private static string Commands() =>
        string.Concat(Block().Matches(Section).Where(b => b.Groups["kind"].Value == "bash").Select(b => b.Groups["text"].Value))
            .Replace("dotnet publish src/JunctionRelay.App -c Release -o out\n", "", StringComparison.Ordinal);

    private static string Transcript() => Assert.Single(Block().Matches(Section), b => b.Groups["kind"].Value.Length == 0).Groups["text"].Value;

    private static string ReadSection()
    {
        var directory = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(directory, "JunctionRelay.sln"))) directory = Path.GetDirectoryName(directory)!;
        var text = File.ReadAllText(Path.Combine(directory, "README.md"));
        var start = text.IndexOf("\n## Two hosts in five minutes\n", StringComparison.Ordinal);
        Assert.True(start >= 0, "README.md has lost its quick start");
        return text[start..text.IndexOf("\n## ", start + 1, StringComparison.Ordinal)];
    }

    private static async Task<(int Exit, string Output, string Error)> BashAsync(string commands, string directory, string path)
    {
        var start = new ProcessStartInfo("bash")
        {
            ArgumentList = { "-s" },
            WorkingDirectory = directory,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment["PATH"] = $"{path}:{start.Environment["PATH"]}";
        // JUNCTION_… steers this run, and to a junction it would be configuration (a reader of the README has none).
        foreach (var name in start.Environment.Keys.Where(n => n.StartsWith("JUNCTION_", StringComparison.Ordinal)).ToArray()) start.Environment.Remove(name);
        using var bash = Process.Start(start)!;
        var (output, error) = (bash.StandardOutput.ReadToEndAsync(), bash.StandardError.ReadToEndAsync());
        await bash.StandardInput.WriteAsync(commands);
        bash.StandardInput.Close();
        try
        {
            await bash.WaitForExitAsync().WaitAsync(Limit);
            return (bash.ExitCode, await output.WaitAsync(Limit), await error.WaitAsync(Limit));
        }
        finally
        {
            if (!bash.HasExited) bash.Kill(entireProcessTree: true);
        }
    }

    [GeneratedRegex(@"\n\d\d:\d\d:")]
    private static partial Regex FirstTime();

    [GeneratedRegex("^```(?<kind>[a-z]*)\n(?<text>.*?)^```", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex Block();

    [GeneratedRegex(@" end \S+ relay=(?<relay>\S+) client=\S+ peer=(?<peer>\S+) target=(?<target>\S+) .*reason=(?<reason>\S+)")]
    private static partial Regex EndLine();
}
