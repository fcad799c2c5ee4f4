using JunctionRelay.Scenarios.Harness;

namespace JunctionRelay.Scenarios;

/// <summary>
/// Materials Studio behind a firewall, which was two <c>ssh -L</c> and a HOSTS file edited by hand: lmgrd on 1715, its vendor daemon on 1716, and a client that uses the server's own name.
/// </summary>
public sealed class MaterialsStudioUsesTheServersOwnName
{
    private const int Lmgrd = 1715, Vendor = 1716;
    private const string Server = "philsserver.york.ac.uk";

    [Theory]
    [InlineData(true)]    // by the whole name
    [InlineData(false)]   // as people say it
    public async Task A_license_is_checked_out_with_the_hosts_block(bool whole)
    {
        await using var site = await EntranceSite.Lay($"{EntranceSite.ServerAddress} {Server}");
        await using var licenses = await SimulatedLicenses.Start(EntranceSite.ServerAddress, Lmgrd, Vendor, 5, site.Server, whole ? Server : Server.Split('.')[0]);
        var border = await site.Start(site.Border, $$"""
            { {{site.Identity("border")}}, "linkListen": ["{{EntranceSite.BorderAddress}}:8443"],
              "services": { "lmgrd": { "target": ["{{Server}}:{{Lmgrd}}"] }, "msi": { "target": ["{{Server}}:{{Vendor}}"] } }, "peers": { "desk": { "services": ["lmgrd", "msi"] } } }
            """);
        var config = $$"""
            { {{site.Identity("desk")}}, "links": { "border": { "dial": ["{{EntranceSite.BorderAddress}}:8443"] } },
              "relays": {
                "lmgrd": { "listen": ["127.0.0.0/8:{{Lmgrd}}"], "target": ["link://border/lmgrd"], "hostName": "{{Server}}" },
                "msi": { "listen": ["127.0.0.0/8:{{Vendor}}"], "target": ["link://border/msi"], "hostName": "{{Server}}" } } }
            """;
        var file = site.Folder.Write("desk.json", config);
        var desk = await site.Start(site.Desk, config);
        await desk.Line("link with border is up");

        // The hosts file of a network namespace is a mount, as a container's is.
        var hosts = await File.ReadAllTextAsync($"/etc/netns/{site.Desk.Namespace}/hosts");
        Assert.NotEqual(0, (await Checkout()).ExitCode);
        await Junction("hosts", "-c", file, "--apply");
        Assert.Matches($@"^127\.\d+\.\d+\.\d+ +{Server} philsserver\n$", await RealProgram.Succeed("getent", ["hosts", Server.Split('.')[0]], AtDesk()));
        var checkout = await Checkout();
        Assert.Equal((0, "held\nreturned\n"), (checkout.ExitCode, checkout.Output));
        Assert.Equal(1, (await licenses.Counts()).Checkouts);
        Assert.Equal(["service/lmgrd", "service/msi"], (await border.Ended(2)).Select(c => c.Relay).Order());

        await Junction("hosts", "--remove");
        Assert.Equal(hosts, await File.ReadAllTextAsync($"/etc/netns/{site.Desk.Namespace}/hosts"));
        Assert.NotEqual(0, (await Checkout()).ExitCode);

        Task<ProgramResult> Checkout() => RealProgram.Run(JunctionProcess.Binary(), ["simulate-client", "--server", $"{(whole ? Server : Server.Split('.')[0])}:{Lmgrd}"], AtDesk());
        Task Junction(params string[] words) => RealProgram.Succeed(JunctionProcess.Binary(), words, AtDesk());
        ProgramOptions AtDesk() => new() { Host = site.Desk };
    }

    [Fact]
    public async Task Without_the_right_to_write_it_says_so()
    {
        using var folder = new TemporaryFolder();
        var hosts = folder.Write("hosts", "127.0.0.1 localhost\n");
        var config = folder.Write("junction.json", """{ "relays": { "a": { "listen": ["127.0.0.2:1715"], "target": ["10.0.0.1:1715"], "hostName": "philsserver" } } }""");
        foreach (string[] how in new string[][] { ["-c", config, "--apply"], ["--remove", "--file", folder.Write("other", "# begin junction\n# end junction\n")] })
        {
            var refused = await RealProgram.Run(
                JunctionProcess.Binary(), ["hosts", .. how, .. how.Contains("--file") ? Array.Empty<string>() : ["--file", hosts]],
                new ProgramOptions { Wrapper = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"], Folder = "/" });
            Assert.Equal(77, refused.ExitCode);
            Assert.Contains("may not be changed by nobody", refused.Error, StringComparison.Ordinal);
            Assert.Contains("sudo", refused.Error, StringComparison.Ordinal);
        }

        Assert.Equal("127.0.0.1 localhost\n", await File.ReadAllTextAsync(hosts));
    }
}
