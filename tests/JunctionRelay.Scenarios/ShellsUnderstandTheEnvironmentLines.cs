using JunctionRelay.Scenarios.Harness;

namespace JunctionRelay.Scenarios;

/// <summary>What <c>junction env</c> prints, given to the shells that it is for: the variables hold what was meant.</summary>
public sealed class ShellsUnderstandTheEnvironmentLines
{
    private static readonly string[] Licenses = ["27000@lic1.example.com", "27001@a,27001@b,27001@c", "--sentieon", "lic3.example.com:8990"];

    private const string Expected = "27000@lic1.example.com:27001@a,27001@b,27001@c lic3.example.com:8990\n";

    [Theory]
    [InlineData("sh", "sh", "echo $LM_LICENSE_FILE $SENTIEON_LICENSE")]
    [InlineData("sh", "bash", "echo $LM_LICENSE_FILE $SENTIEON_LICENSE")]
    [InlineData("csh", "tcsh", "echo $LM_LICENSE_FILE $SENTIEON_LICENSE")]
    public async Task A_shell_sets_them(string kind, string shell, string show)
    {
        var lines = await Lines(kind);
        Assert.Equal(Expected, await RealProgram.Succeed(shell, shell == "tcsh" ? ["-f"] : [], new ProgramOptions { Input = $"{lines}{show}\n" }));
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
