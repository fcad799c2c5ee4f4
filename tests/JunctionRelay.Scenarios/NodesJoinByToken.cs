using JunctionRelay.Scenarios.Harness;

namespace JunctionRelay.Scenarios;

/// <summary>
/// A new node joins with one line of its start-up script: a token in a file or in the environment, and nothing typed by anybody. What a token does not allow is
/// refused in plain words, and the reason stands in the log of the junction where the authority lives.
/// </summary>
public sealed class NodesJoinByToken : IAsyncLifetime
{
    private readonly TemporaryFolder _folder = new();
    private readonly LoopbackServer _server = LoopbackServer.Echo();
    private readonly int _linkPort = FreePort.Next();
    private SiteAuthority _authority = null!;
    private JunctionProcess _hq = null!;

    public async ValueTask InitializeAsync()
    {
        _authority = await SiteAuthority.Init(_folder);
        _hq = await JunctionProcess.Start($$"""
            {
              "identity": { "directory": "{{await _authority.Issue("hq")}}" }, "pki": { "directory": "{{_authority.Directory}}" }, "linkListen": ["127.0.0.1:{{_linkPort}}"],
              "services": { "echo": { "target": ["127.0.0.1:{{_server.Port}}"] } }, "peers": { "node-*": { "services": ["echo"] } }
            }
            """);
    }

    public async ValueTask DisposeAsync()
    {
        await _hq.DisposeAsync();
        await _server.DisposeAsync();
        _folder.Dispose();
    }

    [Fact]
    public async Task A_node_joins_links_and_is_served()
    {
        var token = await Token("--name", "node-*");
        var joined = await Enroll("node", ["--token-file", token, "--name", "node-07"]);
        Assert.True(joined.ExitCode == 0 && joined.Output.Contains("node-07 is valid until", StringComparison.Ordinal), joined.ToString());
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(_folder["node/junction.key"]));
        await _hq.Line("node-07 joined from 127.0.0.1 with token");
        await RealProgram.Succeed("openssl", ["verify", "-x509_strict", "-CAfile", _folder["node/ca.crt"], _folder["node/junction.crt"]]);
        Assert.Equal("hello", await Pass("node"));

