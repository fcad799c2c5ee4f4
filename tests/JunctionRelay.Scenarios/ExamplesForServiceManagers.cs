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

    /// <summary>The block of docs/first-hour.md, on this machine with a layer over it (overlayfs) that goes with its namespace.</summary>
    [Fact]
    public async Task What_the_first_hour_installs_is_what_the_units_start()
    {
        var commands = DocumentedSection.Read("docs/first-hour.md", "## With systemd").Commands;
        Assert.Contains("systemctl enable --now junction\n", commands, StringComparison.Ordinal);
        // No systemd runs here that could start it.
        commands = commands.Replace("enable --now", "enable", StringComparison.Ordinal);
        string[] steps =
        [
            "set -e", "mount -t tmpfs none /mnt", "mkdir /mnt/upper /mnt/work /mnt/root", "mount -t overlay overlay -o lowerdir=/,upperdir=/mnt/upper,workdir=/mnt/work /mnt/root",
            $"mount --rbind '{Path.GetDirectoryName(Repository.File("Makefile"))}/docs' /mnt/root/srv", "mkdir -p /mnt/root/root/checkout/out/linux-x64", "ln -s /srv /mnt/root/root/checkout/docs",
            $"cp '{JunctionProcess.Binary()}' /mnt/root/root/checkout/out/linux-x64/junction", "exec chroot /mnt/root env SYSTEMD_OFFLINE=1 bash -e",
        ];
        var look = """

            id -un junction
            for unit in docs/examples/systemd/junction.service docs/examples/systemd/junction-node.service; do
              for program in $(sed -nE 's/^ExecStart(Pre)?=(\S+) .*/\2/p' $unit); do test -x $program && echo "$unit: $program is there"; done
            done
            readlink /etc/systemd/system/multi-user.target.wants/junction.service
            cmp /usr/local/lib/junction/junction "$(readlink -f /usr/local/bin/junction)" && echo on the PATH
            """;
        var result = await RealProgram.Run(
            "unshare", ["--mount", "--propagation", "private", "sh", "-c", string.Join('\n', steps)], new ProgramOptions { Input = "cd /root/checkout\n" + commands + look }, Deadline.Start);
        Assert.True(result.ExitCode == 0, result.ToString());
        const string There = "/usr/local/lib/junction/junction is there\n";
        Assert.EndsWith(
            $"junction\ndocs/examples/systemd/junction.service: {There}docs/examples/systemd/junction-node.service: {There}docs/examples/systemd/junction-node.service: {There}"
            + "/etc/systemd/system/junction.service\non the PATH\n", result.Output, StringComparison.Ordinal);
        // systemd leaves /etc/junction to root: its user has to get in.
        foreach (var unit in new[] { "junction.service", "junction-node.service" })
            Assert.Contains("ConfigurationDirectoryMode=0755", await File.ReadAllLinesAsync(Example("systemd", unit)));
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

    /// <summary>Before each job: a node whose junction serves is left alone, one that does not is started, and a node whose junction cannot start takes jobs that need no license.</summary>
    [Theory]
    [InlineData(0, 0, "is-active --quiet junction-node.service\n")]
    [InlineData(3, 0, "is-active --quiet junction-node.service\nstart junction-node.service\n")]
    [InlineData(3, 1, "is-active --quiet junction-node.service\nstart junction-node.service\nlogger: -t junction the junction of this node does not start: systemctl status junction-node\n")]
    public async Task The_prolog_of_a_job_starts_the_nodes_junction_and_never_fails(int active, int start, string asked)
    {
        using var folder = new TemporaryFolder();
        // No systemd runs here: these take down what they are asked.
        Script("systemctl", $"echo \"$*\" >>asked; [ $1 = is-active ] && exit {active}; exit {start}");
        Script("logger", "echo \"logger: $*\" >>asked");
        var prolog = await RealProgram.Run(
            "env", ["-C", folder.Path, $"PATH={folder.Path}:/usr/bin:/bin", "sh", Example("slurm-prolog.sh")]);
        Assert.Equal(0, prolog.ExitCode);
        Assert.Equal(asked, await File.ReadAllTextAsync(folder["asked"]));

        void Script(string name, string body) =>
            File.SetUnixFileMode(folder.Write(name, $"#!/bin/sh\n{body}\n"), UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
    }

    /// <summary>What a cloud would write and run at a node's first boot: the paths are those of the node's unit, and the configuration is one.</summary>
    [Fact]
    public async Task What_cloud_init_writes_is_what_the_nodes_unit_reads()
    {
        var unit = await File.ReadAllTextAsync(Example("systemd", "junction-node.service"));
        const string Read = """
            import json, sys, yaml
            document = yaml.safe_load(open(sys.argv[1]))
            print(json.dumps({"files": {f["path"]: [f["owner"], f["permissions"], f["content"]] for f in document["write_files"]}, "commands": document["runcmd"], "users": [u if isinstance(u, str) else u["name"] for u in document["users"]]}))
            """;
        var cloud = System.Text.Json.JsonDocument.Parse(await RealProgram.Succeed("python3", ["-c", Read, Example("cloud-init.yaml")])).RootElement;
        Assert.Contains("junction", cloud.GetProperty("users").EnumerateArray().Select(u => u.GetString()));
        Assert.Equal(["systemctl enable --now junction-node.service"], cloud.GetProperty("commands").EnumerateArray().Select(c => c.GetString()));
        var files = cloud.GetProperty("files").EnumerateObject().ToList();
        Assert.Equal(["/etc/junction/join.token", "/etc/junction/junction.json"], files.Select(f => f.Name));
        // Root's, and the unit's user may read them.
        Assert.All(files, f => Assert.Equal(["root:junction", "0640"], f.Value.EnumerateArray().Take(2).Select(v => v.GetString())));
        Assert.All(files, f => Assert.Contains(f.Name, unit, StringComparison.Ordinal));
        Assert.Contains("User=junction\n", unit, StringComparison.Ordinal);

        using var folder = new TemporaryFolder();
        var authority = await SiteAuthority.Init(folder);
        var config = files[1].Value[2].GetString()!;
        Assert.Contains("/var/lib/junction/identity", unit, StringComparison.Ordinal);
        var mine = folder.Write("junction.json", config.Replace("/var/lib/junction/identity", await authority.Issue("node-1"), StringComparison.Ordinal));
        var valid = await JunctionProcess.Run("validate", mine);
        Assert.True(valid.ExitCode == 0, valid.ToString());
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
