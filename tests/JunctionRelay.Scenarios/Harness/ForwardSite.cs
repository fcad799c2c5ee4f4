namespace JunctionRelay.Scenarios.Harness;

/// <summary>
/// A desk, two junctions in a row and a server: near ═ gate ═ hq ═ server, and no other cables. The desk knows the gate's name alone, the gate hq's, and hq the server's.
/// </summary>
internal sealed class ForwardSite : IAsyncDisposable
{
    public const string HqAddress = "10.94.2.2";
    public const string GateAddress = "10.94.1.2";
    public const string ServerAddress = "10.94.3.2";
    public const int LinkPort = 8443;

    private readonly NetworkNamespaces _hosts;
    private readonly TestCertificates _authority;
    private readonly List<IAsyncDisposable> _owned = [];

    private ForwardSite(NetworkNamespaces hosts)
    {
        _hosts = hosts;
        _authority = new TestCertificates(Folder);
    }

    public TemporaryFolder Folder { get; } = new();
    public Host Near { get; private set; } = Host.Machine;
    public Host Gate { get; private set; } = Host.Machine;
    public Host Hq { get; private set; } = Host.Machine;
    public Host Server { get; private set; } = Host.Machine;
    public JunctionProcess GateJunction { get; private set; } = null!;
    public JunctionProcess HqJunction { get; private set; } = null!;

    /// <summary>Sets up the hosts and both junctions. <paramref name="hqPort"/>: where hq's listens, and <paramref name="keys"/> what else its configuration says.</summary>
    public static async Task<ForwardSite> Lay(int hqPort = LinkPort, string keys = "")
    {
        var site = new ForwardSite(await NetworkNamespaces.Create());
        try
        {
            site.Near = await site._hosts.AddHost("near", $"{GateAddress} gate");
            site.Gate = await site._hosts.AddHost("gate", $"{HqAddress} hq");
            site.Hq = await site._hosts.AddHost("hq", $"{ServerAddress} www.corp git.corp");
            site.Server = await site._hosts.AddHost("server");
            await NetworkNamespaces.Connect(site.Near, ["10.94.1.1/24"], site.Gate, [$"{GateAddress}/24"]);
            await NetworkNamespaces.Connect(site.Gate, ["10.94.2.1/24"], site.Hq, [$"{HqAddress}/24"]);
            await NetworkNamespaces.Connect(site.Hq, ["10.94.3.1/24"], site.Server, [$"{ServerAddress}/24"]);
            site.GateJunction = await site.Start(site.Gate, $$"""
                { "identity": {{site._authority.Identity("gate")}}, "linkListen": ["{{GateAddress}}:{{LinkPort}}"],
                  "services": { "onward": { "open": ["hq:{{LinkPort}}"] } }, "peers": { "near": { "services": ["onward"] } } }
                """);
            site.HqJunction = await site.Start(site.Hq, $$"""
                { "identity": {{site._authority.Identity("hq")}}, "linkListen": ["{{HqAddress}}:{{hqPort}}"],
                  "services": { "any": { "open": ["*.corp:*", "unix:{{site.Folder["far.sock"]}}"] } },
                  "peers": { "near": { "services": ["any"], "listen": ["127.0.0.1:6000-6999", "unix:{{site.Folder["remote.sock"]}}"] } } {{keys}} }
                """);
            site.Identity = site.Folder.Folder("identity");
            var files = site._authority.Issue("near");
            foreach (var (from, to) in new[] { (files.Certificate, "junction.crt"), (files.Key, "junction.key"), (site._authority.Trust, "ca.crt") })
                File.Copy(from, Path.Combine(site.Identity, to));
            return site;
        }
        catch
        {
            await site.DisposeAsync();
            throw;
        }
    }

    /// <summary>The desk's identity directory.</summary>
    public string Identity { get; private set; } = "";

    /// <summary>Starts a junction; the site ends it.</summary>
    public async Task<JunctionProcess> Start(Host host, string config) => Own(await JunctionProcess.Start(config, new ProgramOptions { Host = host }));

    /// <summary>Starts <c>junction forward</c> at the desk and waits until it is ready; the site ends it.</summary>
    public async Task<ForwardProcess> Forward(params string[] words) => Own(await ForwardProcess.Start(Near, ["--identity", Identity, .. words]));

    /// <summary>Runs <c>junction forward</c> at the desk to its end.</summary>
    public Task<ProgramResult> RunForward(string[] words, string? input = null) =>
        RealProgram.Run(JunctionProcess.Binary(), ["forward", "--identity", Identity, .. words], new ProgramOptions { Host = Near, Input = input });

    /// <summary>Starts a real web server that serves <paramref name="text"/> as /hello.</summary>
    public async Task<RealProgram> ServeWeb(Host host, string address, int port, string text)
    {
        var folder = Folder.Folder($"web-{host.Name}-{port}");
        await File.WriteAllTextAsync(Path.Combine(folder, "hello"), text);
        var server = Own(RealProgram.Start("python3", ["-m", "http.server", $"{port}", "--bind", address, "--directory", folder], new ProgramOptions { Host = host }));
        await server.Listening(port);
        return server;
    }

    /// <summary>Gets a page with curl, which must work.</summary>
    public static Task<string> Get(Host host, params string[] words) =>
        RealProgram.Succeed("curl", ["--silent", "--show-error", "--fail", "--noproxy", "*", "--max-time", "20", .. words], new ProgramOptions { Host = host });

    /// <summary>Ends it with the site.</summary>
    public T Own<T>(T owned)
        where T : IAsyncDisposable
    {
        _owned.Add(owned);
        return owned;
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var owned in Enumerable.Reverse(_owned))
            await owned.DisposeAsync();
        await _hosts.DisposeAsync();
        _authority.Dispose();
        Folder.Dispose();
    }
}
