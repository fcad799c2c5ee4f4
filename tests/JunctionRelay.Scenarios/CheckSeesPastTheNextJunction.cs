using System.Text.Json;
using JunctionRelay.Scenarios.Harness;

namespace JunctionRelay.Scenarios;

/// <summary>
/// <c>junction check</c> where the fault is not at the next hop: the far end of a chain is heard in its own words, a link that the other side dials is tried through the
/// running relay, and a Sentieon server is asked by the vendor's own program.
/// </summary>
public sealed class CheckSeesPastTheNextJunction
{
    // On the same machine as the junctions, the server needs an address of its own: its vendor port is opened beside it.
    private const string Server = "127.0.0.2";

    private static readonly TimeSpan OnABusyMachine = TimeSpan.FromSeconds(60);

    [Fact]
    public async Task The_far_end_of_a_chain_says_what_it_met()
    {
        using var folder = new TemporaryFolder();
        using var authority = new TestCertificates(folder);
        int hqPort = FreePort.Next(), dmzPort = FreePort.Next(), lmgrd = FreePort.Next(), dead = FreePort.Next(), nobody = FreePort.Next();
        await using var licenses = await SimulatedLicenses.Start(Server, lmgrd, FreePort.Next(), 1);
        await using var hq = await JunctionProcess.Start($$"""
            {
              "identity": {{authority.Identity("hq")}}, "linkListen": ["127.0.0.1:{{hqPort}}"],
              "services": { "lmgrd": { "target": ["{{Server}}:{{lmgrd}}"], "protocol": "flexlm" }, "dead": { "target": ["{{Server}}:{{nobody}}"] } },
              "peers": { "dmz": { "services": ["*"] } }
            }
            """);
        await using var dmz = await JunctionProcess.Start($$"""
            {
              "identity": {{authority.Identity("dmz")}}, "linkListen": ["127.0.0.1:{{dmzPort}}"], "links": { "hq": { "dial": ["127.0.0.1:{{hqPort}}"] } },
              "services": { "lmgrd": { "target": ["link://hq/lmgrd"], "protocol": "flexlm" }, "dead": { "target": ["link://hq/dead"] } },
              "peers": { "cloud": { "services": ["*"] } }
            }
            """);
        await dmz.Line("link with hq is up", Deadline.Start);
        var config = folder.Write("cloud.json", $$"""
            {
              "identity": {{authority.Identity("cloud")}}, "links": { "dmz": { "dial": ["127.0.0.1:{{FreePort.Next()}}", "127.0.0.1:{{dmzPort}}"] } },
              "relays": {
                "lmgrd": { "listen": ["127.0.0.1:{{lmgrd}}"], "target": ["link://dmz/lmgrd"], "protocol": "flexlm" },
                "dead":  { "listen": ["127.0.0.1:{{dead}}"], "target": ["link://dmz/dead"] }
              }
            }
            """);
        await using var cloud = await JunctionProcess.Start(File.ReadAllText(config));
        await cloud.Line("link with dmz is up", Deadline.Start);

        var (whole, steps) = await UntilAllIsWellAsync(cloud, "lmgrd", "-c", config);
        Assert.Equal(0, whole.ExitCode);
        // The first of the two addresses leads nowhere, which is told and does no harm; that the test's certificates run out soon is told under a second tls.
        Assert.Equal(["junction", "tcp", "tcp", "tls", "link", "policy", "dial", "lmgrd", "redirect", "redirect-name", "vendor-port", "vendor", "relay"], steps.Where((s, i) => s.Hop != "tls" || steps[i - 1].Hop != "tls").Select(s => s.Hop));
        Assert.Equal("warning", steps[1].Verdict);

        var (broken, met) = await CheckAsync("dead", "-c", config);
        Assert.Equal(15, broken.ExitCode);
        Assert.Equal(("dial", "failed"), (met[^1].Hop, met[^1].Verdict));
        Assert.Contains($"link://hq/dead: {Server}:{nobody}: ", met[^1].Text, StringComparison.Ordinal);

        Assert.Equal(0, await licenses.HeldWithin(0, Deadline.Soon));
    }

    [Fact]
    public async Task A_link_that_the_other_side_dials_is_tried_through_the_relay()
    {
        using var folder = new TemporaryFolder();
        using var authority = new TestCertificates(folder);
        int link = FreePort.Next(), lmgrd = FreePort.Next();
        await using var licenses = await SimulatedLicenses.Start(Server, lmgrd, FreePort.Next(), 1);
        var config = folder.Write("near.json", $$"""
            {
              "identity": {{authority.Identity("near")}}, "linkListen": ["127.0.0.1:{{link}}"], "peers": { "far": { } },
              "relays": { "lmgrd": { "listen": ["127.0.0.1:{{lmgrd}}"], "target": ["link://far/lmgrd"], "protocol": "flexlm" } }
            }
            """);
        await using var near = await JunctionProcess.Start(File.ReadAllText(config));
        await near.Line("relay lmgrd refuses connections", Deadline.Start);
        var (down, _) = await CheckAsync("lmgrd", "-c", config);
        Assert.Equal(15, down.ExitCode);
        Assert.Contains("the relay refuses its clients", down.Output, StringComparison.Ordinal);

        await using var far = await JunctionProcess.Start($$"""
            {
              "identity": {{authority.Identity("far")}}, "links": { "near": { "dial": ["127.0.0.1:{{link}}"] } },
              "services": { "lmgrd": { "target": ["{{Server}}:{{lmgrd}}"], "protocol": "flexlm" } }, "peers": { "near": { "services": ["lmgrd"] } }
            }
            """);
        await near.Line("link with far is up", Deadline.Start);
        Assert.Equal(0, (await UntilAllIsWellAsync(near, "lmgrd", "-c", config)).Result.ExitCode);
    }

