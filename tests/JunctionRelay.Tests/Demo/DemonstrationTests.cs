using System.Text.RegularExpressions;
using JunctionRelay.App.Demo;

namespace JunctionRelay.Tests.Demo;

public sealed partial class DemonstrationTests
{
    [Fact]
    public async Task Seats_equal_jobs_at_every_step_of_the_demonstration()
    {
        using var output = new StringWriter();

        Assert.True(await Demonstration.RunAsync(new DemoPage(output, colors: false), TimeProvider.System), output.ToString());

        var text = output.ToString();
        Assert.Equal(
            ["1", "3", "3", "2", "1", "0"],
            SeatsEqualJobs().Matches(text).Select(m => m.Groups["held"].Value));
        Assert.All(SeatsEqualJobs().Matches(text), m => Assert.All(m.Groups.Values.Skip(1), g => Assert.Equal(m.Groups["held"].Value, g.Value)));
        Assert.Contains("logged client-reset and client-reset", text, StringComparison.Ordinal);
        Assert.Contains("logged client-closed and client-closed", text, StringComparison.Ordinal);
        Assert.Contains("resumed 1 time; no seat was returned", text, StringComparison.Ordinal);
        Assert.Contains("the certificate says cloud.demo", text, StringComparison.Ordinal);
        Assert.DoesNotContain("NO  ", text, StringComparison.Ordinal);
        Assert.DoesNotContain('\e', text);
    }

    [Fact]
    public async Task A_demonstration_whose_junctions_do_not_trust_each_other_fails_and_says_why()
    {
        using var output = new StringWriter();

        // The certificates of a clock that stands in the past have long expired.
        Assert.False(await Demonstration.RunAsync(new DemoPage(output, colors: false), new PastTime()), output.ToString());

        Assert.Contains("NO  the link does not come up; cloud junction says: ", output.ToString(), StringComparison.Ordinal);
        Assert.Contains("renew it, or set the clock", output.ToString(), StringComparison.Ordinal);
        Assert.Contains("FAILED", output.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void Colours_are_for_people_who_want_them()
    {
        Assert.True(DemoPage.WantsColors(redirected: false, noColor: null, terminal: "xterm"));
        Assert.True(DemoPage.WantsColors(redirected: false, noColor: "", terminal: null));
        Assert.False(DemoPage.WantsColors(redirected: true, noColor: null, terminal: "xterm"));
        Assert.False(DemoPage.WantsColors(redirected: false, noColor: "1", terminal: "xterm"));
        Assert.False(DemoPage.WantsColors(redirected: false, noColor: null, terminal: "dumb"));

        using var output = new StringWriter();
        new DemoPage(output, colors: true).Proof(true, "it holds");
        Assert.Equal("    \e[32mok\e[0m  it holds" + Environment.NewLine, output.ToString());
    }

    [GeneratedRegex(@"seats held: (?<held>\d+) = jobs alive, heartbeats answered: (?<alive>\d+) = connections in each junction: (?<cloud>\d+), (?<enterprise>\d+)")]
    private static partial Regex SeatsEqualJobs();

    private sealed class PastTime : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => new(2020, 1, 1, 0, 0, 0, TimeSpan.Zero);
    }
}
