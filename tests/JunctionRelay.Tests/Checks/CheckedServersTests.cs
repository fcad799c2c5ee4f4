using JunctionRelay.App.Checks;
using JunctionRelay.Licensing;
using JunctionRelay.Tests.Harness;

namespace JunctionRelay.Tests.Checks;

/// <summary>What a check without a configuration is about, and what else leads a user's programs to servers.</summary>
public sealed class CheckedServersTests
{
    private static readonly Dictionary<string, string> Empty = [];

    [Fact]
    public void Variables_name_servers_triads_vendors_and_files()
    {
        using var folder = new TestFolder();
        var file = folder.Write("license.dat", "SERVER lic9 001122334455 27009\nVENDOR acmed PORT=27010\n");
        var environment = new Dictionary<string, string>
        {
            ["LM_LICENSE_FILE"] = $"27000@a:{file}",
            ["CDS_LIC_FILE"] = "5280@b",
            ["DEMOD_LICENSE_FILE"] = "1@x,2@y,3@z",
            ["SENTIEON_LICENSE"] = "lic3:8990",
            ["PATH"] = "27000@nobody",
        };
        var problems = new List<string>();
        var servers = CheckedServers.Read([], [], environment, hasConfiguration: false, problems);
        Assert.Empty(problems);
        Assert.Equal(
            [
                (LicenseKind.FlexNet, "b", 5280, "cdslmd"), (LicenseKind.FlexNet, "x", 1, "DEMOD"), (LicenseKind.FlexNet, "y", 2, "DEMOD"), (LicenseKind.FlexNet, "z", 3, "DEMOD"),
                (LicenseKind.FlexNet, "a", 27000, ""), (LicenseKind.FlexNet, "lic9", 27009, "acmed"), (LicenseKind.Sentieon, "lic3", 8990, ""),
            ],
            servers.SelectMany(s => s.Servers).Select(s => (s.Kind, s.Server.Host, s.Server.Port, s.Vendor)));
        Assert.Equal([1, 2, 1, 1], servers.Select(s => s.Needed));
        Assert.Empty(CheckedServers.Read([], [], environment, hasConfiguration: true, problems));
    }

    [Fact]
    public void Variables_of_RLM_programs_count_when_they_name_servers()
    {
        var environment = new Dictionary<string, string> { ["acme_LICENSE"] = "5053@a:5053@b", ["other_LICENSE"] = "5053@fd00::7", ["API_LICENSE"] = "hush", ["EMPTY_LICENSE"] = "" };
        var problems = new List<string>();
        var ways = CheckedServers.Read([], [], environment, hasConfiguration: false, problems);
        Assert.Empty(problems);
        Assert.Equal([1, 1], ways.Select(w => w.Needed));
        Assert.Equal(
            [(LicenseKind.Rlm, "a"), (LicenseKind.Rlm, "b"), (LicenseKind.Rlm, "fd00::7")],
            ways.SelectMany(w => w.Servers).Select(s => (s.Kind, s.Server.Host)));
        using var home = new TestFolder();
        Assert.Equal(["acme_LICENSE=5053@a:5053@b", "other_LICENSE=5053@fd00::7"], Surroundings.Read(environment, home.Root));
    }

    [Theory]
    [InlineData("MLM_LICENSE_FILE", "/nonexistent/x.lic", "MLM_LICENSE_FILE=/nonexistent/x.lic names neither PORT@HOST nor a license file that is there: correct or unset it")]
    [InlineData("LM_LICENSE_FILE", "foo", "LM_LICENSE_FILE=foo names neither PORT@HOST nor a license file that is there: correct or unset it")]
    [InlineData("SENTIEON_LICENSE", "/nonexistent/x.lic", "SENTIEON_LICENSE=/nonexistent/x.lic names neither HOST:PORT nor a license file that is there: correct or unset it")]
    [InlineData("PATH", "/bin", "no license variable is set here, and there is no configuration: name a server (27000@host, --sentieon host:8990), a license file, or a configuration (-c FILE)")]
    public void A_stale_variable_is_named(string variable, string value, string problem)
    {
        var problems = new List<string>();
        Assert.Empty(CheckedServers.Read([], [], new Dictionary<string, string> { [variable] = value }, hasConfiguration: false, problems));
        Assert.Equal([problem], problems);
        Assert.Empty(CheckedServers.Read([], [], new Dictionary<string, string> { [variable] = value }, hasConfiguration: true, problems = []));
        Assert.Empty(problems);
    }

    [Theory]
    [InlineData("/nonexistent/license")]
    [InlineData("nonexistent.lic")]
    [InlineData("nonexistent.DAT")]
    public void A_file_that_is_not_there_is_no_relay(string file)
    {
        var problems = new List<string>();
        CheckedServers.Read([file], [], Empty, hasConfiguration: true, problems);
        Assert.Equal([$"{file}: there is no such license file"], problems);
    }

