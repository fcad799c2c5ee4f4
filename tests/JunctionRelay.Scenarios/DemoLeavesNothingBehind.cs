using System.Globalization;
using System.Text.RegularExpressions;
using JunctionRelay.Scenarios.Harness;

namespace JunctionRelay.Scenarios;

/// <summary><c>junction demo</c> needs no root and under five seconds, and what it may write to is empty afterwards.</summary>
public sealed partial class DemoLeavesNothingBehind
{
    private const UnixFileMode Everyone = (UnixFileMode)511;   // 0777

    [Fact]
    public async Task As_nobody()
    {
        using var folder = new TemporaryFolder();
        File.SetUnixFileMode(folder.Path, Everyone);
        var result = await RealProgram.Run(JunctionProcess.Binary(), ["demo"], new ProgramOptions
        {
            Folder = folder.Path,
            Environment = new Dictionary<string, string> { ["HOME"] = folder.Path, ["TMPDIR"] = folder.Path },
            Wrapper = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"],
        });
        Assert.True(result.ExitCode == 0, result.ToString());
        var seconds = Seconds().Match(result.Output);
        Assert.True(seconds.Success, result.ToString());
        Assert.InRange(double.Parse(seconds.Groups[1].Value, CultureInfo.InvariantCulture), 0, 5);
        Assert.Empty(Directory.GetFileSystemEntries(folder.Path));
    }

    [GeneratedRegex(@"really returned, in ([0-9.]+) s\.")]
    private static partial Regex Seconds();
}
