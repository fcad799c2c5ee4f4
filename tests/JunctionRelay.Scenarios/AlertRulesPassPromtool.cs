using JunctionRelay.Scenarios.Harness;

namespace JunctionRelay.Scenarios;

/// <summary>The alert rules of docker/monitoring are valid, and fire when their tests say so.</summary>
public sealed class AlertRulesPassPromtool
{
    private static readonly string Folder = Path.Combine(Root(), "docker", "monitoring");

    [Theory]
    [InlineData("check rules alerts.yml", "SUCCESS: ")]
    [InlineData("test rules alerts.test.yml", "SUCCESS")]
    [InlineData("check config --syntax-only prometheus.yml", "SUCCESS: ")]
    public async Task Promtool_agrees(string command, string says)
    {
        var result = await RealProgram.Run("promtool", command.Split(' '), new ProgramOptions { Folder = Folder });
        Assert.True(result.ExitCode == 0 && result.Output.Contains(says, StringComparison.Ordinal), $"{result}");
    }

    private static string Root()
    {
        var directory = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(directory, "JunctionRelay.sln"))) directory = Path.GetDirectoryName(directory)!;
        return directory;
    }
}
