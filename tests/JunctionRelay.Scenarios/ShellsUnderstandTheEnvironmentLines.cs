using JunctionRelay.Scenarios.Harness;

namespace JunctionRelay.Scenarios;

/// <summary>What <c>junction env</c> prints, given to the shells that it is for: the variables hold what was meant.</summary>
public sealed class ShellsUnderstandTheEnvironmentLines
{
    private static readonly string[] Licenses = ["27000@lic1.example.com", "27001@a,27001@b,27001@c", "--sentieon", "lic3.example.com:8990"];

    private const string Expected = "27000@lic1.example.com:27001@a,27001@b,27001@c lic3.example.com:8990\n";

    private const string Show = "echo $LM_LICENSE_FILE $SENTIEON_LICENSE";

    [Theory]
    [InlineData("sh", "sh")]
    [InlineData("sh", "bash")]
    [InlineData("csh", "tcsh")]
    public async Task A_shell_sets_them(string kind, string shell)
    {
        var lines = await Lines(kind);
        Assert.Equal(Expected, await RealProgram.Succeed(shell, shell == "tcsh" ? ["-f"] : [], new ProgramOptions { Input = $"{lines}{Show}\n" }));
    }

    // As docs/flexlm.md says it for each shell: csh makes one line of what stands between backquotes.
    [Theory]
    [InlineData("sh", "sh", "eval \"$({0})\"")]
    [InlineData("sh", "bash", "eval \"$({0})\"")]
    [InlineData("csh", "tcsh", "eval `{0} --shell csh`")]
    public async Task A_shell_evaluates_them(string kind, string shell, string eval)
    {
        var documented = string.Format(System.Globalization.CultureInfo.InvariantCulture, eval, "junction env license.dat");
        Assert.Contains($"| `{kind}`", Assert.Single(File.ReadAllLines(Repository.File("docs/flexlm.md")), l => l.Contains(documented, StringComparison.Ordinal)), StringComparison.Ordinal);
        var command = string.Format(System.Globalization.CultureInfo.InvariantCulture, eval, $"'{JunctionProcess.Binary()}' env {string.Join(' ', Licenses)}");
        Assert.Equal(Expected, await RealProgram.Succeed(shell, shell == "tcsh" ? ["-f"] : [], new ProgramOptions { Input = $"{command}\n{Show}\n" }));
    }

    [Fact]
    public async Task A_task_prolog_of_slurm_prints_them()
    {
        using var folder = new TemporaryFolder();
        // slurmd reads what the prolog prints: each line that begins with "export ", then the name, "=" and the value as it stands.
        var printed = await RealProgram.Succeed("sh", [folder.Write("prolog", await Lines("slurm"))]);
        var set = printed.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(l => l.Split(' ', 2)).ToList();
        Assert.All(set, l => Assert.Equal("export", l[0]));
        Assert.Equal(Expected, string.Join(' ', set.Select(l => l[1].Split('=', 2)[1])) + "\n");
    }

    private static async Task<string> Lines(string kind)
    {
        var result = await JunctionProcess.Run(["env", .. Licenses, "--shell", kind]);
        Assert.True(result.ExitCode == 0, $"{result}");
        return result.Output;
    }
}
