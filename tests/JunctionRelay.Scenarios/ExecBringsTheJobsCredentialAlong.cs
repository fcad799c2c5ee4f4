using JunctionRelay.Scenarios.Harness;

namespace JunctionRelay.Scenarios;

/// <summary><c>SENTIEON_AUTH_MECH</c> and <c>SENTIEON_AUTH_DATA</c> of one job are what the site's own script is asked about, job by job.</summary>
public sealed class ExecBringsTheJobsCredentialAlong
{
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task The_script_at_the_site_hears_of_this_jobs_data_and_user(bool configured)
    {
        using var folder = new TemporaryFolder();
        var script = folder.Write("auth.py", """
            #!/usr/bin/env python3
            import json, sys
            asked = json.load(sys.stdin)
            print(asked["mech"], asked["user"], asked["service"], file=sys.stderr)
            sys.exit(0 if (asked["mech"], asked["data"], asked["user"]) == ("token", "of job 17", "nobody") else 1)

            """);
        await RealProgram.Succeed("chmod", ["755", script]);
        await using var site = await ExecSite.Open($$"""{ "exec": "{{script}}" }""");
        string[] how = configured
            ? ["-c", site.Config(ExecSite.Lmgrd)]
            : ["--via", $"{EntranceSite.BorderAddress}:8443", "--peer", "border", "--identity", site.Identity(ExecSite.Nobody), "--license", $"{ExecSite.LicensePort}@{ExecSite.LicenseServer}"];
        string[] job = ["--", JunctionProcess.Binary(), "simulate-client", "--server", $"{ExecSite.LicenseServer}:{ExecSite.LicensePort}"];

        var good = await site.Run(site.As(ExecSite.Nobody, ("SENTIEON_AUTH_MECH", "token"), ("SENTIEON_AUTH_DATA", "of job 17")), [.. how, .. job]);
        Assert.Equal((0, "held\nreturned\n", ""), (good.ExitCode, good.Output, good.Error));
        var bad = await site.Run(site.As(ExecSite.Nobody, ("SENTIEON_AUTH_MECH", "token"), ("SENTIEON_AUTH_DATA", "of job 18")), [.. how, .. job]);
        Assert.NotEqual(0, bad.ExitCode);
        Assert.Equal(1, (await site.Licenses.Counts()).Checkouts);
        await site.Border.Line("token nobody lmgrd");
    }
}
