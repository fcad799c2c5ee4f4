using JunctionRelay.App.Ssh;
using JunctionRelay.Tests.Configuration;

namespace JunctionRelay.Tests.Ssh;

public sealed class SshConfigFileTests
{
    [Fact]
    public void A_hosts_settings_are_those_of_all_its_blocks_the_first_before_the_later()
    {
        using var folder = new ConfigFolder();
        folder.Write("config", """
            # what ecFlow users have
            Include conf/*.conf
            Host lic hpc-*  !hpc-test
                HostName = lic1.corp
                LocalForward 27000 lic1.corp:27000
                LocalForward "27001 lic1.corp:27001"
                ProxyJump gate
            Match exec "true"
                DynamicForward 1
            Host *
                HostName elsewhere
                DynamicForward 1080
                Port 22
            """);
        folder.Write("conf/a.conf", "Host lic\n  RemoteForward 6000 localhost:9095\n");
        var read = SshConfigFile.Read(folder.Path("config"), "lic");
        Assert.Equal(
            ["remoteforward 6000 localhost:9095", "hostname lic1.corp", "localforward 27000 lic1.corp:27000", "localforward 27001 lic1.corp:27001", "proxyjump gate", "dynamicforward 1080", "port 22"],
            read.Settings.Select(s => $"{s.Keyword} {s.Value}"));
        Assert.True(read.IsNamed);
        Assert.Contains("Match exec", Assert.Single(read.Warnings), StringComparison.Ordinal);

        var line = SshCommandLine.Read(["lic"], host => host == "lic" ? read.Settings : []);
        Assert.Empty(line.Problems);
        Assert.Equal(["gate", "lic1.corp"], line.Hops.Select(h => h.Host));
        Assert.Equal(4, line.Forwards.Count);

        Assert.False(SshConfigFile.Read(folder.Path("config"), "hpc-test").IsNamed);
        Assert.True(SshConfigFile.Read(folder.Path("config"), "HPC-7").IsNamed);
    }

    [Fact]
    public void The_words_come_before_the_file_and_the_first_value_before_the_later()
    {
        (string, string)[] settings = [("compression", "no"), ("localforward", "2 b:2"), ("hostname", "real.example.com"), ("gatewayports", "no"), ("proxyjump", "other"), ("identityfile", "a"), ("identityfile", "b")];
        var line = SshCommandLine.Read(
            ["-g", "-J", "gate", "-L", "1:a:1", "-o", "ExitOnForwardFailure=no", "-o", "ExitOnForwardFailure=yes", "far"],
            host => host switch { "far" => settings, "gate" => [("hostname", "gate.example.com")], _ => [] });
        Assert.Empty(line.Problems);
        Assert.Equal(["gate.example.com", "real.example.com"], line.Hops.Select(h => h.Host));
        Assert.Equal(["a:1", "b:2"], line.Forwards.Select(f => f.Destination));
        Assert.True(line.ListensOnAll);
        Assert.False(line.ExitsOnForwardFailure);
        Assert.Equal(2, line.Warnings.Count);
    }

    [Fact]
    public void A_file_that_includes_itself_ends()
    {
        using var folder = new ConfigFolder();
        folder.Write("config", "Include config\nHost a\n  DynamicForward 1080\n");
        Assert.Contains(SshConfigFile.Read(folder.Path("config"), "a").Warnings, w => w.Contains("too deeply", StringComparison.Ordinal));
    }
}