        // The machine starts again: the same line, with a token that is used up by now.
        var again = await Enroll("node", ["--token-file", token]);
        Assert.True(again.ExitCode == 0 && again.Output.Contains("nothing to do", StringComparison.Ordinal), again.ToString());
    }

    [Fact]
    public async Task A_token_may_come_by_the_environment()
    {
        var token = await File.ReadAllTextAsync(await Token("--name", "node-*"));
        var joined = await Enroll("node", [], token.Trim());
        Assert.True(joined.ExitCode == 0, joined.ToString());

        // The variable stays in the environment of what the script starts next, where it is no configuration.
        Assert.Equal("hello", await Pass("node", token.Trim()));
    }

    [Theory]
    [InlineData("reused", "the token has been used up", "has been used 1 times of 1")]
    [InlineData("expired", "the token ran out at", "ran out at")]
    [InlineData("wrong address", "the token may not be used from 127.0.0.1", "may not be used from 127.0.0.1")]
    [InlineData("revoked", "the token has been revoked", "has been revoked")]
    [InlineData("over-used", "the token has been used up", "has been used 2 times of 2")]
    public async Task What_a_token_does_not_allow_is_refused(string which, string told, string logged)
    {
        var token = await Token([.. new[] { "--name", "node-*" }, .. which switch
        {
            "expired" => new[] { "--ttl", "1s" },
            "wrong address" => ["--from", "192.0.2.0/24", "--from", "fd00::/8"],
            "over-used" => ["--uses", "2"],
            _ => [],
        }]);
        if (which == "expired")
            await Task.Delay(TimeSpan.FromSeconds(2));   // nothing can be waited for but the clock
        if (which == "revoked")
            await _authority.Run("token", ["revoke", Id(await _authority.Run("token", ["list"]))]);
        for (var i = 0; i < (which is "reused" ? 1 : which is "over-used" ? 2 : 0); i++)
            Assert.Equal(0, (await Enroll($"early-{i}", ["--token-file", token])).ExitCode);

        var refused = await Enroll("late", ["--token-file", token]);
        Assert.True(refused.ExitCode == 77 && refused.Error.Contains($"junction: {told}", StringComparison.Ordinal), refused.ToString());
        await _hq.Line(logged);
        Assert.False(File.Exists(_folder["late/junction.crt"]));
    }

    [Fact]
    public async Task A_token_file_that_others_can_read_is_refused()
    {
        var token = await Token("--name", "node-*");
        File.SetUnixFileMode(token, UnixFileMode.UserRead | UnixFileMode.OtherRead);
        var refused = await Enroll("node", ["--token-file", token]);
        Assert.True(refused.ExitCode == 1 && refused.Error.Contains($"chmod 600 {token}", StringComparison.Ordinal), refused.ToString());
    }

    [Fact]
    public async Task A_node_waits_for_a_junction_that_is_not_there_yet()
    {
        var token = await Token("--name", "node-*");
        var port = FreePort.Next();
        var nobody = await JunctionProcess.Run("enroll", $"127.0.0.1:{port}", "--token-file", token, "--identity", _folder["node"], "--wait", "1s");
        Assert.True(nobody.ExitCode == 69, nobody.ToString());

        await using var node = RealProgram.Start(JunctionProcess.Binary(), ["enroll", $"127.0.0.1:{port}", "--token-file", token, "--identity", _folder["node"]]);
        await using var way = RealProgram.Start("socat", [$"TCP-LISTEN:{port},bind=127.0.0.1,fork,reuseaddr", $"TCP:127.0.0.1:{_linkPort}"]);
        var joined = await node.Exit(Deadline.Start);
        Assert.True(joined.ExitCode == 0, joined.ToString());
    }

    [Fact]
    public async Task Tokens_and_junctions_are_listed()
    {
        var token = await Token("--name", "node-*", "--uses", "3", "--ttl", "30d", "--from", "127.0.0.0/8");
        await Enroll("node", ["--token-file", token, "--name", "node-07"]);
        var list = await _authority.Run("token", ["list"]);
        Assert.Matches(@"(?m)^[0-9a-f]{16} +open +1 of 3 +\S+Z +node-\* +127\.0\.0\.0/8$", list);
        Assert.Contains("node-07 ", await _authority.Run("pki", ["show"]), StringComparison.Ordinal);
        using var shown = System.Text.Json.JsonDocument.Parse(await _authority.Run("pki", ["show", "--json"]));
        Assert.Equal(["hq", "node-07"], shown.RootElement.GetProperty("junctions").EnumerateArray().Select(j => j.GetProperty("name").GetString()));
    }

    private static string Id(string list) => System.Text.RegularExpressions.Regex.Match(list, "(?m)^[0-9a-f]{16}").Value;

    private async Task<string> Token(params string[] options)
    {
        var file = _folder[$"token-{Guid.NewGuid():N}"];
        await _authority.Run("token", ["create", .. options, "--out", file]);
        return file;
    }

    private Task<ProgramResult> Enroll(string directory, string[] options, string? token = null) => RealProgram.Run(
        JunctionProcess.Binary(), ["enroll", $"127.0.0.1:{_linkPort}", "--identity", _folder[directory], .. options],
        new ProgramOptions { Environment = token is null ? new Dictionary<string, string>() : new() { ["JUNCTION_JOIN_TOKEN"] = token } });

    // One connection through a junction with that identity.
    private async Task<string> Pass(string directory, string? token = null)
    {
        var port = FreePort.Next();
        await using var node = await JunctionProcess.Start(
            $$"""
            {
              "identity": { "directory": "{{_folder[directory]}}" }, "links": { "hq": { "dial": ["127.0.0.1:{{_linkPort}}"] } },
              "relays": { "echo": { "listen": ["127.0.0.1:{{port}}"], "target": ["link://hq/echo"] } }
            }
            """,
            new ProgramOptions { Environment = token is null ? new Dictionary<string, string>() : new() { ["JUNCTION_JOIN_TOKEN"] = token } });
        await node.Line("link with hq is up");
        using var client = await Loopback.Connect(port);
        await client.SendAsync("hello"u8.ToArray());
        var answer = new byte[5];
        for (var length = 0; length < answer.Length;)
            length += await client.ReceiveAsync(answer.AsMemory(length));
        return System.Text.Encoding.ASCII.GetString(answer);
    }
}
