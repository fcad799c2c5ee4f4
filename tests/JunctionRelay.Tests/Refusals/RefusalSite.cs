using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using JunctionRelay.Connections;
using JunctionRelay.Greetings;
using JunctionRelay.Tests.Harness;

namespace JunctionRelay.Tests.Refusals;

/// <summary>
/// A target, the junctions before it (<c>hq</c>, in a chain <c>dmz</c> as well), which are configured as users do it, and somebody called <c>cloud</c> who wants to reach the target
/// and has something wrong. Over links <c>cloud</c> is a junction of its own, which does not check itself.
/// </summary>
internal sealed class RefusalSite : IAsyncDisposable
{
    /// <summary>Of a peer whose offence is to want more.</summary>
    public const int MostStreams = 3;

    private const string ServerUsage = "1.3.6.1.5.5.7.3.1", ClientUsage = "1.3.6.1.5.5.7.3.2";
    private static readonly TestPki Other = new("Other CA");

    private readonly Socket _target = Peer.Listen();
    private readonly string _way;
    private readonly string _offence;
    private TestJunction? _cloud;
    private ConfiguredJunction? _dmz;
    private ConfiguredJunction? _far;   // listens for hq
    private int _farPort;

    private RefusalSite(string way, string offence) => (_way, _offence) = (way, offence);

    /// <summary>An authority that is trusted here, and bears the name of one who would be let in.</summary>
    public static TestPki CalledCloud { get; } = new("cloud");

    /// <summary>Where the target is dialled.</summary>
    public ConfiguredJunction Hq { get; private set; } = null!;

    /// <summary>Who must refuse: in a chain its first junction, but for what only the last one knows.</summary>
    public ConfiguredJunction Judge => _dmz is not null && !IsOfHook && _offence is not ("service not allowed" or "paused" or "revoked before the peer") ? _dmz : Hq;

    /// <summary>The log of the junction where clients connect, if that is another one.</summary>
    public TestLog? CloudLog => _cloud?.Log;

    /// <summary>What a client can connect to.</summary>
    public IReadOnlyList<string> Entrances => _cloud is null ? [_way] : ["plain relay", "socks5", "http CONNECT"];

    private int TargetPort => ((IPEndPoint)_target.LocalEndPoint!).Port;

    private string Next => _way == "chain" ? "dmz" : "hq";

    private bool IsReverse => _way == "reverse link";

    public static async Task<RefusalSite> StartAsync(string way, string offence)
    {
        var site = new RefusalSite(way, offence);
        try
        {
            if (way is "link" or "reverse link" or "chain") await site.LinkAsync();
            else if (way == "reverse listener") await site.ListenFarAsync();
            else site.Hq = await ConfiguredJunction.StartAsync("hq", site.Relay(), Hook(offence));
            if (offence == "revoked" && way is "tls listener") site.Hq.Deny("cloud");
            return site;
        }
        catch
        {
            await site.DisposeAsync();
            throw;
        }
    }

    /// <summary>Waits until all links are up.</summary>
    public async Task LinkedAsync()
    {
        if (_far is not null) await Eventually.TrueAsync(() => Ports.IsListening(_farPort), () => "the far junction does not listen for hq");
        if (_cloud is null) return;
        if (_dmz is not null) await _dmz.LinkedAsync("hq");
        await (_dmz ?? Hq).LinkedAsync("cloud");
        await _cloud.LinkedAsync(_dmz is null ? "hq" : "dmz");
    }

    /// <summary>Asks for the target, and fails when the answer is anything but a refusal, in the client's own protocol where it has one.</summary>
    public async Task KnockAsync(string entrance, TestJunction? other = null)
    {
        try
        {
            if (entrance == "tls listener")
            {
                await KnockTlsAsync();
                return;
            }

            using var peer = await Peer.ConnectAsync(other?.AddressOf(entrance) ?? Address(entrance));
            await peer.SendAsync(Words(entrance));
            var (bytes, end) = await peer.ReadToEndAsync();
            var refused = entrance switch
            {
                "plain relay" or "behind a balancer" or "reverse listener" => end == SeenEnd.Reset && bytes.Length == 0,
                // It knows no resets.
                "unix socket" => bytes.Length == 0,
                // 05 00 (no authentication) or 05 02 01 01 (wrong password), then 05 and the reason. Or a reset, before anything was said.
                "socks5" => bytes.Length == 0 ? end == SeenEnd.Reset : bytes is [5, 0, 5, not 0, ..] or [5, 2, 1, not 0] or [5, 0xFF],
                _ => bytes.Length == 0 ? end == SeenEnd.Reset : Encoding.ASCII.GetString(bytes).Split(' ') is ["HTTP/1.1", "403" or "407" or "503", ..],
            };
            Assert.True(refused, $"{entrance}: {end} after {Convert.ToHexString(bytes)}");
        }
        catch (Exception e) when (e is SocketException or IOException)
        {
            // Reset before it could say anything.
        }
    }