    [Theory]
    [InlineData(0, 0)]
    [InlineData(1, 16)]
    public async Task A_Sentieon_server_is_asked_by_the_vendor_s_program(int says, int exit)
    {
        using var folder = new TemporaryFolder();
        await using var server = LoopbackServer.Echo();
        var program = folder.Write("sentieon", $"#!/bin/sh\necho \"$@\" > {folder["asked"]}\necho 'No license' >&2\nexit {says}\n");
        File.SetUnixFileMode(program, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        var result = await RealProgram.Run(
            JunctionProcess.Binary(), ["check", "--sentieon", $"127.0.0.1:{server.Port}"],
            new ProgramOptions { Environment = new Dictionary<string, string> { ["PATH"] = $"{folder.Path}:{Environment.GetEnvironmentVariable("PATH")}" } });
        Assert.True(result.ExitCode == exit, result.ToString());
        Assert.Equal($"licclnt ping -s 127.0.0.1:{server.Port}\n", File.ReadAllText(folder["asked"]));
        if (exit != 0) Assert.Contains("No license", result.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_leads_programs_elsewhere_is_told_whatever_was_checked()
    {
        using var folder = new TemporaryFolder();
        await using var server = LoopbackServer.Echo();
        folder.Write(".flexlmrc", "DEMOD_LICENSE_FILE=27000@retired.example.com\n");
        var environment = new ProgramOptions
        {
            Environment = new Dictionary<string, string>
            {
                ["HOME"] = folder.Path,
                ["PATH"] = "/usr/bin:/bin",
                ["LM_LICENSE_FILE"] = "27000@moved.example.com",
                ["XILINXD_LICENSE_FILE"] = "2100@other.example.com",
                ["DATABASE_PASSWORD"] = "hush",
            },
        };
        string[] check = ["check", "--sentieon", $"127.0.0.1:{server.Port}"];
        var text = await RealProgram.Run(JunctionProcess.Binary(), check, environment, OnABusyMachine);
        Assert.True(text.ExitCode == 0, text.ToString());
        string[] told =
        [
            "LM_LICENSE_FILE=27000@moved.example.com", "XILINXD_LICENSE_FILE=2100@other.example.com", "programs ask the servers of their vendor's own variable before those of LM_LICENSE_FILE",
            "~/.flexlmrc: DEMOD_LICENSE_FILE=27000@retired.example.com", "FlexNet clients ask the servers in ~/.flexlmrc as well: delete lines that are out of date",
        ];
        Assert.EndsWith($"What leads programs of this user to license servers, whatever a junction does:\n  {string.Join("\n  ", told)}\n", text.Output, StringComparison.Ordinal);

        using var document = JsonDocument.Parse((await RealProgram.Run(JunctionProcess.Binary(), [.. check, "--json"], environment, OnABusyMachine)).Output);
        Assert.Equal(told, document.RootElement.GetProperty("surroundings").EnumerateArray().Select(l => l.GetString()));
    }

    // A check gives a handshake 5 s and a connection 5 s: on a machine with more to do than it can, one of them may take longer. What is asked here is what it finds.
    private static async Task<(ProgramResult Result, IReadOnlyList<(string Hop, string Verdict, string Text)> Steps)> UntilAllIsWellAsync(JunctionProcess junction, params string[] arguments)
    {
        var found = await CheckAsync(arguments);
        await Deadline.Until(
            async () => found.Result.ExitCode == 0 || (found = await CheckAsync(arguments)).Result.ExitCode == 0, OnABusyMachine, "the check finds nothing wrong", () => $"{found.Result}\n{junction.Trouble()}");
        return found;
    }

    private static async Task<(ProgramResult Result, IReadOnlyList<(string Hop, string Verdict, string Text)> Steps)> CheckAsync(params string[] arguments)
    {
        var result = await RealProgram.Run(JunctionProcess.Binary(), ["check", .. arguments, "--json"], within: OnABusyMachine);
        Assert.Equal("", result.Error);
        using var document = JsonDocument.Parse(result.Output);
        return (result, [.. document.RootElement.GetProperty("checks").EnumerateArray().Single().GetProperty("steps").EnumerateArray()
            .Select(s => (s.GetProperty("hop").GetString()!, s.GetProperty("verdict").GetString()!, s.GetProperty("text").GetString()!))]);
    }
}
