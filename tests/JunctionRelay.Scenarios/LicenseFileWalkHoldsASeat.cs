using JunctionRelay.Scenarios.Harness;

namespace JunctionRelay.Scenarios;

/// <summary>
/// The purpose: who has a license file and two hosts follows <c>docs/flexlm.md</c> line by line, with <c>import</c>, <c>enroll</c>, <c>run</c> and what they print, and a
/// job on a host without any way to the license server holds a seat.
/// </summary>
public sealed class LicenseFileWalkHoldsASeat
{
    private const string Server = "lic1.corp.example.com";

    [Fact]
    public async Task The_lines_of_the_document_lead_to_a_held_seat()
    {
        var section = DocumentedSection.Read("docs/flexlm.md", "## From a license file to a held seat");
        await using var hosts = await NetworkNamespaces.Create();
        using var folder = new TemporaryFolder();
        var cloud = await hosts.AddHost("cloud");
        var enterprise = await hosts.AddHost("enterprise", $"198.51.100.2 {Server}");
        var lic = await hosts.AddHost("lic");
        await NetworkNamespaces.Connect(cloud, ["192.0.2.1/24"], enterprise, ["192.0.2.2/24"]);
        await NetworkNamespaces.Connect(enterprise, ["198.51.100.1/24"], lic, ["198.51.100.2/24"]);
        await using var licenses = await SimulatedLicenses.Start("198.51.100.2", 27000, 41200, 5, lic, Server);

        folder.Write("license.dat", section.Blocks("").First());
        var result = await DocumentedSection.BashAsync(
            $$"""
            set -e
            cloud() { {{string.Join(' ', cloud.Prefix)}} "$@"; }
            enterprise() { {{string.Join(' ', enterprise.Prefix)}} "$@"; }
            trap 'for host in {{cloud.Namespace}} {{enterprise.Namespace}}; do ip netns pids $host | xargs -r kill -9; done' EXIT
            {{section.Commands}}
            """,
            folder.Path);
        Assert.True(result.ExitCode == 0 && result.Output.EndsWith("held\nreturned\n", StringComparison.Ordinal), $"{result}\n{Logs(folder)}");
        // What the import printed as the next steps are the lines that were followed.
        var printed = result.Output.Split('\n').Where(l => l.StartsWith("     junction ", StringComparison.Ordinal)).Select(l => l.Trim()).ToList();
        Assert.NotEmpty(printed);
        Assert.All(printed, line => Assert.Contains(line, section.Commands, StringComparison.Ordinal));
        Assert.Equal(0, await licenses.HeldWithin(0, Deadline.Soon));
        Assert.True((await licenses.Counts()).Checkouts > 0);
    }

    private static string Logs(TemporaryFolder folder) => string.Join('\n', Directory.GetFiles(folder.Path, "*.log").Select(f => $"{f}:\n{File.ReadAllText(f)}"));
}
