using System.Globalization;

namespace JunctionRelay.Scenarios.Harness;

/// <summary>
/// A compute node whose users may nothing, a junction at the border of a site, and the site's servers behind it, whose names the border alone knows. Jobs run with <c>junction exec</c>.
/// </summary>
internal sealed class ExecSite : IAsyncDisposable
{
    /// <summary>What lmgrd calls itself.</summary>
    public const string LicenseServer = "lic1.corp";

    public const int LicensePort = 27000;
    public const int LogPort = 9316;
    public const int LogServers = 9;

    /// <summary>Two more processes of the runtime stand between the job and its end.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(90);

    /// <summary>Two users of the node.</summary>
    public const int Nobody = 65534, Daemon = 1;

    private readonly EntranceSite _site;
    private readonly List<RealProgram> _servers = [];

    private ExecSite(EntranceSite site) => _site = site;

    public SimulatedLicenses Licenses { get; private set; } = null!;

    public JunctionProcess Border { get; private set; } = null!;

    public TemporaryFolder Folder => _site.Folder;

    /// <summary>Starts the servers and the border. <paramref name="auth"/>: the auth section of its service for licenses, if it has one.</summary>
    public static async Task<ExecSite> Open(string auth = "")
    {
        var names = Enumerable.Range(1, LogServers).Select(i => $"{Log(i)} logserver{i}.corp").Prepend($"{EntranceSite.ServerAddress} {LicenseServer}").ToArray();
        var site = new ExecSite(await EntranceSite.Lay(names));
        try
        {
            File.SetUnixFileMode(site.Folder.Folder("tmp"), (UnixFileMode)0b001_111_111_111);
            for (var i = 1; i <= LogServers; i++)
                await RealProgram.Succeed("ip", ["addr", "add", $"{Log(i)}/24", "dev", NetworkNamespaces.Interface(site._site.Border)], new ProgramOptions { Host = site._site.Server });
            site.Licenses = await SimulatedLicenses.Start(EntranceSite.ServerAddress, LicensePort, 0, 20, site._site.Server, LicenseServer);
            site.Border = await site._site.Start(site._site.Border, $$"""
                { {{site._site.Identity("border")}}, "linkListen": ["{{EntranceSite.BorderAddress}}:8443"],
                  "services": {
                    "lmgrd": { "target": ["{{LicenseServer}}:{{LicensePort}}"], "protocol": "flexlm"{{(auth.Length == 0 ? "" : $", \"auth\": {auth}")}} },
                    "logs": { "open": ["logserver*.corp:{{LogPort}}"] } },
                  "peers": { "node": { "services": ["lmgrd", "logs"] } } }
                """);
            foreach (var user in new[] { Nobody, Daemon }) await site.GiveIdentity(user);
            return site;
        }
        catch
        {
            await site.DisposeAsync();
            throw;
        }
    }

    /// <summary>A log server at each address, which says its name and ends.</summary>
    public async Task StartLogServers()
    {
        for (var i = 1; i <= LogServers; i++)
        {
            var server = RealProgram.Start(
                "socat", [$"TCP-LISTEN:{LogPort},bind={Log(i)},fork,reuseaddr", $"SYSTEM:echo this is logserver{i}"], new ProgramOptions { Host = _site.Server });
            _servers.Add(server);
            await server.Listening(LogPort);
        }
    }

    /// <summary>A configuration of the node with these relays; <paramref name="user"/> may read it.</summary>
    public string Config(string relays, int user = Nobody) => Folder.Write($"node-{user}.json", $$"""
        { "identity": { "directory": "{{Identity(user)}}" }, "links": { "border": { "dial": ["{{EntranceSite.BorderAddress}}:8443"] } }, "relays": { {{relays}} } }
        """);

    /// <summary>The relay for licenses: the service is known here, its server only by <c>hostName</c>.</summary>
    public static string Lmgrd => $$""" "lmgrd": { "listen": ["127.0.0.1:{{LicensePort}}"], "target": ["link://border/lmgrd"], "protocol": "flexlm", "hostName": "{{LicenseServer}}" } """;

