namespace JunctionRelay.Scenarios.Harness;

/// <summary>
/// A junction with a TLS port of every kind, on loopback: the link port, a <c>tls://</c> relay, one that speaks TLS 1.2 too, and the <c>tls://</c> admin endpoint; and where it is asked for
/// another one with an authority, at whose link port nodes join, so that it lets in clients without a certificate.
/// </summary>
internal sealed class TlsPorts : IAsyncDisposable
{
    private TlsPorts() => Authority = new TestCertificates(Folder);

    public const string Enrolment = "enrolment";

    public static string[] Kinds { get; } = ["link", "relay", "relay with TLS 1.2", "admin", Enrolment];

    private JunctionProcess? _authority;

    public TemporaryFolder Folder { get; } = new();
    public TestCertificates Authority { get; }
    public LoopbackServer Target { get; } = LoopbackServer.Echo();
    public JunctionProcess Junction { get; private set; } = null!;

    /// <summary>The ports, by kind.</summary>
    public IReadOnlyDictionary<string, int> Of { get; } = Kinds.ToDictionary(k => k, _ => FreePort.Next());

    /// <param name="environment">Of the junction.</param>
    /// <param name="withAuthority">Also the port where nodes join.</param>
    public static async Task<TlsPorts> Open(IReadOnlyDictionary<string, string>? environment = null, bool withAuthority = false)
    {
        var ports = new TlsPorts();
        try
        {
            if (withAuthority)
            {
                var pki = await SiteAuthority.Init(ports.Folder);
                ports._authority = await JunctionProcess.Start($$"""
                    { "identity": { "directory": "{{await pki.Issue("hq")}}" }, "pki": { "directory": "{{pki.Directory}}" }, "linkListen": ["127.0.0.1:{{ports.Of[Enrolment]}}"],
                      "services": { "none": { "target": ["127.0.0.1:1"] } }, "peers": { "node-*": { "services": ["none"] } } }
                    """);
            }

            ports.Junction = await JunctionProcess.Start($$"""
                {
                  "identity": {{ports.Authority.Identity("junction.test")}},
                  "linkListen": ["127.0.0.1:{{ports.Of["link"]}}"],
                  "peers": { "client.test": { "services": ["any"] } }, "services": { "any": { "open": ["127.0.0.1:{{ports.Target.Port}}"] } },
                  "relays": {
                    "relay": { "listen": "tls://127.0.0.1:{{ports.Of["relay"]}}", "target": "127.0.0.1:{{ports.Target.Port}}", "healthInterval": "0" },
                    "old": { "listen": "tls://127.0.0.1:{{ports.Of["relay with TLS 1.2"]}}", "target": "127.0.0.1:{{ports.Target.Port}}", "healthInterval": "0", "tls": { "minVersion": "1.2" } }
                  },
                  "admin": { "listen": "tls://127.0.0.1:{{ports.Of["admin"]}}" }
                }
                """,
                new ProgramOptions { Environment = environment ?? new Dictionary<string, string>() });
            return ports;
        }
        catch
        {
            await ports.DisposeAsync();
            throw;
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (Junction is not null)
            await Junction.DisposeAsync();
        if (_authority is not null)
            await _authority.DisposeAsync();
        await Target.DisposeAsync();
        Authority.Dispose();
        Folder.Dispose();
    }
}