    /// <summary>
    /// Waits until no junction on the way counts more streams than these, of all who are called cloud together: each counts for itself, and which of them knows last is chance, so that
    /// what is seen at the target or at one of them says nothing of the next.
    /// </summary>
    public Task CountedAsync(int streams) => Eventually.TrueAsync(
        () => _cloud!.Sessions.Sum(s => s.Session.StreamCount) <= streams && (_dmz?.StreamsOf("cloud") ?? 0) <= streams && Hq.StreamsOf(_dmz is null ? "cloud" : "dmz") <= streams,
        () => $"more than {streams} streams are counted: cloud {_cloud!.Sessions.Sum(s => s.Session.StreamCount)}, dmz {_dmz?.StreamsOf("cloud")}, hq {Hq.StreamsOf(_dmz is null ? "cloud" : "dmz")}");

    /// <summary>Asks for the target and gets through to it.</summary>
    public async Task EnterAsync(string entrance)
    {
        var (client, server) = await HoldAsync(entrance);
        client.Dispose();
        server.Dispose();
    }

    /// <summary>Another junction of the same name, at another place, with a link of its own.</summary>
    public async Task<TestJunction> AnotherCloudAsync()
    {
        // A session of which the other side did not hear that it is over ends with `resume`.
        var other = await StartCloudAsync(resume: TimeSpan.FromSeconds(2));
        await other.LinkedAsync(Next);
        return other;
    }

    /// <summary>The same, and stays; through <paramref name="other"/> than the site's own junction.</summary>
    public async Task<(Peer Client, Peer Server)> HoldAsync(string entrance, TestJunction? other = null)
    {
        var address = other?.AddressOf(entrance) ?? Address(entrance);
        var client = entrance == "tls listener"
            ? await Peer.ConnectAsync(address, tls: true, TestPki.Default.Issue("cloud"), "hq") : await Peer.ConnectAsync(address);
        await client.SendAsync(entrance == "tls listener" ? "knock"u8.ToArray() : Words(entrance));
        var server = await Peer.AcceptAsync(_target);
        Assert.Equal("knock"u8.ToArray(), await server.ReadAsync(5));
        return (client, server);
    }

    /// <summary>The target counts no connection.</summary>
    public void AssertNothingWasDialled() => Assert.False(_target.Poll(0, SelectMode.SelectRead), "the target was dialled");

    public async ValueTask DisposeAsync()
    {
        if (_cloud is not null) await _cloud.DisposeAsync();
        if (_dmz is not null) await _dmz.DisposeAsync();
        if (_far is not null) await _far.DisposeAsync();
        if (Hq is not null) await Hq.DisposeAsync();
        _target.Dispose();
    }

    private EndPoint Address(string entrance) => _far is not null ? new IPEndPoint(IPAddress.Loopback, _farPort) : _cloud is null ? Hq.AddressOf("in") : _cloud.AddressOf(entrance);

    private async Task ListenFarAsync()
    {
        _farPort = Ports.Free();
        _far = await ConfiguredJunction.StartAsync("far", $$""" "linkListen": "127.0.0.1:0", "services": { "none": { "open": "127.0.0.1:1" } }, "peers": { "hq": { "listen": "127.0.0.1:{{_farPort}}" } } """);
        Hq = await ConfiguredJunction.StartAsync("hq", $$"""{{Relay()}}, "links": { "far": { "dial": "{{_far.LinkAddress}}" } }""", Hook(_offence));
    }

