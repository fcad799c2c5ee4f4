using JunctionRelay.App.Commands;
using JunctionRelay.Tests.Configuration;
using JunctionRelay.Tests.Harness;

namespace JunctionRelay.Tests.Licensing;

/// <summary>What <c>junction env</c> prints. Scenarios ask the shells themselves.</summary>
public sealed class EnvironmentTests
{
    private const string Licenses = "27000@lic1.example.com 27001@a,27001@b,27001@c --sentieon lic3.example.com:8990";

    [Theory]
    [InlineData("sh", """
        export LM_LICENSE_FILE='27000@lic1.example.com:27001@a,27001@b,27001@c'
        export SENTIEON_LICENSE='lic3.example.com:8990'

        """)]
    [InlineData("csh", """
        setenv LM_LICENSE_FILE '27000@lic1.example.com:27001@a,27001@b,27001@c';
        setenv SENTIEON_LICENSE 'lic3.example.com:8990';

        """)]
    [InlineData("powershell", """
        $env:LM_LICENSE_FILE = '27000@lic1.example.com', '27001@a,27001@b,27001@c' -join [IO.Path]::PathSeparator
        $env:SENTIEON_LICENSE = 'lic3.example.com:8990'

        """)]
    [InlineData("cmd", """
        set "LM_LICENSE_FILE=27000@lic1.example.com;27001@a,27001@b,27001@c"
        set "SENTIEON_LICENSE=lic3.example.com:8990"

        """)]
    [InlineData("slurm", """
        #!/bin/sh
        # TaskProlog in slurm.conf: what this prints becomes the environment of the task.
        echo 'export LM_LICENSE_FILE=27000@lic1.example.com:27001@a,27001@b,27001@c'
        echo 'export SENTIEON_LICENSE=lic3.example.com:8990'

        """)]
    [InlineData("nextflow", """
        env {
          LM_LICENSE_FILE = '27000@lic1.example.com:27001@a,27001@b,27001@c'
          SENTIEON_LICENSE = 'lic3.example.com:8990'
        }

        """)]
    [InlineData("kubernetes", """
        apiVersion: v1
        kind: ConfigMap
        metadata:
          name: license-environment
        data:
          LM_LICENSE_FILE: "27000@lic1.example.com:27001@a,27001@b,27001@c"
          SENTIEON_LICENSE: "lic3.example.com:8990"

        """)]
    public async Task Each_shell_gets_its_own_words(string shell, string expected) =>
        Assert.Equal((0, expected.ReplaceLineEndings("\n"), ""), await EnvAsync($"{Licenses} --shell {shell}"));

    [Theory]
    [InlineData("many-vendors.lic", "ANSYSLMD_LICENSE_FILE MLM_LICENSE_FILE CDS_LIC_FILE LMCOMSOL_LICENSE_FILE", "27000@lic1.corp.example.com")]
    [InlineData("triad.lic", "DEMOD_LICENSE_FILE", "2837@pat,2837@lee,2837@terry")]
    [InlineData("client.lic", "LM_LICENSE_FILE", "27000@lic1.corp.example.com")]
    [InlineData("rlm.lic", "acme_LICENSE", "5053@lic1.corp.example.com")]
    [InlineData("rlm-server.lic", "prqa_LICENSE", "27000@server01")]
    [InlineData("rlm-client.lic", "RLM_LICENSE", "5053@lic1.corp.example.com")]
    [InlineData("address.lic", "DEMOD_LICENSE_FILE", "27000@10.20.30.40")]
    [InlineData("plain.lic --junction junction.cloud", "DEMOD_LICENSE_FILE", "27000@junction.cloud")]
    [InlineData("this-host.lic --junction junction.cloud", "DEMOD_LICENSE_FILE", "27000@junction.cloud")]
    [InlineData("--sentieon lic3:8990 --junction fd00::5", "SENTIEON_LICENSE", "[fd00::5]:8990")]
    public async Task A_vendor_is_known_by_its_variable(string arguments, string names, string value)
    {
        var (exit, output, _) = await EnvAsync(arguments);
        Assert.Equal((0, string.Concat(names.Split(' ').Select(n => $"export {n}='{value}'\n"))), (exit, output));
    }

    [Theory]
    [InlineData("this-host.lic", "--server-name NAME")]
    [InlineData("nodelocked.lic", "has no SERVER line")]
    public async Task What_cannot_be_known_is_said(string arguments, string expected)
    {
        var (exit, output, error) = await EnvAsync(arguments);
        Assert.Equal((78, ""), (exit, output));
        Assert.Contains(expected, error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_configuration_says_it_too()
    {
        using var folder = new ConfigFolder().Write("junction.json", """
            {
              "relays": {
                "a": { "listen": ["127.0.0.1"], "target": ["lic1.example.com"], "preset": "ansys" },
                "b": { "listen": ["127.0.0.1:8990"], "target": ["10.1.2.3:8990"], "preset": "sentieon" },
                "c": { "listen": ["*:27050"], "target": ["lic2.example.com:27050"], "preset": "acme" },
                "d": { "listen": ["*:27051"], "target": ["lic3.example.com:27051"], "preset": "acme" },
                "e": { "listen": ["*:80"], "target": ["www:80"] },
                "f": { "listen": ["10.0.0.1:27000"], "target": ["lic4.example.com:27000"], "protocol": "flexlm" }
              },
              "presets": { "acme": { "variable": "ACME_LICENSE_FILE" } }
            }
            """);
        Assert.Equal(
            (0, "export ANSYSLMD_LICENSE_FILE='1055@lic1.example.com'\nexport SENTIEON_LICENSE='127.0.0.1:8990'\nexport ACME_LICENSE_FILE='27050@lic2.example.com:27051@lic3.example.com'\nexport LM_LICENSE_FILE='27000@lic4.example.com'\n", ""),
            await EnvAsync($"-c {folder.Path("junction.json")}"));
        Assert.StartsWith("export ANSYSLMD_LICENSE_FILE='1055@j'\n", (await EnvAsync($"-c {folder.Path("junction.json")} --junction j")).Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{ "relays": { "a": { "listen": ["*:1"], "target": ["lic:1"] } } }""", "\"preset\": \"ansys\"")]
    [InlineData("""{ "relays": { "a": { "listen": ["*:1"], "target": ["10.1.2.3:2"], "preset": "ansys" } } }""", "relays.a: where the nodes find it is not known")]
    public async Task A_configuration_that_does_not_say_it_is_told(string config, string expected)
    {
        using var folder = new ConfigFolder().Write("junction.json", config);
        var (exit, output, error) = await EnvAsync($"-c {folder.Path("junction.json")}");
        Assert.Equal((78, ""), (exit, output));
        Assert.Contains(expected, error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--shell fish")]
    [InlineData("--junction a'b")]
    public void A_wrong_option_is_refused(string line) => Assert.NotEmpty(EnvCommand.Create().Parse(line).Errors);

    private static async Task<(int Exit, string Output, string Error)> EnvAsync(string line)
    {
        var arguments = line.Split(' ', StringSplitOptions.RemoveEmptyEntries)
            .Select(a => a.EndsWith(".lic", StringComparison.Ordinal) ? RepositoryFiles.Path($"tests/JunctionRelay.Tests/Licensing/Files/{a}") : a);
        return await JunctionProgram.RunAsync(arguments.Prepend("env"));
    }
}
