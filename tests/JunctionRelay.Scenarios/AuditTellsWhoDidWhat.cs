using System.Text.Json;
using JunctionRelay.Scenarios.Harness;

namespace JunctionRelay.Scenarios;

/// <summary>The life of a node, as the audit of the junction where the authority lives tells it: from its join to its revocation, and in between who held which license.</summary>
public sealed class AuditTellsWhoDidWhat : IAsyncLifetime
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    /// <summary>Names and codes that programs of auditors rely on: released ones never change.</summary>
    private static readonly Dictionary<string, int> Expected = new()
    {
        ["joined"] = 4010,
        ["renewed"] = 4011,
        ["enrolment-refused"] = 4013,
        ["link-up"] = 3000,
        ["connection-opened"] = 1016,
        ["connection-ended"] = 1000,
        ["deny-list-taken"] = 4030,
        ["revoked-link"] = 4033,
    };

    private readonly TemporaryFolder _folder = new();
    private SiteAuthority _authority = null!;
    private SimulatedLicenses _licenses = null!;
    private JunctionProcess _hq = null!;

    // Its own addresses: the port of the vendor daemon is the same at the server and at the node.
    private const string Server = "127.0.0.1", Node = "127.0.0.2";
    private readonly int _linkPort = FreePort.Next(), _lmgrd = FreePort.Next(), _relay = FreePort.Next();

    public async ValueTask InitializeAsync()
    {
        _authority = await SiteAuthority.Init(_folder);
        await _authority.Issue("hq");
        _licenses = await SimulatedLicenses.Start(Server, _lmgrd, FreePort.Next(), 2);
        _hq = await JunctionProcess.Start($$"""
            {
              "identity": { "directory": "{{_folder["hq"]}}" }, "pki": { "directory": "{{_authority.Directory}}", "certificateLifetime": "12s" }, "linkListen": ["{{Server}}:{{_linkPort}}"],
              "services": { "lmgrd": { "target": ["{{Server}}:{{_lmgrd}}"], "protocol": "flexlm" } }, "peers": { "node-*": { "services": ["lmgrd"] } },
              "audit": "{{_folder["audit"]}}", "logLevel": "error"
            }
            """);
    }

    public async ValueTask DisposeAsync()
    {
        await _hq.DisposeAsync();
        await _licenses.DisposeAsync();
        _folder.Dispose();
    }

    [Fact]
    public async Task From_its_join_to_its_revocation()
    {
        await _authority.Run("token", ["create", "--name", "node-*", "--out", _folder["token"]]);
        Assert.Equal(0, (await Enroll("node", "node-1")).ExitCode);
        Assert.Equal(77, (await Enroll("thief", "node-2")).ExitCode);
        await using var node = await JunctionProcess.Start($$"""
            {
              "identity": { "directory": "{{_folder["node"]}}" }, "links": { "hq": { "dial": ["{{Server}}:{{_linkPort}}"] } },
              "relays": { "lmgrd": { "listen": ["{{Node}}:{{_relay}}"], "target": ["link://hq/lmgrd"], "protocol": "flexlm" } }
            }
            """);
        await node.Line("link with hq is up");
        await RealProgram.Succeed(
            JunctionProcess.Binary(), ["simulate-client", "--server", $"{Node}:{_relay}", "--vendor-host", Node, "--user", "alice", "--host", "desk-7", "--heartbeat", "0"], within: Patience);
        await Seen("renewed");
        await _authority.Run("pki", ["revoke", "node-1"]);
        await Seen([.. Expected.Keys]);

        var lines = Lines();
        Assert.All(lines, l => Assert.True(l.GetProperty("level").GetString() == "audit" && l.GetProperty("time").GetDateTimeOffset() > default(DateTimeOffset), $"{l}"));
        Assert.All(lines.Where(l => Expected.ContainsKey(Event(l))), l => Assert.Equal(Expected[Event(l)], l.GetProperty("eventId").GetInt32()));
        // Who held the license: the node by its certificate, the rest by the client's own hello.
        Assert.Contains(lines, l => Event(l) == "connection-ended"
            && (Text(l, "peer"), Text(l, "user"), Text(l, "host"), Text(l, "vendor")) is ("node-1", "alice", "desk-7", { Length: > 0 }));
        Assert.Contains(lines, l => Event(l) == "enrolment-refused" && Text(l, "reason")!.Contains("has been used 1 times of 1", StringComparison.Ordinal));
        Assert.Contains(lines, l => Event(l) == "revoked-link" && Text(l, "peer") == "node-1");
    }

    private Task<ProgramResult> Enroll(string directory, string name) => RealProgram.Run(
        JunctionProcess.Binary(), ["enroll", $"{Server}:{_linkPort}", "--token-file", _folder["token"], "--identity", _folder[directory], "--name", name]);

    private Task Seen(params string[] events) => Deadline.Until(
        () => events.All(e => Lines().Any(l => Event(l) == e)), Patience, $"the audit tells of {string.Join(", ", events)}", () => string.Join('\n', Lines()));

    // The last line may be half written.
    private List<JsonElement> Lines()
    {
        using var file = new FileStream(_folder["audit"], FileMode.OpenOrCreate, FileAccess.Read, FileShare.ReadWrite);
        using var reader = new StreamReader(file);
        var text = reader.ReadToEnd();
        return [.. text[..(text.LastIndexOf('\n') + 1)].Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(l => JsonSerializer.Deserialize<JsonElement>(l))];
    }

    private static string Event(JsonElement line) => Text(line, "event")!;

    private static string? Text(JsonElement line, string name) => line.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;
}