    private async Task LinkAsync()
    {
        // The first junction that cloud meets; in a chain hq meets dmz alone.
        var isChain = _way == "chain";
        if (isChain)
        {
            Hq = await ConfiguredJunction.StartAsync("hq", $"{Services()}, {Peers("dmz")}, \"linkListen\": \"127.0.0.1:0\"", Hook(_offence));
            if (_offence == "revoked before the peer") Hq.Deny("cloud");
            _dmz = await ConfiguredJunction.StartAsync("dmz", $$"""
                "services": { "svc": { "target": "link://hq/svc" } }, {{Peers("cloud", isLast: false)}}, "linkListen": "127.0.0.1:0",
                "links": { "hq": { "dial": "{{Hq.LinkAddress}}" } }
                """);
        }
        else if (!IsReverse)
        {
            Hq = await ConfiguredJunction.StartAsync("hq", $"{Services()}, {Peers("cloud")}, \"linkListen\": \"127.0.0.1:0\"", Hook(_offence));
        }

        if (_offence == "revoked" && !IsReverse) (_dmz ?? Hq).Deny("cloud");

        _cloud = await StartCloudAsync();
        if (IsReverse) Hq = await ConfiguredJunction.StartAsync("hq", $$"""{{Services()}}, {{Peers("cloud")}}, "links": { "cloud": { "dial": "{{_cloud.LinkAddress}}" } }""", denied: _offence == "revoked" ? "cloud" : null, Hook(_offence));
    }

    private Task<TestJunction> StartCloudAsync(TimeSpan? resume = null)
    {
        var next = Next;
        return TestJunction.StartAsync(new TestJunctionPlan("cloud")
        {
            Credentials = Credentials(),
            // Nothing that is probed, so that each connection at the target is one that was dialled for a client: the destination is named, and judged by hq's list.
            Relays = { ["plain relay"] = $"{next}/svc/127.0.0.1:{TargetPort}", ["socks5"] = $"{next}/svc", ["http CONNECT"] = $"{next}/svc" },
            Greeters = { ["socks5"] = new Socks5Greeter(null, TimeProvider.System), ["http CONNECT"] = new HttpConnectGreeter(null, TimeProvider.System) },
            Dial = IsReverse ? [] : [(next, [(_dmz ?? Hq).LinkAddress])],
            Peers = { ["hq"] = [] },
            Dialled = IsReverse,
            Resume = resume,
        });
    }

    private string Services() => $$"""
        "services": { "svc": { "open": "127.0.0.1:{{TargetPort}}", "paused": {{(_offence == "paused" ? "true" : "false")}} {{Auth()}} }, "other": { "open": "127.0.0.1:1" } }
        """;

    private string Peers(string name, bool isLast = true) => $$"""
        "peers": { "{{name}}": { "services": "{{(isLast && _offence == "service not allowed" ? "other" : "svc")}}" {{(_offence == "outside range" && name == "cloud" ? """, "from": "10.0.0.0/8" """ : "")}} {{Limits}} } }
        """;

    private string Limits => _offence switch
    {
        "too many streams" => $""", "maxStreams": {MostStreams}""",
        "inside range" => """, "from": ["10.0.0.0/8", "127.0.0.0/8"]""",
        _ => "",
    };

    private string Relay() => $$"""
        "relays": { "in": { {{Listen()}} {{(_offence == "outside range" ? """, "allow": "10.0.0.0/8" """ : "")}} {{Auth()}} } }
        """;

    private string Listen() => _way switch
    {
        "tls listener" => $$"""
            "listen": "tls://127.0.0.1:0", "target": "127.0.0.1:{{TargetPort}}", "healthInterval": "0", "tls": { "allowNames": "{{(_offence == "name not allowed" ? "node-*" : "cloud")}}" }
            """,
        "unix socket" => $$""" "listen": "unix:in.sock", "target": "127.0.0.1:{{TargetPort}}", "healthInterval": "0" """,
        "reverse listener" => $$""" "listen": "link://far/127.0.0.1:{{_farPort}}", "target": "127.0.0.1:{{TargetPort}}", "healthInterval": "0" """,
        "plain relay" => $$""" "listen": "127.0.0.1:0", "target": "127.0.0.1:{{TargetPort}}", "healthInterval": "0" """,
        "behind a balancer" => $$""" "listen": "127.0.0.1:0", "proxyFrom": "127.0.0.0/8", "target": "127.0.0.1:{{TargetPort}}", "healthInterval": "0" """,
        _ => $$"""
            "listen": "{{(_way == "socks5" ? "socks5" : "http")}}://127.0.0.1:0", "open": "127.0.0.1:{{(_offence == "service not allowed" ? 1 : TargetPort)}}"
            {{(_offence == "name not allowed" ? """, "users": "users" """ : "")}}
            """,
    };

