using JunctionRelay.Scenarios.Harness;

namespace JunctionRelay.Scenarios;

/// <summary>
/// The image of docker/Dockerfile is built, and each compose file does what its head says, command by command: a job behind two or three junctions, which reaches nothing
/// else, takes a seat and gives it back. Base images and Docker's engine have stand-ins (<see cref="JunctionImage"/>).
/// </summary>
[Trait(Size.Name, Size.Release)]
public sealed class ContainersRunTheirComposeFiles(JunctionImage image, ITestOutputHelper output) : IClassFixture<JunctionImage>
{
    private const string Prompt = "#   docker compose -f docker/";
    private const long MostBytes = 25_000_000;

    private static readonly string[] Shells = ["sh", "bash", "dash", "busybox", "apt", "dpkg"];

    [Fact]
    public void The_image_is_small_runs_as_a_number_and_has_no_shell()
    {
        output.WriteLine($"compressed size on top of the base: {image.AddedBytes / 1e6:0.0} MB");
        Assert.InRange(image.AddedBytes, 100_000, MostBytes);
        Assert.Matches("^[1-9][0-9]*:[1-9][0-9]*$", image.RunsAs);
        Assert.True(File.Exists(Path.Combine(image.Root, "app/junction")));
        Assert.All(Shells, s => Assert.False(File.Exists(Path.Combine(image.Root, "usr/bin", s)) || File.Exists(Path.Combine(image.Root, "usr/sbin", s)), s));
    }

    [Theory]
    [InlineData("pair.compose.yml", "cloud")]
    [InlineData("three-hops.compose.yml", "cloud")]
    [InlineData("flexnet.compose.yml", "junction")]
    public async Task A_compose_file_does_what_its_head_says(string file, string nearest)
    {
        var path = Repository.File($"docker/{file}");
        var commands = File.ReadLines(path).Where(l => l.StartsWith($"{Prompt}{file} ", StringComparison.Ordinal)).Select(l => l[$"{Prompt}{file} ".Length..]).ToList();
        await using var project = await ComposeProject.Open(path, image);
        var ran = new List<string>();
        foreach (var command in commands)
        {
            switch (command.Split(' '))
            {
                case ["build"]:
                    break;   // the fixture's
                case ["run", "--rm", "job"]:
                    var job = await project.Run("job");
                    Assert.True(job.Output == "held\nreturned\n", $"{job}\n{string.Join('\n', project.Running.Select(r => r.Value.Said()))}");
                    break;
                case ["run", "--rm", var service, .. var arguments]:
                    var result = await project.Run(service, arguments);
                    Assert.True(result.ExitCode == 0, $"{command}: {result}");
                    break;
                case ["up", "--detach", "--wait"]:
                    await project.Up();
                    Assert.Equal("64198", Field(project.Running[nearest], "Uid:"));
                    Assert.Equal("0000000000000000", Field(project.Running[nearest], "CapEff:"));
                    Assert.Equal("1", Field(project.Running[nearest], "NoNewPrivs:"));
                    break;
                case ["down"]:
                    foreach (var (service, end) in await project.Down())
                        Assert.True(end.ExitCode == 0, $"{service} ended with {end}");
                    break;
                default:
                    Assert.Fail($"{file}: this test does not know `{command}`");
                    break;
            }

            ran.Add(command.Split(' ')[0]);
        }

        Assert.Equal(["build", "run", "up", "down"], ran.Distinct().Order(Comparer<string>.Create((a, b) => Order(a) - Order(b))));
        Assert.Contains("\"event\":\"granted\"", project.Running["license"].Said(), StringComparison.Ordinal);

        static int Order(string command) => Array.IndexOf(["build", "run", "up", "down"], command);
    }

    // proc(5)
    private static string Field(RealProgram program, string name) =>
        File.ReadLines($"/proc/{program.ProcessId}/status").Single(l => l.StartsWith(name, StringComparison.Ordinal)).Split('\t')[1];
}
