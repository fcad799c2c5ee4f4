using JunctionRelay.Scenarios.Harness;

namespace JunctionRelay.Scenarios;

/// <summary>The job under <c>junction exec</c> is what its caller sees: exit code, signals, terminal; and what it held is free when it is gone.</summary>
public sealed class ExecEndsAsItsJobDoes : IAsyncLifetime
{
    private static readonly TimeSpan UntilFree = TimeSpan.FromSeconds(2);

    private ExecSite _site = null!;
    private string _config = "";

    public async ValueTask InitializeAsync()
    {
        _site = await ExecSite.Open();
        _config = _site.Config(ExecSite.Lmgrd);
    }

    public ValueTask DisposeAsync() => _site.DisposeAsync();

    [Fact]
    public async Task Its_exit_code_and_words_are_the_jobs()
    {
        (string Script, int Exit, string Said, string[] Words)[] jobs =
        [
            ("exit 3", 3, "", []),
            ("kill -TERM $$", 143, "", []),
            ("kill -KILL $$", 137, "", []),
            ("exec no-such-program", 127, "not found", []),
            ("cat >/dev/null; echo \"$1|$2\"", 0, "--help|@x y\n", ["--help", "@x y"]),
        ];
        foreach (var (script, exit, said, words) in jobs)
        {
            var job = await _site.Run(_site.As(), ["-c", _config, "--", "sh", "-c", script, "sh", .. words]);
            Assert.Equal((script, exit), (script, job.ExitCode));
            Assert.Contains(said, job.Output + job.Error, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task A_program_that_is_not_there_is_said_as_a_shell_says_it()
    {
        var job = await _site.Run(_site.As(), "-c", _config, "--", "no-such-program");
        Assert.Equal((127, ""), (job.ExitCode, job.Output));
        Assert.Contains("no-such-program: not found", job.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Signals_reach_it_and_nothing_of_ours_is_left_on_it()
    {
        // Limits, signals, session and group as without us; the process that was started is the job itself.
        const string Look = "echo $$ $(ulimit -n) $(ps -o pgid=,sid= -p $$); grep -E 'Sig(Blk|Ign)|Cap(Inh|Prm|Eff|Amb)' /proc/self/status; grep nothing /proc/self/mountinfo";
        // This runner's children find SIGPIPE ignored, and SIGINT and SIGQUIT, too, where it was started in the background.
        var options = _site.As();
        options = options with { Wrapper = [.. options.Wrapper, "env", "--default-signal=PIPE,INT,QUIT"] };
        await using var plain = RealProgram.Start("sh", ["-c", Look], options);
        var without = (await plain.Exit(Deadline.Start)).Output.Replace($"{plain.ProcessId}", "ID", StringComparison.Ordinal);
        await using var job = _site.Start(options, "-c", _config, "--", "sh", "-c", $"{Look}; for s in TERM HUP USR1 INT; do trap \"echo got $s\" $s; done; echo ready; while :; do sleep 0.05; done");
        await job.Line(l => l == "ready", "that it is ready");
        Assert.Equal(without, string.Concat(job.Lines.TakeWhile(l => l != "ready").Select(l => l + "\n")).Replace($"{job.ProcessId}", "ID", StringComparison.Ordinal));
        foreach (var (signal, name) in new[] { (15, "TERM"), (1, "HUP"), (10, "USR1"), (2, "INT") })
        {
            job.Send((Signal)signal);
            await job.Line(l => l == $"got {name}", $"that it got {name}");
        }

        // Stopped and continued: the agent goes on meanwhile.
        var agent = Assert.Single(_site.Agents());
        RealProgram.Send(-job.ProcessId, Signal.Stop);
        await Deadline.Until(() => State(job.ProcessId) == 'T', Deadline.Soon, "the job is stopped");
        Assert.NotEqual('T', State(agent));
        RealProgram.Send(-job.ProcessId, Signal.Cont);
        await Deadline.Until(() => State(job.ProcessId) != 'T', Deadline.Soon, "the job goes on");
    }

    [Fact]
    public async Task A_terminal_is_left_alone()
    {
        var plain = await Terminal("sh -c 'stty -g; tty >/dev/null && echo terminal; ps -o tpgid=,pgid= -p $$ | tr -s \" \" \"\\n\" | sort -u | wc -l'");
        var job = await Terminal($"{JunctionProcess.Binary()} exec -c {_config} -- sh -c 'stty -g; tty >/dev/null && echo terminal; ps -o tpgid=,pgid= -p $$ | tr -s \" \" \"\\n\" | sort -u | wc -l'");
        Assert.Contains("terminal", plain, StringComparison.Ordinal);
        Assert.Equal(plain, job);
        Assert.DoesNotContain('\u001b', job);

        Task<string> Terminal(string line) => RealProgram.Succeed("script", ["--quiet", "--return", "--command", line, "/dev/null"], _site.As());
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Kill_9_of_the_job_frees_its_seat(bool hasChild)
    {
        var seat = string.Join(' ', ExecSite.HoldSeat());
        // The child would hold its seat for as long as its input is open.
        await using var job = _site.Start(_site.As(), ["-c", _config, "--", .. hasChild ? ["sh", "-c", $"exec 3<&0; {seat} <&3 & wait"] : ExecSite.HoldSeat()]);
        await job.Line(l => l == "held", "that its seat is held");
        Assert.Equal(1, await _site.Licenses.Held());
        job.Send(Signal.Kill);
        Assert.Equal(0, await _site.Licenses.HeldWithin(0, UntilFree));
        await Deadline.Until(() => _site.Agents().Length == 0, Deadline.Soon, "the agent ends");
        if (hasChild) await job.Line(l => l.StartsWith("lost", StringComparison.Ordinal), "that the child's seat is lost");
    }

    [Fact]
    public async Task Kill_9_of_the_agent_is_a_reset_for_the_job_and_leaves_nothing()
    {
        await using var job = _site.Start(_site.As(), ["-c", _config, "--", .. ExecSite.HoldSeat()]);
        await job.Line(l => l == "held", "that its seat is held");
        RealProgram.Send(Assert.Single(_site.Agents()), Signal.Kill);
        await job.Line(l => l.StartsWith("lost", StringComparison.Ordinal), "that its seat is lost");
        Assert.Equal(1, (await job.Exit(Deadline.Soon)).ExitCode);
        Assert.Empty(_site.LeftBehind);
        // The same user's next job has its address again.
        var next = await _site.Run(_site.As(), "-c", _config, "--", JunctionProcess.Binary(), "simulate-client", "--server", $"{ExecSite.LicenseServer}:{ExecSite.LicensePort}");
        Assert.Equal((0, "held\nreturned\n"), (next.ExitCode, next.Output));
    }

    [Fact]
    public async Task Where_namespaces_are_forbidden_it_says_so_and_gives_addresses()
    {
        // A user namespace whose own limit is 0, in which the user is as before.
        string[] forbidden = ["unshare", "--user", "--map-current-user", "--keep-caps", "sh", "-c", "echo 0 >/proc/sys/user/max_user_namespaces; exec setpriv --ambient-caps=-all --inh-caps=-all \"$@\"", "sh"];
        var options = _site.As();
        var job = await _site.Run(
            options with { Wrapper = [.. options.Wrapper, .. forbidden] }, "-c", _config, "--", "sh", "-c",
            $"id -un; echo $LM_LICENSE_FILE; at=${{LM_LICENSE_FILE#*@}}; {JunctionProcess.Binary()} simulate-client --server $at:{ExecSite.LicensePort} --vendor-host $at; exit 5");
        Assert.Equal(5, job.ExitCode);
        Assert.Matches(@"^nobody\n27000@127\.\d+\.\d+\.\d+\nheld\nreturned\n$", job.Output);
        Assert.Contains("the servers' names cannot be mapped for this job: unshare: unshare failed: No space left on device", job.Error, StringComparison.Ordinal);
        Assert.Contains("sudo junction hosts --apply", job.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_job_does_not_begin_without_a_way()
    {
        var job = await _site.Run(
            _site.As(), "--via", $"{EntranceSite.BorderAddress}:8444", "--peer", "border", "--identity", _site.Identity(ExecSite.Nobody), "--reach", "www.corp:8080", "--", "echo", "began");
        Assert.Equal((69, ""), (job.ExitCode, job.Output));
        Assert.Contains("the link via does not come up", job.Error, StringComparison.Ordinal);
    }

    private static char State(int process)
    {
        var stat = File.ReadAllText($"/proc/{process}/stat");
        return stat[stat.LastIndexOf(')') + 2];
    }
}
