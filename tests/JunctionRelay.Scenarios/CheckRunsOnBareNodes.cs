using System.Text.RegularExpressions;
using JunctionRelay.Scenarios.Harness;

namespace JunctionRelay.Scenarios;

/// <summary>
/// What a compute node must have: a machine on which OpenSSL's libraries are hidden (a mount namespace) walks to a license server all the same, and what needs TLS there says so in
/// a sentence; and glibc need be no newer than the documents say.
/// </summary>
public sealed partial class CheckRunsOnBareNodes
{
    private const string Sentence = "junction: this needs TLS, and there is no OpenSSL on this machine";

    // An empty file in place of each: the loader finds a library and cannot use it, as where it is not there.
    private static string[] WithoutOpenSsl => ["unshare", "--mount", "sh", "-c", "for f in /usr/lib/*/libssl.so* /lib/*/libssl.so* /usr/lib*/libssl.so*; do [ -e \"$f\" ] && mount --bind /dev/null \"$f\"; done; exec \"$@\"", "sh"];

    [Fact]
    public async Task Without_OpenSSL_a_check_of_a_port_goes_all_the_way()
    {
        const string Server = "127.0.0.2";
        var lmgrd = FreePort.Next();
        await using var licenses = await SimulatedLicenses.Start(Server, lmgrd, FreePort.Next(), 1, hostName: Server);
        var result = await RealProgram.Run(JunctionProcess.Binary(), ["check", $"{lmgrd}@{Server}"], new ProgramOptions { Wrapper = WithoutOpenSsl });
        Assert.True(result.ExitCode == 0, result.ToString());
        Assert.Contains("the vendor daemon", result.Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("run plain.json")]
    [InlineData("validate plain.json")]
    [InlineData("check lmgrd -c plain.json")]
    [InlineData("ping hq -c plain.json")]
    [InlineData("forward -W 127.0.0.1:1")]
    [InlineData("pki init --directory pki")]
    [InlineData("demo")]
    [InlineData("exec -c plain.json -- true")]
    [InlineData("enroll 127.0.0.1:1 --token-file token --identity identity")]
    public async Task Without_OpenSSL_what_needs_it_says_so(string command)
    {
        using var folder = new TemporaryFolder();
        folder.Write("plain.json", """{ "relays": { "lmgrd": { "listen": ["127.0.0.1:0"], "target": ["127.0.0.1:1"] } } }""");
        var result = await RealProgram.Run(JunctionProcess.Binary(), command.Split(' '), new ProgramOptions { Wrapper = WithoutOpenSsl, Folder = folder.Path });
        Assert.True(result.ExitCode == 69, result.ToString());
        Assert.StartsWith(Sentence, result.Error, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', result.Error.TrimEnd());
    }

    [Theory]
    [InlineData("", "MLM_LICENSE_FILE=/nonexistent/x.lic names neither PORT@HOST nor a license file that is there")]
    [InlineData("/nonexistent/x.lic", "/nonexistent/x.lic: there is no such license file")]
    public async Task Without_OpenSSL_a_stale_variable_or_a_missing_file_is_what_is_told(string what, string said)
    {
        using var folder = new TemporaryFolder();
        var result = await RealProgram.Run(JunctionProcess.Binary(), [.. new[] { "check", what }.Where(w => w.Length > 0)],
            new ProgramOptions { Wrapper = WithoutOpenSsl, Folder = folder.Path, Environment = new Dictionary<string, string> { ["MLM_LICENSE_FILE"] = "/nonexistent/x.lic" } });
        Assert.True(result.ExitCode == 2, result.ToString());
        Assert.StartsWith($"junction check: {said}", result.Error, StringComparison.Ordinal);
        Assert.Contains("MLM_LICENSE_FILE=/nonexistent/x.lic (", result.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void The_runtime_asks_for_no_newer_glibc_than_the_documents_say()
    {
        var documented = Documented().Match(File.ReadAllText(Repository.File("docs/troubleshooting.md"))).Groups["minor"].Value;
        var runtime = Path.GetDirectoryName(typeof(object).Assembly.Location)!;
        var libraries = Directory.GetFiles(runtime, "*.so").Append(JunctionProcess.Binary()).ToList();
        Assert.Contains(libraries, l => Path.GetFileName(l) == "libcoreclr.so");
        // The loader compares the names of versions that a library lists as needed; of all of them the newest counts.
        var newest = libraries.SelectMany(l => Version().Matches(System.Text.Encoding.Latin1.GetString(File.ReadAllBytes(l)))).Max(m => int.Parse(m.Groups["minor"].Value, System.Globalization.CultureInfo.InvariantCulture));
        Assert.Equal(documented, $"{newest}");
    }

    [GeneratedRegex(@"GLIBC_2\.(?<minor>[0-9]+)\0")]
    private static partial Regex Version();

    [GeneratedRegex(@"glibc 2\.(?<minor>[0-9]+) \(")]
    private static partial Regex Documented();
}
