using JunctionRelay.App.Ssh;

namespace JunctionRelay.Tests.Ssh;

public sealed class SshCommandLineTests
{
    [Theory]
    [InlineData("-R 6000:localhost:80", "-R listens at the other side")]
    [InlineData("-R web:6000:localhost:80 far", "listens at the name 'web'")]
    [InlineData("-R [fe80::1%eth0]:6000:localhost:80 far", "listens at the name 'fe80::1%eth0'")]
    [InlineData("-R [::%]:6000 far", "listens at the name '::%'")]
    [InlineData("-R run/a.sock:localhost:80 far", "no path over there")]
    [InlineData("-N", "nothing to forward")]
    [InlineData("-L", "-L has no value")]
    [InlineData("-Z -L 1:a:1", "-Z is no option")]
    [InlineData("-L 6000-6049:server:9095-9096", "50 ports here and 2 there")]
    [InlineData("-L /tmp/a.sock:server:1-2", "joins a range")]
    [InlineData("-L 1-2:/run/a.sock", "joins a range")]
    [InlineData("-L 8080:${NO_SUCH_VARIABLE}:80", "is no forward")]
    [InlineData("-L 8080:web:80\\", "is no forward")]
    [InlineData("-L @/tmp/web.sock:web:80", "is an abstract socket")]
    [InlineData("-D @/tmp/socks.sock", "is an abstract socket")]
    [InlineData("-J a,,b -D 1", "'' is no host")]
    [InlineData("-J a:b -D 1", "is no host")]
    [InlineData("-J a:70000 -D 1", "is no host")]
    [InlineData("-J -x -D 1", "'-x' is no host")]
    [InlineData("-W web", "is no HOST:PORT")]
    [InlineData("-O check -D 1", "is not done by a junction")]
    [InlineData("-o ProxyCommand=nc -D 1 far", "ProxyCommand")]
    [InlineData("-o Compression=perhaps -D 1 far", "not yes or no")]
    [InlineData("-o nothing -D 1", "no KEYWORD=VALUE")]
    public void What_cannot_be_done_is_a_problem(string line, string words) =>
        Assert.Contains(SshCommandLine.Read([.. CommandWords.Of(line)!]).Problems, p => p.Contains(words, StringComparison.Ordinal));

    [Theory]
    [InlineData("-p 22 -D 1 far", "-p 22 is sshd's port")]
    [InlineData("-i id -D 1 far", "--identity")]
    [InlineData("-o Bogus=1 -D 1 far", "Bogus has no meaning")]
    [InlineData("-D 1 far sleep 10", "no command is run")]
    [InlineData("-D 1 far -- -x", "no command is run")]
    [InlineData("-E log -D 1 far", "-E log has no meaning")]
    public void What_changes_nothing_is_taken_with_a_warning(string line, string words)
    {
        var read = SshCommandLine.Read([.. CommandWords.Of(line)!]);
        Assert.Empty(read.Problems);
        Assert.Contains(read.Warnings, w => w.Contains(words, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("-NTnx -a -q -t -l me -o BatchMode=yes -o StrictHostKeyChecking=accept-new -D 1 far")]
    [InlineData("-o User=me -oRequestTTY=no -o LogLevel=QUIET -o ServerAliveCountMax=3 -D 1 far")]
    public void What_scripts_always_say_is_taken_in_silence(string line)
    {
        var read = SshCommandLine.Read([.. CommandWords.Of(line)!]);
        Assert.Empty(read.Problems);
        Assert.Empty(read.Warnings);
    }

    [Theory]
    [InlineData("-D 1 far", "far:")]
    [InlineData("-D 1 me@far", "far:")]
    [InlineData("-D 1 me@far:9443", "far:9443")]
    [InlineData("-D 1 ssh://me@far:22/", "far:")]
    [InlineData("-D 1 fd00::1", "fd00::1:")]
    [InlineData("-D 1 [fd00::1]:9443", "fd00::1:9443")]
    [InlineData("-D 1 -J a:1,me@b far", "a:1 b: far:")]
    [InlineData("-D 1 -J a,b", "a: b:")]
    [InlineData("-D 1 -J none far", "far:")]
    [InlineData("-D 1 -J a -o HostName=10.0.0.7 far", "a: 10.0.0.7:")]
    public void Hops_are_found_wherever_they_stand(string line, string expected)
    {
        var read = SshCommandLine.Read([.. CommandWords.Of(line)!]);
        Assert.Empty(read.Problems);
        Assert.Equal(expected, string.Join(' ', read.Hops.Select(h => $"{h.Host}:{h.Port}")));
    }

    [Theory]
    [InlineData("-D 1 hq=10.0.0.7:9443", "hq 10.0.0.7 9443")]
    [InlineData("-D 1 -J gate=dmz.example.com,me@hq=[fd00::1]", "gate dmz.example.com , hq fd00::1 ")]
    public void A_junction_that_is_not_called_as_its_host_has_its_name_before_it(string line, string expected)
    {
        var read = SshCommandLine.Read([.. CommandWords.Of(line)!]);
        Assert.Empty(read.Problems);
        Assert.Equal(expected, string.Join(", ", read.Hops.Select(h => $"{h.Name} {h.Host} {h.Port}")));
    }

    [Fact]
    public void W_clears_the_other_forwards_and_ends_on_failure()
    {
        var read = SshCommandLine.Read(["-o", "ExitOnForwardFailure=no", "-L", "8080:web:80", "-W", "[::1]:22", "far"]);
        Assert.Empty(read.Problems);
        Assert.Empty(read.Forwards);
        Assert.True(read.ExitsOnForwardFailure);
        Assert.Equal("[::1]:22", read.Stdio);
    }

    [Fact]
    public void A_variable_in_a_path_is_replaced()
    {
        var spec = ForwardSpec.Read('L', "${DIR}/a.sock:/run/b\\:c.sock", name => name == "DIR" ? "/tmp/x" : null, out _)!;
        Assert.Equal(("/tmp/x/a.sock", "/run/b:c.sock"), (spec.Path, spec.HostPath));
    }

    /// <summary>Found by the fuzz test: behind "unix:" two slashes begin a URL, and the path lost both.</summary>
    [Fact]
    public void Several_slashes_at_the_beginning_of_a_path_are_one()
    {
        var spec = ForwardSpec.Read('L', "//tmp/a.sock:[///run/b.sock]", out _)!;
        Assert.Equal(("/tmp/a.sock", "/run/b.sock"), (spec.Path, spec.HostPath));
    }

    [Theory]
    [InlineData("a  b\tc", "a|b|c")]
    [InlineData("a 'b c' \"d e\" f\\ g ''", "a|b c|d e|f g|")]
    [InlineData("\"a\\\"b\" 'a\\b' \"a\\b\"", "a\"b|a\\b|a\\b")]
    [InlineData("-o 'LocalForward 1 a:1'", "-o|LocalForward 1 a:1")]
    public void Words_are_cut_as_a_shell_cuts_them(string line, string expected) => Assert.Equal(expected, string.Join('|', CommandWords.Of(line)!));

    [Fact]
    public void An_open_quote_is_no_line() => Assert.Null(CommandWords.Of("ssh 'x"));
}
