namespace JunctionRelay.Scenarios.Harness;

/// <summary>
/// A desk and a site: programs and a junction at the desk, a junction at the site's border that alone knows the site's names and reaches its server. There are no
/// cables but desk ═ border and border ═ server.
/// </summary>
internal sealed class EntranceSite : IAsyncDisposable
{
    public const string ServerAddress = "10.93.9.2";
    public const string BorderAddress = "10.93.10.2";

    private readonly NetworkNamespaces _hosts;
    private readonly TestCertificates _authority;
    private readonly List<JunctionProcess> _junctions = [];

    private EntranceSite(NetworkNamespaces hosts)
    {
        _hosts = hosts;
        _authority = new TestCertificates(Folder);
    }

    public TemporaryFolder Folder { get; } = new();
    public Host Desk { get; private set; } = Host.Machine;
    public Host Border { get; private set; } = Host.Machine;
    public Host Server { get; private set; } = Host.Machine;

    /// <summary>Sets up the hosts. <paramref name="names"/>: lines of the border's hosts file.</summary>
    public static async Task<EntranceSite> Lay(params string[] names)
    {
        var site = new EntranceSite(await NetworkNamespaces.Create());
        try
        {
            site.Desk = await site._hosts.AddHost("desk");
            site.Border = await site._hosts.AddHost("border", names);
            site.Server = await site._hosts.AddHost("server");
            await NetworkNamespaces.Connect(site.Desk, ["10.93.10.1/24"], site.Border, [$"{BorderAddress}/24"]);
            await NetworkNamespaces.Connect(site.Border, ["10.93.9.1/24"], site.Server, [$"{ServerAddress}/24"]);
            return site;
        }
        catch
        {
            await site.DisposeAsync();
            throw;
        }
    }

    /// <summary>The identity section of a junction of this name.</summary>
    public string Identity(string name)
    {
        var files = _authority.Issue(name);
        return $$""" "identity": { "certificate": "{{files.Certificate}}", "key": "{{files.Key}}", "trust": "{{_authority.Trust}}" } """;
    }

    /// <summary>Starts a junction; the site ends it.</summary>
    public async Task<JunctionProcess> Start(Host host, string config)
    {
        var junction = await JunctionProcess.Start(config, new ProgramOptions { Host = host });
        _junctions.Add(junction);
        return junction;
    }

    /// <summary>Starts a real web server that serves <paramref name="text"/> as /hello.</summary>
    public async Task<RealProgram> ServeWeb(int port, string text)
    {
        var folder = Folder.Folder($"web-{port}");
        await File.WriteAllTextAsync(Path.Combine(folder, "hello"), text);
        var server = RealProgram.Start("python3", ["-m", "http.server", $"{port}", "--bind", ServerAddress, "--directory", folder], new ProgramOptions { Host = Server });
        await server.Listening(port);
        return server;
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var junction in _junctions)
            await junction.DisposeAsync();
        await _hosts.DisposeAsync();
        _authority.Dispose();
        Folder.Dispose();
    }
}
