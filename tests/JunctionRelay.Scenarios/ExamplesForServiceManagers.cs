using System.Globalization;
using System.Text.RegularExpressions;
using JunctionRelay.Scenarios.Harness;

namespace JunctionRelay.Scenarios;

/// <summary>The units and scripts of <c>docs/examples</c>: systemd understands the units and finds them hardened, and the start task of a pool's node joins and relays.</summary>
public sealed partial class ExamplesForServiceManagers(ITestOutputHelper output)
{
    private const double MostExposed = 2.0;

    [Theory]
    [InlineData("junction.service")]
    [InlineData("junction-node.service")]
    public async Task A_unit_is_understood_and_hardened(string unit)
    {
        var file = Example("systemd", unit);
        var verdict = await RealProgram.Run("systemd-analyze", ["security", "--offline=true", "--no-pager", file]);
        var exposure = double.Parse(Exposure().Match(verdict.Output).Groups[1].Value, CultureInfo.InvariantCulture);
        output.WriteLine($"{unit}: exposure {exposure}");
        Assert.InRange(exposure, 0.1, MostExposed - 0.1);
        // Type=notify-reload is unknown before systemd 253, which goes by Type=notify then.
        var verified = await RealProgram.Run("systemd-analyze", ["verify", file]);
        Assert.DoesNotContain(
            (verified.Output + verified.Error).Split('\n'),
            l => l.Contains(unit, StringComparison.Ordinal) && !l.Contains("notify-reload", StringComparison.Ordinal) && !l.Contains("is not executable", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_node_joins_by_its_start_task_and_a_second_run_takes_over()
    {
        using var folder = new TemporaryFolder();
        var authority = await SiteAuthority.Init(folder);
        await authority.Issue("hq");
        await using var echo = LoopbackServer.Echo();
        int links = FreePort.Next(), port = FreePort.Next();
        await using var hq = await JunctionProcess.Start($$"""
            {
              "identity": { "directory": "{{folder["hq"]}}" }, "pki": { "directory": "{{authority.Directory}}" }, "linkListen": ["127.0.0.1:{{links}}"],
              "peers": { "node-*": { "services": ["echo"] } }, "services": { "echo": { "target": ["127.0.0.1:{{echo.Port}}"] } }
            }
            """);
        var node = folder.Folder("node");
        await authority.Run("token", ["create", "--name", "node-7", "--out", Path.Combine(node, "join.token")]);
        File.Copy(Example("hpc-start-task.sh"), Path.Combine(node, "hpc-start-task.sh"));
        File.CreateSymbolicLink(Path.Combine(node, "junction"), JunctionProcess.Binary());
        folder.Write(Path.Combine("node", "junction.json"), $$"""
            { "identity": { "directory": "identity" }, "links": { "hq": { "dial": ["127.0.0.1:{{links}}"] } },
              "relays": { "echo": { "listen": ["127.0.0.1:{{port}}"], "target": ["link://hq/echo"] } } }
            """);
        var started = new List<int>();
        try
        {
            await RunTask();
            await Deadline.Until(() => Serves(port), Deadline.Start, "the node's relay serves", () => File.ReadAllText(Path.Combine(node, "junction.log")));
            await Loopback.EchoThrough(port, 10_000);
            await RunTask();
            Assert.Contains("\"event\":\"taken-over\"", await File.ReadAllTextAsync(Path.Combine(node, "junction.log")), StringComparison.Ordinal);
            await Loopback.EchoThrough(port, 10_000);
        }
        finally
        {
            foreach (var process in started)
                RealProgram.Send(process, Signal.Kill);
        }

        async Task RunTask()
        {
            await RealProgram.Succeed("sh", [Path.Combine(node, "hpc-start-task.sh"), $"127.0.0.1:{links}"], within: Deadline.Start);
            foreach (var process in Directory.GetDirectories("/proc").Select(Path.GetFileName).Where(p => int.TryParse(p, out _)))
            {
                if (CommandLine(process!).Contains("--takeover", StringComparison.Ordinal) && WorksIn(process!) == node)
                    started.Add(int.Parse(process!, CultureInfo.InvariantCulture));
            }
        }
    }

    private static string CommandLine(string process)
    {
        try
        {
            return File.ReadAllText($"/proc/{process}/cmdline");
        }
        catch (IOException)
        {
            return "";
        }
    }

    private static string? WorksIn(string process) => new DirectoryInfo($"/proc/{process}/cwd").LinkTarget;

    private static async Task<bool> Serves(int port)
    {
        try
        {
            using var socket = await Loopback.Connect(port);
            var pattern = new PatternedBytes(1);
            await pattern.Send(socket, 0, 10);
            await pattern.Receive(socket, 0, 10);
            return true;
        }
        catch (Exception e) when (e is System.Net.Sockets.SocketException or Xunit.Sdk.XunitException)
        {
            return false;
        }
    }

    private static string Example(params string[] names)
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "JunctionRelay.sln")))
            folder = folder.Parent;
        Assert.NotNull(folder);
        return Path.Combine([folder.FullName, "docs", "examples", .. names]);
    }

    [GeneratedRegex(@"Overall exposure level for \S+: ([0-9.]+)")]
    private static partial Regex Exposure();
}