    private bool IsOfHook => _offence.StartsWith("hook", StringComparison.Ordinal) || IsOfWorker;

    private bool IsOfWorker => _offence.StartsWith("worker", StringComparison.Ordinal);

    private string Auth() => !IsOfHook ? ""
        : $$""", "auth": { "exec": "hook", "worker": {{(IsOfWorker ? "true" : "false")}}, "timeout": "{{(_offence.EndsWith("hangs", StringComparison.Ordinal) ? "300ms" : "30s")}}" } """;

    private static (string Name, string Text)[] Hook(string offence) =>
    [
        ("hook", "#!/bin/sh\n" + offence switch
        {
            "hook hangs" => "exec sleep 1000",
            "hook crashes" => "kill -9 $$",
            "worker denies" => "while read -r asked; do echo '{\"allow\": false, \"reason\": \"not today\"}'; done",
            "worker hangs" => "read -r asked; exec sleep 1000",
            "worker crashes" => "read -r asked; kill -9 $$",
            _ => "exit 1",
        } + "\n"),
        ("users", "somebody:else\n"),
    ];

    private X509Certificate2? Shown() => _offence switch
    {
        "no certificate" => null,
        "other CA" => Other.Issue("cloud"),
        "expired" => TestPki.Default.Issue("cloud", from: TimeSpan.FromDays(-9), until: TimeSpan.FromDays(-2)),
        "not yet valid" => TestPki.Default.Issue("cloud", from: TimeSpan.FromDays(2), until: TimeSpan.FromDays(9)),
        "wrong usage" => TestPki.Default.Issue("cloud", usage: IsReverse ? ClientUsage : ServerUsage),
        "CA used as leaf" => CalledCloud.Authority,
        "name not allowed" => TestPki.Default.Issue("stranger"),
        _ => TestPki.Default.Issue("cloud"),
    };

    private TlsCredentials Credentials() => new(Shown() is { } shown ? TlsIdentity.From(shown) : null, TestPki.Default.Trust);

    private async Task KnockTlsAsync()
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync((IPEndPoint)Address("tls listener"));
        await using var tls = new SslStream(new NetworkStream(socket));
        try
        {
            await tls.AuthenticateAsClientAsync(new SslClientAuthenticationOptions
            {
                TargetHost = "hq",
                EnabledSslProtocols = SslProtocols.Tls13,
                ClientCertificateContext = Shown() is { } shown ? SslStreamCertificateContext.Create(shown, null, offline: true) : null,
                CertificateChainPolicy = Peer.TrustDefault(),
            }).WaitAsync(Eventually.Deadline);
            await tls.WriteAsync("knock"u8.ToArray());
            Assert.Equal(0, await tls.ReadAsync(new byte[1]).AsTask().WaitAsync(Eventually.Deadline));
        }
        catch (AuthenticationException)
        {
            // The refusal, as the client sees it; or, as others, an end of the connection.
        }
    }

    private byte[] Words(string entrance) => entrance switch
    {
        "plain relay" or "unix socket" or "reverse listener" => "knock"u8.ToArray(),
        "behind a balancer" => "PROXY TCP4 192.0.2.9 203.0.113.1 4711 443\r\nknock"u8.ToArray(),
        "socks5" when _cloud is null && _offence == "name not allowed" => [5, 1, 2, 1, 5, .. "cloud"u8, 6, .. "secret"u8],
        "socks5" => [5, 1, 0, 5, 1, 0, 1, 127, 0, 0, 1, (byte)(TargetPort >> 8), (byte)TargetPort, .. "knock"u8],
        _ => Encoding.ASCII.GetBytes($"CONNECT 127.0.0.1:{TargetPort} HTTP/1.1\r\nHost: a\r\n\r\nknock"),
    };
}
