using JunctionRelay.Configuration;

namespace JunctionRelay.Tests.Configuration;

/// <summary>Whole files through the whole way. An invalid file states in <c>// problem:</c> lines exactly what is to be said of it, in order.</summary>
public sealed class ConfigFilesTests
{
    private const string Marker = "// problem: ";
    private const string Files = "tests/JunctionRelay.Tests/Configuration/Files";

    public static TheoryData<string> Valid => [.. RepositoryFiles.JsonIn($"{Files}/valid")];

    public static TheoryData<string> Invalid => [.. RepositoryFiles.JsonIn($"{Files}/invalid")];

    public static TheoryData<string> Examples => [.. RepositoryFiles.JsonIn("docs/examples")];

    [Theory, MemberData(nameof(Valid))]
    public void A_valid_file_becomes_a_plan(string name) => AssertPlan($"{Files}/valid/{name}");

    [Theory, MemberData(nameof(Examples))]
    public void An_example_becomes_a_plan(string name) => AssertPlan($"docs/examples/{name}");

    [Theory]
    [InlineData("pair", "cloud")]
    [InlineData("pair", "enterprise")]
    [InlineData("three-hops", "cloud")]
    [InlineData("three-hops", "dmz")]
    [InlineData("three-hops", "enterprise")]
    [InlineData("flexnet", "junction")]
    public void The_configuration_of_a_container_becomes_a_plan(string project, string service)
    {
        using var folder = new ConfigFolder();
        folder.Write("junction.json", File.ReadAllText(RepositoryFiles.Path($"docker/configs/{project}/{service}/junction.json"))
            .Replace($"\"directory\": \"/var/lib/junction/{service}\"", $"\"certificate\": \"certs/{service}.crt\", \"key\": \"certs/{service}.key\", \"trust\": \"certs/ca.crt\"", StringComparison.Ordinal));
        Assert.NotNull(RelayPlanBuilder.Build(folder.Config(), folder.Root, TimeProvider.System).Admin);
    }

    [Theory, MemberData(nameof(Invalid))]
    public void An_invalid_file_has_exactly_the_problems_that_it_states(string name)
    {
        var text = File.ReadAllLines(RepositoryFiles.Path($"{Files}/invalid/{name}"));
        var stated = text.Where(l => l.StartsWith(Marker, StringComparison.Ordinal)).Select(l => l[Marker.Length..]).ToList();
        Assert.NotEmpty(stated);
        Assert.Equal(stated, ProblemsOf($"{Files}/invalid/{name}"));
    }

    private static IReadOnlyList<string> ProblemsOf(string file)
    {
        using var folder = Folder(file);
        return folder.Problems();
    }

    private static void AssertPlan(string file)
    {
        using var folder = Folder(file);
        var plan = RelayPlanBuilder.Build(folder.Config(), folder.Root, TimeProvider.System);
        Assert.True(plan.Relays.Count > 0 || plan.Links is not null, "the plan does nothing");
    }

    private static ConfigFolder Folder(string file) => new ConfigFolder().Write("junction.json", File.ReadAllText(RepositoryFiles.Path(file)));
}
