using System.Globalization;
using System.Text.Json;
using JunctionRelay.Policies;
using JunctionRelay.Tests.Harness;
using Microsoft.Extensions.Logging.Abstractions;

namespace JunctionRelay.Tests.Policies;

/// <summary>Hooks as administrators write them: real programs, good ones and bad ones. Whatever goes wrong means no.</summary>
public sealed class AuthHookTests : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);
    private static readonly AuthRequest Request = new()
    {
        Mech = "unix",
        Data = "My_secret_key",
        Addr = "10.1.2.3",
        User = "alice",
        Groups = ["users", "Developers"],
        Uid = 1000,
        Peer = "node-17",
        Service = "sentieon",
        Target = "lic3:8990",
        Client = "10.1.2.3:4711",
        Asserted = "node-17",
    };

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("junction-auth-");

    public void Dispose() => _folder.Delete(recursive: true);

    [Theory]
    [InlineData("unix", "My_secret_key", "Developers", true, "")]
    [InlineData("ldap", "My_secret_key", "Developers", false, "mech not unix")]
    [InlineData("unix", "wrong", "Developers", false, "Incorrect key")]
    [InlineData("unix", "My_secret_key", "users", false, "Developers not in groups")]
    public async Task The_example_script_of_the_license_servers_own_extension_decides(string mech, string data, string group, bool allowed, string words)
    {
        var log = new TestLog<AuthHookTests>();
        using var hook = new AuthProgram(Written("auth_unix.py", await File.ReadAllTextAsync(RepositoryFile("auth_unix.py"))), Patience, 4, log);
        var verdict = await hook.AskAsync(Request with { Mech = mech, Data = data, Groups = [group] }, CancellationToken.None);
        Assert.True(allowed == verdict.Allowed, verdict.Detail);
        if (words.Length > 0) Assert.Contains(words, Assert.Single(log.Entries).Message, StringComparison.Ordinal);
        Assert.DoesNotContain(log.Entries, e => e.Message.Contains("My_secret_key", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_hook_is_told_all_of_it_in_one_line()
    {
        var seen = Path.Combine(_folder.FullName, "seen");
        using var hook = Program($"cat > {seen}");
        Assert.True((await hook.AskAsync(Request, CancellationToken.None)).Allowed);
        var line = Assert.Single(await File.ReadAllLinesAsync(seen));
        using var json = JsonDocument.Parse(line);
        Assert.Equal(
            ["mech", "data", "addr", "user", "groups", "peer", "relay", "service", "target", "client", "uid", "asserted"],
            json.RootElement.EnumerateObject().Select(p => p.Name));
        Assert.Equal(1000, json.RootElement.GetProperty("uid").GetInt32());
        Assert.Equal("alice", json.RootElement.GetProperty("user").GetString());
    }

    [Theory]
    [InlineData("exit 1", "ended with 1")]
    [InlineData("kill -9 $$", "ended with 137")]
    [InlineData("exec 0<&-; exit 7", "ended with 7")]
    [InlineData("head -c 10000000 /dev/zero >&2; exit 3", "ended with 3")]
    public async Task Anything_but_zero_denies(string script, string detail)
    {
        using var hook = Program(script);
        var verdict = await hook.AskAsync(Request, CancellationToken.None);
        Assert.Equal((false, "auth"), (verdict.Allowed, verdict.Rule));
        Assert.EndsWith(detail, verdict.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_hook_that_is_not_there_denies()
    {
        using var hook = new AuthProgram("/nonexistent/auth.py", Patience, 4, NullLogger.Instance);
        var verdict = await hook.AskAsync(Request, CancellationToken.None);
        Assert.False(verdict.Allowed);
        Assert.Contains("cannot be started", verdict.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_hook_that_hangs_denies_and_is_killed_with_its_children()
    {
        var pid = Path.Combine(_folder.FullName, "pid");
        using var hook = new AuthProgram(Written("hangs", $"#!/bin/sh\nsleep 1000 &\necho $! > {pid}\nwait\n"), TimeSpan.FromMilliseconds(500), 4, NullLogger.Instance);
        var verdict = await hook.AskAsync(Request, CancellationToken.None);
        Assert.False(verdict.Allowed);
        Assert.Contains("did not end within 0.5 s", verdict.Detail, StringComparison.Ordinal);
        if (File.Exists(pid) && int.TryParse(await File.ReadAllTextAsync(pid), CultureInfo.InvariantCulture, out var child))
            await Eventually.TrueAsync(() => IsGone(child), () => $"its child {child} lives on");
    }

    [Fact]
    public async Task No_more_run_at_once_than_allowed_and_who_waits_too_long_is_denied()
    {
        using var hook = new AuthProgram(Written("hangs", "#!/bin/sh\nexec sleep 1000\n"), TimeSpan.FromSeconds(2), 2, NullLogger.Instance);
        using var stop = new CancellationTokenSource();
        var verdicts = await Task.WhenAll(Enumerable.Range(0, 6).Select(_ => hook.AskAsync(Request, stop.Token).AsTask()));
        Assert.All(verdicts, v => Assert.False(v.Allowed));
        Assert.Contains(verdicts, v => v.Detail.Contains("2 times at once already", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Nothing_of_our_configuration_reaches_a_hook()
    {
        Environment.SetEnvironmentVariable("JUNCTION_CANARY", "secret");
        try
        {
            using var hook = Program("[ -z \"$JUNCTION_CANARY\" ]");
            Assert.True((await hook.AskAsync(Request, CancellationToken.None)).Allowed);
        }
        finally
        {
            Environment.SetEnvironmentVariable("JUNCTION_CANARY", null);
        }
    }

    [Fact]
    public async Task A_worker_answers_many_and_keeps_its_memory()
    {
        using var hook = Worker("""
            import json, sys
            asked = 0
            for line in sys.stdin:
                asked += 1
                r = json.loads(line)
                print(json.dumps({"allow": r["user"] == "alice", "reason": "no. %d: %s" % (asked, r["user"])}), flush=True)
            """);
        Assert.True((await hook.AskAsync(Request, CancellationToken.None)).Allowed);
        var denied = await hook.AskAsync(Request with { User = "mallory" }, CancellationToken.None);
        Assert.Equal((false, "no. 2: mallory"), (denied.Allowed, denied.Detail));
        Assert.True((await hook.AskAsync(Request, CancellationToken.None)).Allowed);
    }

    [Theory]
    [InlineData("print('yes', flush=True)", "no JSON object")]
    [InlineData("print('{}', flush=True)", "said no")]
    [InlineData("print('{\"allow\": \"true\"}', flush=True)", "said no")]
    [InlineData("print('[true]', flush=True)", "no JSON object")]
    [InlineData("print('x' * 1000000, flush=True)", "no JSON object")]
    [InlineData("sys.exit(0)", "ended instead of answering")]
    public async Task A_worker_that_answers_anything_else_denies_and_the_next_is_asked_anew(string answer, string detail)
    {
        var flag = Path.Combine(_folder.FullName, "bad");
        await File.WriteAllTextAsync(flag, "");
        using var hook = Worker($$"""
            import os, sys
            for line in sys.stdin:
                if os.path.exists('{{flag}}'):
                    {{answer}}
                else:
                    print('{"allow": true}', flush=True)
            """);
        var verdict = await hook.AskAsync(Request, CancellationToken.None);
        Assert.False(verdict.Allowed);
        Assert.Contains(detail, verdict.Detail, StringComparison.Ordinal);
        File.Delete(flag);
        Assert.True((await hook.AskAsync(Request, CancellationToken.None)).Allowed);
    }

    [Fact]
    public async Task A_late_answer_of_a_worker_reaches_nobody_else()
    {
        var flag = Path.Combine(_folder.FullName, "slow");
        await File.WriteAllTextAsync(flag, "");
        using var hook = new AuthWorker(
            Written("worker", $$"""
                #!/usr/bin/env python3
                import os, sys, time
                for line in sys.stdin:
                    if os.path.exists('{{flag}}'):
                        time.sleep(2)
                        print('{"allow": true}', flush=True)
                    else:
                        print('{"allow": false, "reason": "mine"}', flush=True)
                """),
            TimeSpan.FromSeconds(1), workers: 1, NullLogger.Instance);
        Assert.Contains("did not answer within 1 s", (await hook.AskAsync(Request, CancellationToken.None)).Detail, StringComparison.Ordinal);
        File.Delete(flag);
        // A new worker, which may need its time to start.
        Verdict verdict = default;
        for (var tries = 0; tries < 30 && verdict.Detail != "mine"; tries++) verdict = await hook.AskAsync(Request, CancellationToken.None);
        Assert.Equal((false, "mine"), (verdict.Allowed, verdict.Detail));
    }

    private AuthProgram Program(string script) => new(Written("hook", $"#!/bin/sh\n{script}\n"), Patience, 4, NullLogger.Instance);

    private AuthWorker Worker(string python) => new(Written("worker", $"#!/usr/bin/env python3\n{python}\n"), Patience, workers: 1, NullLogger.Instance);

    private string Written(string name, string text)
    {
        var path = Path.Combine(_folder.FullName, name);
        File.WriteAllText(path, text);
        File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        return path;
    }

    private static string RepositoryFile(string name) =>
        Path.Combine(Configuration.RepositoryFiles.Path("tests/JunctionRelay.Tests/Policies/Files"), name);

    private static bool IsGone(int pid)
    {
        try
        {
            return File.ReadAllText($"/proc/{pid}/stat").Contains(") Z ", StringComparison.Ordinal);
        }
        catch (IOException)
        {
            return true;
        }
    }
}
