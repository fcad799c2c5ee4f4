using System.Net;
using System.Net.Sockets;
using JunctionRelay.Scenarios.Harness;

namespace JunctionRelay.Scenarios;

/// <summary>A configuration that cannot work stops the start with one message, which names the place, and the agreed exit code; never a stack trace.</summary>
public sealed class BadConfigIsOneMessage
{
    private const int Unavailable = 69;
    private const int Configuration = 78;

    [Theory]
    [InlineData("unknown key", "relays.jobs.maxConection")]
    [InlineData("repeated key", "relays.jobs")]
    [InlineData("duplicate listeners", "relays.more.listen[0]")]
    [InlineData("unequal ranges", "relays.jobs.target[0]")]
    [InlineData("missing key file", "identity.key")]
    [InlineData("key file of somebody else", "identity.key")]
    [InlineData("key of another certificate", "identity.key")]
    [InlineData("no JSON", "junction.json")]
    [InlineData("no such file", "junction.json")]
    [InlineData("directory", "junction.json")]
    public async Task A_wrong_configuration(string mistake, string place)
    {
        using var folder = new TemporaryFolder();
        using var authority = new TestCertificates(folder);
        var ours = authority.Issue("junction.test");
        var other = authority.Issue("other.test");
        var port = FreePort.Range(2);
        var jobs = $$"""{ "listen": ["127.0.0.1:{{port}}"], "target": ["127.0.0.1:9"] }""";
        var config = mistake switch
        {
            "unknown key" => $$"""{ "relays": { "jobs": { "listen": ["127.0.0.1:{{port}}"], "target": ["127.0.0.1:9"], "maxConection": 3 } } }""",
            "repeated key" => $$"""{ "relays": { "jobs": {{jobs}}, "jobs": {{jobs}} } }""",
            "duplicate listeners" => $$"""{ "relays": { "jobs": {{jobs}}, "more": {{jobs}} } }""",
            "unequal ranges" => $$"""{ "relays": { "jobs": { "listen": ["127.0.0.1:{{port}}-{{port + 1}}"], "target": ["127.0.0.1:9-11"] } } }""",
            "missing key file" => Identity(ours.Certificate, folder["nowhere.key"]),
            "key file of somebody else" => Identity(ours.Certificate, ours.Key),
            "key of another certificate" => Identity(ours.Certificate, other.Key),
            "no JSON" => "relays: jobs",
            _ => null,
        };
        var path = folder["junction.json"];
        if (config is not null)
            folder.Write("junction.json", config);
        if (mistake == "directory")
            folder.Folder("junction.json");

        // root may read everything, so the one who may not is somebody else.
        File.SetUnixFileMode(ours.Key, UnixFileMode.UserRead);
        var options = mistake == "key file of somebody else" ? new ProgramOptions { Wrapper = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] } : null;

        foreach (var command in new[] { "run", "validate" })
            IsOneMessage(await RealProgram.Run(JunctionProcess.Binary(), [command, path], options), Configuration, place);

        string Identity(string certificate, string key) =>
            $$"""{ "identity": { "certificate": "{{certificate}}", "key": "{{key}}", "trust": "{{authority.Trust}}" }, "relays": { "jobs": {{jobs}} } }""";
    }

    [Fact]
    public async Task A_port_in_use()
    {
        using var folder = new TemporaryFolder();
        using var taken = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        taken.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        taken.Listen();
        var place = taken.LocalEndPoint!.ToString()!;
        var config = folder.Write("junction.json", $$"""{ "relays": { "jobs": { "listen": ["{{place}}"], "target": ["127.0.0.1:9"] } } }""");

        IsOneMessage(await JunctionProcess.Run("run", config), Unavailable, place);

        // The file is right; whether a port is free is not for it to say.
        Assert.Equal(0, (await JunctionProcess.Run("validate", config)).ExitCode);
    }

    private static void IsOneMessage(ProgramResult result, int exitCode, string place)
    {
        var lines = (result.Output + result.Error).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.True(result.ExitCode == exitCode, result.ToString());
        Assert.True(lines.Length == 1, $"one message is wanted: {result}");
        Assert.Contains(place, lines[0], StringComparison.Ordinal);
        Assert.DoesNotContain("Exception", lines[0], StringComparison.Ordinal);
    }
}
