using System.Text.RegularExpressions;

namespace JunctionRelay.Tests.Conventions;

/// <summary>What the files of docker/ promise of every container. That the image can be built and the compose files run is a scenario of the release check.</summary>
public sealed partial class ContainerFilesTests
{
    [Fact]
    public void The_image_has_a_user_without_rights_no_shell_to_run_and_a_health_check_of_its_own()
    {
        var text = SourceTree.Read("docker/Dockerfile");
        Assert.Contains("ARG RUNTIME=mcr.microsoft.com/dotnet/aspnet:10.0-noble-chiseled\n", text, StringComparison.Ordinal);
        var last = text[text.IndexOf("FROM ${RUNTIME}\n", StringComparison.Ordinal)..];
        Assert.Single(From().Matches(last));
        Assert.DoesNotMatch("(?m)^RUN ", last);
        Assert.Matches("(?m)^USER [1-9][0-9]*:[1-9][0-9]*$", last);
        Assert.Matches("""(?m)^ENTRYPOINT \["/app/junction"\]$""", last);
        Assert.Matches("""(?m)^HEALTHCHECK .*CMD \["/app/junction", "status", "--ready", .*\]$""", last);
    }

    [Theory]
    [InlineData("pair", 5)]
    [InlineData("three-hops", 6)]
    [InlineData("flexnet", 3)]
    public void Every_container_of_a_compose_file_is_held_short(string name, int services)
    {
        var text = SourceTree.Read($"docker/{name}.compose.yml");
        var common = text[..text.IndexOf("\nservices:\n", StringComparison.Ordinal)];
        foreach (var line in new[] { "read_only: true", "cap_drop: [ALL]", "security_opt: [\"no-new-privileges:true\"]" })
            Assert.Contains($"\n  {line}\n", common, StringComparison.Ordinal);
        // Each begins with what is common to all, and takes none of it back.
        Assert.Equal(services, Service().Count(text[common.Length..]));
        Assert.Equal(services, Regex.Count(text[common.Length..], "(?m)^    <<: \\*junction$"));
        Assert.DoesNotMatch("(?m)^    (read_only|cap_drop|cap_add|security_opt|user|privileged):", text[common.Length..]);
    }

    [GeneratedRegex("(?m)^FROM ")]
    private static partial Regex From();

    [GeneratedRegex("(?m)^  [a-z]+:$")]
    private static partial Regex Service();
}
