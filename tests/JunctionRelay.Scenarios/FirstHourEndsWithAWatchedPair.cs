using JunctionRelay.Scenarios.Harness;

namespace JunctionRelay.Scenarios;

/// <summary>
/// docs/first-hour.md, followed command by command on two fresh Debian systems of their own (debootstrap, chroot, network namespaces): a pair that a supervisor starts again and that
/// can be watched. What the page has a person copy is copied.
/// </summary>
[Trait(Size.Name, Size.Release)]
public sealed class FirstHourEndsWithAWatchedPair(ITestOutputHelper output)
{
    private const string Page = "docs/first-hour.md";

    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(8);

    [Fact]
    public async Task The_page_leads_to_a_pair_that_comes_back_by_itself()
    {
        using var folder = new TemporaryFolder();
        var repository = Path.GetDirectoryName(Repository.File("Makefile"))!;
        await RealProgram.Succeed(
            "bash", ["-ec", Commands("## 1. Build")],
            new ProgramOptions { Folder = repository, Environment = new Dictionary<string, string> { ["OUT"] = folder["out"] } }, Patience);

        await using var network = await NetworkNamespaces.Create();
        var enterprise = await network.AddHost("enterprise", "10.95.2.2 license.corp.example.com");
        var cloud = await network.AddHost("cloud", "10.95.1.2 enterprise.example.com");
        var licenses = await network.AddHost("licenses");
        await NetworkNamespaces.Connect(cloud, ["10.95.1.1/24"], enterprise, ["10.95.1.2/24"]);
        await NetworkNamespaces.Connect(enterprise, ["10.95.2.1/24"], licenses, ["10.95.2.2/24"]);
        await using var server = await SimulatedLicenses.Start("0.0.0.0", 27000, 0, 3, licenses, "license.corp.example.com");

        var (atEnterprise, atCloud) = (folder["enterprise"], folder["cloud"]);
        await RealProgram.Succeed("bash", [Path.Combine(repository, "tests/debian-base.sh"), atEnterprise], within: Patience);
        Directory.CreateDirectory(Path.Combine(atEnterprise, "usr/local/lib/junction"));
        File.Copy(folder["out/linux-x64/junction"], Path.Combine(atEnterprise, "usr/local/lib/junction/junction"));
        // Packages come over this machine's own network; both hosts are the same so far.
        Assert.Contains("Every license was really held", await Follow(Host.Machine, atEnterprise, "## 2. Both hosts"), StringComparison.Ordinal);
        await RealProgram.Succeed("cp", ["-a", atEnterprise, atCloud], within: Patience);

        await Follow(enterprise, atEnterprise, "## 3. Certificates");
        await RealProgram.Succeed("mv", [Path.Combine(atEnterprise, "var/lib/junction/cloud"), Path.Combine(atCloud, "var/lib/junction/cloud")]);
        var configurations = DocumentedSection.Read(Page, "## 4. Configuration").Blocks("bash").ToList();
        Assert.Equal(2, configurations.Count);
        await Run(enterprise, atEnterprise, configurations[0]);
        await Run(cloud, atCloud, configurations[1]);
        await Follow(enterprise, atEnterprise, "## 5. Supervision");
        await Follow(cloud, atCloud, "## 5. Supervision");

        var seen = await Follow(cloud, atCloud, "## 6. Look");
        output.WriteLine(seen);
        Assert.Contains("\nheld\nreturned\n", seen, StringComparison.Ordinal);
        Assert.Contains("junction_link_up{link=\"enterprise\"} 1", seen, StringComparison.Ordinal);
        Assert.Contains("\"event\":\"connection-ended\"", seen, StringComparison.Ordinal);

        await Follow(cloud, atCloud, "## 7. It comes back");
        await Follow(enterprise, atEnterprise, "## 7. It comes back");
        await Deadline.Until(
            async () => (await RunOnce(cloud, atCloud, "junction simulate-client --server license.corp.example.com:27000")).Output.Contains("returned", StringComparison.Ordinal), Deadline.Start,
            "a job has its seat again");
    }

    private static string Commands(string heading) => DocumentedSection.Read(Page, heading).Commands;

    private static Task<string> Follow(Host host, string root, string heading) => Run(host, root, Commands(heading));

    private static async Task<string> Run(Host host, string root, string commands)
    {
        var result = await RunOnce(host, root, commands);
        Assert.True(result.ExitCode == 0, $"{host.Name}:\n{commands}\n{result}");
        return "\n" + result.Output;
    }

    // As root of that system, stopped by the first command that fails.
    private static Task<ProgramResult> RunOnce(Host host, string root, string commands)
    {
        string[] steps =
        [
            "set -e", $"cd {root}", "mount -t proc proc proc", "mount --rbind /dev dev", "for f in hosts resolv.conf; do touch etc/$f; mount --bind /etc/$f etc/$f; done",
            "exec chroot . env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root bash -e",
        ];
        return RealProgram.Run("unshare", ["--mount", "--propagation", "private", "sh", "-c", string.Join('\n', steps)], new ProgramOptions { Host = host, Input = commands }, Patience);
    }
}
