using System.Text.RegularExpressions;
using JunctionRelay.Scenarios.Harness;

namespace JunctionRelay.Scenarios;

/// <summary>The two-host quick start of the README, its commands run as they stand there, shows what the README says that it shows.</summary>
public sealed partial class ReadmeQuickStartHoldsALicense
{
    private static readonly DocumentedSection Section = DocumentedSection.Read("README.md", "## Two hosts in five minutes");

    [Fact]
    public async Task The_commands_of_the_quick_start_print_what_the_readme_says()
    {
        var folder = Directory.CreateTempSubdirectory("junction-quickstart-");
        try
        {
            var (exit, output, error) = await DocumentedSection.BashAsync(Commands(), folder.FullName);
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
            await DocumentedSection.BashAsync("for h in cloud enterprise; do ip netns pids $h | xargs -r kill -9; ip netns del $h; done", folder.FullName);
            folder.Delete(recursive: true);
        }
    }

    // lmgrd and its client both hang up after the redirect: who is first is chance.
    private static IEnumerable<string> Ends(string text) => EndLine().Matches(text).Select(m =>
        $"{m.Groups["relay"]} {m.Groups["peer"]} {m.Groups["target"]} {(m.Groups["relay"].Value == "service/lmgrd" ? m.Groups["reason"].Value.Split('-')[1] : m.Groups["reason"].Value)}");

    // Everything in the section but the build, which is done.
    private static string Commands() => Section.Commands.Replace("dotnet publish src/JunctionRelay.App -c Release -o out\n", "", StringComparison.Ordinal);

    private static string Transcript() => Assert.Single(Section.Blocks(""));

    [GeneratedRegex(@"\n\d\d:\d\d:")]
    private static partial Regex FirstTime();

    [GeneratedRegex(@" end \S+ relay=(?<relay>\S+) client=\S+ peer=(?<peer>\S+) target=(?<target>\S+) .*reason=(?<reason>\S+)")]
    private static partial Regex EndLine();
}
