using JunctionRelay.Scenarios.Harness;

namespace JunctionRelay.Scenarios;

/// <summary>
/// <c>junction forward -R</c>: hq listens for the desk. The port of a process that was killed without a word is its successor's at once (ssh: "remote port forwarding failed"
/// until sshd has noticed); that of one who lives is refused to others; and what may not be listened on, or cannot, is an error and never silence.
/// </summary>
public sealed class ReverseForwardOutlivesItsProcess
{
    private static readonly string[] Hops = ["-J", "gate,hq"];

    [Fact]
    public async Task A_killed_process_is_followed_at_once_by_the_next()
    {
        await using var site = await ForwardSite.Lay();
        await site.ServeWeb(site.Near, "127.0.0.1", 7000, "at the desk\n");
        var first = await site.Forward(["-N", "-R", "6000:127.0.0.1:7000", "-R", $"{site.Folder["remote.sock"]}:127.0.0.1:7000", .. Hops]);
        Assert.Equal("at the desk\n", await ForwardSite.Get(site.Hq, "http://127.0.0.1:6000/hello"));
        Assert.Equal("at the desk\n", await ForwardSite.Get(site.Hq, "--unix-socket", site.Folder["remote.sock"], "http://desk/hello"));

        await first.Kill();
        // The same command again, and then another one that wants the same port: neither waits for the old session to end.
        var second = await site.Forward(["-N", "-R", "6000:127.0.0.1:7000", "-R", $"{site.Folder["remote.sock"]}:127.0.0.1:7000", .. Hops]);
        Assert.Equal("at the desk\n", await ForwardSite.Get(site.Hq, "http://127.0.0.1:6000/hello"));
        await second.Kill();
        var third = await site.Forward(["-R", "6000:127.0.0.1:7000", .. Hops]);
        Assert.Equal("at the desk\n", await ForwardSite.Get(site.Hq, "http://127.0.0.1:6000/hello"));
        Assert.Contains(site.HqJunction.Program.Lines, l => l.Contains("taken over by a later process", StringComparison.Ordinal));

        // While it lives nobody else gets it, not even by the same command.
        foreach (var words in new string[][] { ["-R", "6000:127.0.0.1:7001"], ["-R", "6000:127.0.0.1:7000"] })
        {
            var refused = await site.RunForward([.. words, .. Hops]);
            Assert.Equal(69, refused.ExitCode);
            Assert.Contains("listen-failed", refused.Error, StringComparison.Ordinal);
        }

        Assert.Equal("at the desk\n", await ForwardSite.Get(site.Hq, "http://127.0.0.1:6000/hello"));
        // And when it is told to stop, the port is free.
        third.Program.Send(Signal.Term);
        Assert.Equal(0, (await third.Program.Exit(Deadline.Soon)).ExitCode);
        Assert.NotEqual(0, (await RealProgram.Run("curl", ["--silent", "--max-time", "5", "http://127.0.0.1:6000/"], new ProgramOptions { Host = site.Hq })).ExitCode);
    }

    [Fact]
    public async Task What_cannot_be_had_is_an_error()
    {
        await using var site = await ForwardSite.Lay();
        await site.ServeWeb(site.Hq, "127.0.0.1", 6001, "somebody else's\n");
        await site.ServeWeb(site.Near, "127.0.0.1", 9001, "somebody else's\n");
        await Fails(77, "no entry of peers.*.listen", "-R", "7000:127.0.0.1:7000");
        await Fails(77, "no entry of peers.*.listen", "-R", "*:6000:127.0.0.1:7000");
        await Fails(69, "Address already in use", "-R", "6001:127.0.0.1:7000");
        await Fails(69, "Address already in use", "-L", "9001:www.corp:80");
        await Fails(69, "Address already in use", "-L", "9003:www.corp:80", "-L", "8999-9002:www.corp:80-83");

        // As ssh does by itself: a warning, and the rest goes on.
        var partly = await site.Forward(["-o", "ExitOnForwardFailure=no", "-L", "9001:www.corp:80", "-L", "9002:www.corp:80", "-R", "6001:127.0.0.1:7000", "-R", "6002:127.0.0.1:9001", .. Hops]);
        Assert.Equal("somebody else's\n", await ForwardSite.Get(site.Hq, "http://127.0.0.1:6002/hello"));
        Assert.Contains(partly.Program.Lines, l => l.Contains("warning", StringComparison.Ordinal) && l.Contains("9001", StringComparison.Ordinal));
        Assert.Contains(partly.Program.Lines, l => l.Contains("warning", StringComparison.Ordinal) && l.Contains("6001", StringComparison.Ordinal));

        async Task Fails(int exit, string words, params string[] forwards)
        {
            var result = await site.RunForward([.. forwards, .. Hops]);
            Assert.True(result.ExitCode == exit && result.Error.Contains(words, StringComparison.Ordinal), $"{string.Join(' ', forwards)}: {result}");
        }
    }

    [Fact]
    public async Task A_hop_that_is_not_there_is_an_error_at_once()
    {
        await using var site = await ForwardSite.Lay();
        foreach (var (hops, words) in new[] { ("gate:8444", "refused"), ("nowhere", "does not resolve"), ("gate,nowhere", "not-permitted"), ($"{ForwardSite.GateAddress}", "NAME=") })
        {
            var result = await site.RunForward(["-L", "9000:www.corp:80", "-J", hops]);
            Assert.True(result.ExitCode == 69 && result.Error.Contains(words, StringComparison.Ordinal), $"{hops}: {result}");
        }
    }
}
