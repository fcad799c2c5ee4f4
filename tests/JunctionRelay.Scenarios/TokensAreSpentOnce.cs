using System.Security.Cryptography.X509Certificates;
using JunctionRelay.Pki;
using JunctionRelay.Scenarios.Harness;

namespace JunctionRelay.Scenarios;

/// <summary>A use of a token is spent once, whoever else spends at that moment, and whatever becomes of the process that does.</summary>
public sealed class TokensAreSpentOnce : IAsyncLifetime
{
    private const int Uses = 8;

    private readonly TemporaryFolder _folder = new();
    private readonly List<JunctionProcess> _junctions = [];
    private readonly List<DisklessNode> _nodes = [];
    private SiteAuthority _authority = null!;
    private X509Certificate2 _ca = null!;
    private JoinToken _token = null!;

    public async ValueTask InitializeAsync()
    {
        _authority = await SiteAuthority.Init(_folder);
        await _authority.Issue("hq");
        await _authority.Run("token", ["create", "--name", "node-*", "--uses", $"{Uses}", "--out", _folder["token"]]);
        _token = JoinToken.Read(await File.ReadAllTextAsync(_folder["token"]))!;
        _ca = X509Certificate2.CreateFromPem(await File.ReadAllTextAsync(_authority.Trust));
    }

    public async ValueTask DisposeAsync()
    {
        _nodes.ForEach(n => n.Dispose());
        foreach (var junction in _junctions)
            await junction.DisposeAsync();
        _ca.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public async Task By_two_processes_that_share_the_authority()
    {
        var ports = new[] { await Start(), await Start() };
        var nodes = Nodes(3 * Uses, i => ports[i % 2]);
        var came = await Task.WhenAll(nodes.Select(n => n.AskToJoin()));
        Assert.Equal(Uses, came.Count(c => c.IsDone));
        Assert.All(came.Where(c => !c.IsDone), c => Assert.Contains("the token has been used up", c.Reply.Problem, StringComparison.Ordinal));
        Assert.Equal(Uses, nodes.Select(n => n.Certificate?.Subject).OfType<string>().Distinct().Count());
        Assert.Equal(Uses, (await Spent()).Distinct().Count());
    }

    [Fact]
    public async Task By_a_process_that_is_killed_in_the_middle_of_it()
    {
        var port = await Start();
        var nodes = Nodes(Uses, _ => port);
        var joining = nodes.Select(n => n.AskToJoin()).ToList();
        // Some are spent, most are under way.
        await Deadline.Until(() => new FileInfo(Used).Length > 0, Deadline.Start, "a use is on the disk");
        await _junctions[0].Restart();
        var came = await Task.WhenAll(joining);
        Assert.InRange((await Spent()).Count, came.Count(c => c.IsDone), Uses);

        // Who did not hear that his was spent comes again with his key, and it is not spent twice: all get in, and nobody else.
        await Task.WhenAll(nodes.Where(n => n.Certificate is null).Select(n => n.Join(Deadline.Start)));
        var spent = await Spent();
        Assert.Equal((Uses, Uses), (spent.Count, spent.Distinct().Count()));
        var late = Nodes(1, _ => port).Single();
        Assert.Contains("the token has been used up", (await late.AskToJoin()).Reply.Problem, StringComparison.Ordinal);
    }

    // A junction of the one authority, with a port of its own.
    private async Task<int> Start()
    {
        var port = FreePort.Next();
        _junctions.Add(await JunctionProcess.Start($$"""
            {
              "identity": { "directory": "{{_folder["hq"]}}" }, "pki": { "directory": "{{_authority.Directory}}" }, "linkListen": ["127.0.0.1:{{port}}"],
              "services": { "none": { "open": ["127.0.0.1:1"] } }, "peers": { "node-*": { "services": ["none"] } }
            }
            """));
        return port;
    }

    private List<DisklessNode> Nodes(int count, Func<int, int> port)
    {
        var nodes = Enumerable.Range(_nodes.Count, count).Select(i => new DisklessNode($"node-{i}", _token, _ca, port(i))).ToList();
        _nodes.AddRange(nodes);
        return nodes;
    }

    private string Used => Path.Combine(_authority.Directory, "tokens", $"{_token.Id}.used");

    // The keys that its uses on the disk are for. By another program: .NET would lock the file against the junction that writes it.
    private async Task<List<string>> Spent() =>
        [.. (await RealProgram.Succeed("cat", [Used])).Split('\n').Where(l => l.EndsWith(" .", StringComparison.Ordinal)).Select(l => l.Split(' ')[0])];
}