    [Fact]
    public void Dead_entries_of_a_variable_are_shown_as_such()
    {
        using var home = new TestFolder();
        var environment = new Dictionary<string, string> { ["LM_LICENSE_FILE"] = "/nonexistent/y.lic:5@127.0.0.1", ["SENTIEON_LICENSE"] = "lic", ["CDS_LIC_FILE"] = "5280@b" };
        Assert.Single(CheckedServers.Read([], [], new Dictionary<string, string> { ["LM_LICENSE_FILE"] = environment["LM_LICENSE_FILE"] }, hasConfiguration: false, []));
        Assert.Equal(
            [
                "CDS_LIC_FILE=5280@b",
                "LM_LICENSE_FILE=/nonexistent/y.lic:5@127.0.0.1 (/nonexistent/y.lic: neither PORT@HOST nor a file that is there)",
                "SENTIEON_LICENSE=lic (neither HOST:PORT nor a file that is there)",
            ],
            Surroundings.Read(environment, home.Root).Take(3));
    }

    [Fact]
    public void Files_of_a_list_lead_with_all_of_their_daemons()
    {
        using var folder = new TestFolder();
        var file = folder.Write("license.dat", "SERVER lic9 001122334455 27009\nVENDOR acmed\nVENDOR demod\n");
        Assert.Equal(2, CheckedServers.Read([file], [], Empty, hasConfiguration: false, []).Count);
        var list = Assert.Single(CheckedServers.Read([], [], new Dictionary<string, string> { ["LM_LICENSE_FILE"] = $"{file}:27000@a" }, hasConfiguration: false, []));
        Assert.Equal(1, list.Needed);
        Assert.Equal([2, 1], list.Ways.Select(w => w.Needed));
    }

    [Fact]
    public void Of_an_RLM_file_the_pinned_ports_are_known()
    {
        using var folder = new TestFolder();
        var file = folder.Write("acme.lic", "HOST lic5 001122334455 5053\nISV acme port=5100\nISV other\n");
        var servers = CheckedServers.Read([file], [], Empty, hasConfiguration: false, []).SelectMany(w => w.Servers);
        Assert.Equal([("acme", 5100), ("other", null)], servers.Select(s => (s.Vendor, s.IsvPort)));
    }

    [Fact]
    public void Relays_and_servers_do_not_mix()
    {
        var problems = new List<string>();
        Assert.Empty(CheckedServers.Read(["lmgrd"], [], Empty, hasConfiguration: true, problems));
        Assert.Empty(problems);
        Assert.Single(CheckedServers.Read(["27000@a", "lmgrd"], [], Empty, hasConfiguration: true, problems));
        Assert.Contains("lmgrd", Assert.Single(problems), StringComparison.Ordinal);
    }

    [Fact]
    public void Servers_of_before_are_told_and_nothing_else_of_the_environment()
    {
        using var folder = new TestFolder();
        folder.Write(".flexlmrc", "DEMOD_LICENSE_FILE=27000@old\u001b[31m\n# nothing\n");
        var lines = Surroundings.Read(new Dictionary<string, string> { ["LM_LICENSE_FILE"] = "27000@a", ["XILINXD_LICENSE_FILE"] = "2100@b", ["ANSYSLI_SERVERS"] = "2325@c", ["AWS_SECRET"] = "hush" }, folder.Root);
        Assert.Equal(["ANSYSLI_SERVERS=2325@c", "LM_LICENSE_FILE=27000@a"], lines.Take(2));
        Assert.Contains("~/.flexlmrc: DEMOD_LICENSE_FILE=27000@old\uFFFD[31m", lines);
        Assert.Contains(lines, l => l.Contains("before those of LM_LICENSE_FILE", StringComparison.Ordinal));
        Assert.Equal("FlexNet clients ask the servers in ~/.flexlmrc as well: delete lines that are out of date", lines[^1]);
        Assert.DoesNotContain(lines, l => l.Contains("# nothing", StringComparison.Ordinal));
        Assert.DoesNotContain(lines, l => l.Contains("hush", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("ANSYSLMD_LICENSE_FILE", "ANSYSLMD")]
    [InlineData("MLM_LICENSE_FILE", "MLM")]
    [InlineData("acme_LICENSE", null)]
    [InlineData("CDS_LIC_FILE", "cdslmd")]
    [InlineData("LM_LICENSE_FILE", null)]
    [InlineData("SENTIEON_LICENSE", null)]
    public void Variables_name_their_vendor_daemon(string variable, string? vendor) => Assert.Equal(vendor, LicenseVendors.Of(variable));
}