    /// <summary>A user's identity directory.</summary>
    public string Identity(int user) => Folder[$"identity-{user}"];

    /// <summary>How a program runs at the node, as that user.</summary>
    public ProgramOptions As(int user = Nobody, params (string Name, string Value)[] variables) => new()
    {
        Host = _site.Desk,
        Wrapper = ["setpriv", $"--reuid={user}", $"--regid={user}", "--clear-groups"],
        // Without the directories of root, which others may not look into.
        Environment = variables.Append(("PATH", "/usr/bin:/bin:/usr/sbin:/sbin")).Append(("TMPDIR", Temporary)).ToDictionary(v => v.Item1, v => v.Item2),
        Folder = "/",
    };

    /// <summary>Starts <c>junction exec</c> with these words.</summary>
    public RealProgram Start(ProgramOptions options, params string[] words) => RealProgram.Start(JunctionProcess.Binary(), ["exec", .. words], options with { Host = _site.Desk });

    /// <summary>Runs it to its end.</summary>
    public Task<ProgramResult> Run(ProgramOptions options, params string[] words) => RealProgram.Run(JunctionProcess.Binary(), ["exec", .. words], options with { Host = _site.Desk }, Patience);

    /// <summary>A job that holds a seat until its input ends.</summary>
    public static string[] HoldSeat(string server = LicenseServer) => [JunctionProcess.Binary(), "simulate-client", "--server", $"{server}:{LicensePort}", "--heartbeat", "0", "--hold"];

    /// <summary>Fails when the node reaches the server without a junction.</summary>
    public async Task HasNoWayAround()
    {
        var direct = await RealProgram.Run("socat", ["-u", "OPEN:/dev/null", $"TCP:{EntranceSite.ServerAddress}:{LicensePort}"], As());
        Assert.True(direct.ExitCode != 0 && direct.Error.Contains("unreachable", StringComparison.Ordinal), $"The node must have no way around: {direct}");
    }

    /// <summary>What jobs have left behind in their directory for such things.</summary>
    public string[] LeftBehind => Directory.GetFileSystemEntries(Temporary, "junction-exec-*");

    /// <summary>The agents of this node that run now: other scenarios have theirs.</summary>
    public int[] Agents() => [.. Directory.GetDirectories("/proc").Select(d => (Id: Path.GetFileName(d), Directory: d)).Where(p => p.Id.All(char.IsAsciiDigit))
        .Where(p => Words(p.Directory, "cmdline").Contains("exec-agent\0", StringComparison.Ordinal) && Words(p.Directory, "environ").Contains($"TMPDIR={Temporary}\0", StringComparison.Ordinal))
        .Select(p => int.Parse(p.Id, CultureInfo.InvariantCulture))];

    public async ValueTask DisposeAsync()
    {
        foreach (var server in _servers) await server.DisposeAsync();
        if (Licenses is not null) await Licenses.DisposeAsync();
        await _site.DisposeAsync();
    }

    // Where anybody may write, as in /tmp.
    private string Temporary => Folder["tmp"];

    private static string Log(int number) => string.Create(CultureInfo.InvariantCulture, $"10.93.9.{10 + number}");

    // Both users have the same certificate: a node's.
    private async Task GiveIdentity(int user)
    {
        var folder = Folder.Folder($"identity-{user}");
        var certificate = Path.Combine(Folder.Path, "ca-node.crt");
        if (!File.Exists(certificate)) _ = _site.Identity("node");
        File.Copy(certificate, Path.Combine(folder, "junction.crt"));
        File.Copy(Path.ChangeExtension(certificate, "key"), Path.Combine(folder, "junction.key"));
        File.Copy(Path.Combine(Folder.Path, "ca.crt"), Path.Combine(folder, "ca.crt"));
        await RealProgram.Succeed("chown", ["--recursive", $"{user}", folder]);
    }

    // proc(5): each word ends with a NUL
    private static string Words(string process, string file)
    {
        try
        {
            return File.ReadAllText(Path.Combine(process, file));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return "";
        }
    }
}
