using JunctionRelay.App.Exec;

namespace JunctionRelay.Tests.Exec;

/// <summary>What a job's own license variables name.</summary>
public sealed class JobVariableTests
{
    [Theory]
    [InlineData("LM_LICENSE_FILE", "27000@lic1.corp", "lic1.corp:27000!")]
    [InlineData("ANSYSLMD_LICENSE_FILE", "1055@a:1055@b:/opt/none.lic", "a:1055! b:1055!")]
    [InlineData("DEMOD_LICENSE_FILE", "27001@a,27001@b,27001@c", "a:27001! b:27001! c:27001!")]
    [InlineData("CDS_LIC_FILE", "5280@10.1.2.3;@lic2", "10.1.2.3:5280! lic2:27000!")]
    [InlineData("RLM_LICENSE", "5053@lic1", "lic1:5053")]
    [InlineData("acme_LICENSE", "5053@lic1", "lic1:5053")]
    [InlineData("SENTIEON_LICENSE", "lic3.corp:8990", "lic3.corp:8990")]
    [InlineData("SENTIEON_LICENSE", "[fd00::5]:8990", "fd00::5:8990")]
    [InlineData("SENTIEON_LICENSE", "/opt/sentieon.lic", "")]
    [InlineData("LM_LICENSE_FILE", "27000@localhost:27000@127.0.0.1:27000@this_host", "")]
    [InlineData("LM_LICENSE_FILE", "::,;a@b:99999@lic1:27000@lic 1", "")]
    public void Its_servers_are_found(string name, string value, string servers) =>
        Assert.Equal(servers, string.Join(' ', new JobVariable(name, value).Servers.Select(s => $"{s.Host}:{s.Ports}{(s.IsFollowed ? "!" : "")}")));

    [Theory]
    [InlineData("LM_LICENSE_FILE", "27000@lic1:@10.0.0.1:/opt/a.lic", "27000@at-lic1:27000@at-10.0.0.1:/opt/a.lic")]
    [InlineData("LM_LICENSE_FILE", "1@a,2@b,3@c;27000@localhost", "1@at-a,2@at-b,3@at-c;27000@localhost")]
    [InlineData("SENTIEON_LICENSE", "lic3:8990", "at-lic3:8990")]
    [InlineData("SENTIEON_LICENSE", "/opt/sentieon.lic", "/opt/sentieon.lic")]
    public void Only_hosts_are_replaced(string name, string value, string expected) =>
        Assert.Equal(expected, new JobVariable(name, value).With(host => $"at-{host}"));

    [Fact]
    public void Only_license_variables_count() =>
        Assert.Equal(["ACME_LICENSE_FILE", "SENTIEON_LICENSE"], JobVariable.Of(new Dictionary<string, string>
        {
            ["SENTIEON_LICENSE"] = "a:1",
            ["PATH"] = "/bin",
            ["ACME_LICENSE_FILE"] = "1@a",
            ["LM_LICENSE_FILE"] = "",
            ["LICENSE"] = "1@a",
            ["LM_LICENSE_FILE_OLD"] = "1@a",
        }).Select(v => v.Name));
}
