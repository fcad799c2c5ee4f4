using System.Net;
using System.Net.Sockets;
using JunctionRelay.Tests.Harness;
using static JunctionRelay.Tests.Hosting.ReloadingJunction;

namespace JunctionRelay.Tests.Hosting;

/// <summary>Reloads of junctions that are joined by links: those that did not change are not touched, the others let their streams come to their ends.</summary>
public sealed class LinkReloadTests
{
    private const string CloudIdentity = """ "identity": { "certificate": "certs/cloud.crt", "key": "certs/cloud.key", "trust": "certs/ca.crt" } """;
    private const string HqIdentity = """ "identity": { "certificate": "certs/enterprise.crt", "key": "certs/enterprise.key", "trust": "certs/ca.crt" } """;

    [Fact]
    public async Task A_link_that_did_not_change_goes_on_while_everything_around_it_changes()
    {
        await using var upstream = new EchoServer();
        await using var hq = await StartAsync(Hq(upstream, AnyPort));
        await using var cloud = await StartAsync(Cloud(hq.Links.Addresses.Single()));
        await UpAsync(cloud);
        var session = Session(cloud);
        using var client = await Peer.ConnectAsync(cloud.AddressOf("echo"));
        await EchoServer.AskAsync(client);

        Assert.Empty(await cloud.ReloadAsync(Cloud(hq.Links.Addresses.Single(), relays: """, "other": { "listen": "127.0.0.1:0", "target": "link://enterprise/echo" }""")));
        Assert.Empty(await hq.ReloadAsync(Hq(upstream, AnyPort, services: """, "more": { "target": "lic:1" }""")));

        Assert.Same(session, Session(cloud));
        Assert.Equal(0, session.Resumes);
        await EchoServer.AskAsync(client);
        using var other = await Peer.ConnectAsync(cloud.AddressOf("other"));
        await EchoServer.AskAsync(other);
    }

    [Fact]
    public async Task A_link_that_changed_takes_new_streams_over_a_new_session_and_the_old_one_ends_when_it_is_empty()
    {
        await using var upstream = new EchoServer();
        await using var hq = await StartAsync(Hq(upstream, AnyPort));
        await using var cloud = await StartAsync(Cloud(hq.Links.Addresses.Single(), link: """, "ping": "100ms" """));
        await UpAsync(cloud);
        var old = Session(cloud);
        using var client = await Peer.ConnectAsync(cloud.AddressOf("echo"));
        await EchoServer.AskAsync(client);

        Assert.Empty(await cloud.ReloadAsync(Cloud(hq.Links.Addresses.Single(), link: """, "resume": "30s", "ping": "100ms" """)));

        await Eventually.TrueAsync(() => old.IsRetired, () => "the old session is not retired");
        var next = Directory(cloud).Find("enterprise")[0];
        Assert.NotSame(old, next);
        Assert.Equal(TimeSpan.FromSeconds(30), next.Resume);
        using var newcomer = await Peer.ConnectAsync(cloud.AddressOf("echo"));
        await EchoServer.AskAsync(newcomer);
        Assert.Equal((1, 1), (old.StreamCount, next.StreamCount));
        await EchoServer.AskAsync(client);

        await client.EndAsync();
        await client.ReadToEndAsync();
        await Eventually.TrueAsync(() => old.IsEnded, () => "the old session does not end when it is empty");
        await EchoServer.AskAsync(newcomer);
    }

    [Fact]
    public async Task A_peer_that_may_not_have_us_listen_any_more_loses_its_listener_and_no_connection()
    {
        await using var upstream = new EchoServer();
        var (lost, kept) = (FreePort(), FreePort());
        await using var hq = await StartAsync(Listening($"127.0.0.1:{lost}", $"127.0.0.1:{kept}"));
        await using var cloud = await StartAsync(Cloud(hq.Links.Addresses.Single(), relays: string.Concat(new[] { lost, kept }.Select(port =>
            $$""", "at{{port}}": { "listen": "link://enterprise/127.0.0.1:{{port}}", "target": "{{upstream.Address}}", "healthInterval": "0" }"""))));
        using var client = await ListenedAsync(lost);
        using var other = await ListenedAsync(kept);

        Assert.Empty(await hq.ReloadAsync(Listening($"127.0.0.1:{kept}")));
        await Eventually.TrueAsync(() => !IsListening(lost), () => "the listener that is not permitted any more is still there");
        await EchoServer.AskAsync(client);
        using var newcomer = await Peer.ConnectAsync(new IPEndPoint(IPAddress.Loopback, kept));
        await EchoServer.AskAsync(newcomer);

        static string Listening(params string[] addresses) => $$"""
            { {{HqIdentity}}, "linkListen": "127.0.0.1:0", "relays": { "unused": { "listen": "127.0.0.1:0", "target": "127.0.0.1:9", "healthInterval": "0" } }, "peers": { "cloud": { "listen": ["{{string.Join("\", \"", addresses)}}"] } } }
            """;

        static bool IsListening(int port)
        {
            try
            {
                using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
                socket.Connect(IPAddress.Loopback, port);
                return true;
            }
            catch (SocketException)
            {
                return false;
            }
        }

        static async Task<Peer> ListenedAsync(int port)
        {
            await Eventually.TrueAsync(() => IsListening(port), () => $"nobody listens on {port}");
            var client = await Peer.ConnectAsync(new IPEndPoint(IPAddress.Loopback, port));
            await EchoServer.AskAsync(client);
            return client;
        }
    }

    [Fact]
    public async Task A_link_that_leads_nowhere_any_more_serves_on_until_the_new_one_is_up()
    {
        await using var upstream = new EchoServer();
        await using var hq = await StartAsync(Hq(upstream, AnyPort));
        await using var cloud = await StartAsync(Cloud(hq.Links.Addresses.Single()));
        await UpAsync(cloud);
        Assert.Empty(await cloud.ReloadAsync(Cloud(new IPEndPoint(IPAddress.Loopback, FreePort()))));
        await cloud.LinkLog.WaitAsync("link-dial-failed");
        using var client = await Peer.ConnectAsync(cloud.AddressOf("echo"));
        await EchoServer.AskAsync(client);
    }

    [Fact]
    public async Task A_link_that_is_taken_out_lets_its_streams_come_to_their_ends()
    {
        await using var upstream = new EchoServer();
        await using var hq = await StartAsync(Hq(upstream, AnyPort));
        await using var cloud = await StartAsync(Cloud(hq.Links.Addresses.Single(), link: """, "ping": "100ms" """));
        await UpAsync(cloud);
        var old = Session(cloud);
        using var client = await Peer.ConnectAsync(cloud.AddressOf("echo"));
        await EchoServer.AskAsync(client);

        Assert.Empty(await cloud.ReloadAsync($$"""{ "relays": { {{Said("echo", AnyPort, upstream.Address)}} } }"""));

        using var direct = await Peer.ConnectAsync(cloud.AddressOf("echo"));
        await EchoServer.AskAsync(direct);
        await EchoServer.AskAsync(client);
        await client.EndAsync();
        await client.ReadToEndAsync();
        await Eventually.TrueAsync(() => old.IsEnded, () => "the session does not end when it is empty");

        // And back: the same start of the same junction, which the peer must not take for a restart.
        Assert.Empty(await cloud.ReloadAsync(Cloud(hq.Links.Addresses.Single())));
        await UpAsync(cloud);
        Assert.DoesNotContain(hq.LinkLog.Entries, e => e.Name == "link-ghosts-evicted");
    }

    [Fact]
    public async Task A_port_for_links_moves_and_who_dialled_the_old_one_keeps_his_streams()
    {
        await using var upstream = new EchoServer();
        var port = FreePort();
        await using var hq = await StartAsync(Hq(upstream, new IPEndPoint(IPAddress.Loopback, port)));
        await using var cloud = await StartAsync(Cloud(hq.Links.Addresses.Single()));
        await UpAsync(cloud);
        using var client = await Peer.ConnectAsync(cloud.AddressOf("echo"));
        await EchoServer.AskAsync(client);
        // From one address to all of them, and on to another port.
        Assert.Empty(await hq.ReloadAsync(Hq(upstream, new IPEndPoint(IPAddress.Any, port))));
        await EchoServer.AskAsync(client);
        Assert.Empty(await hq.ReloadAsync(Hq(upstream, new IPEndPoint(IPAddress.Loopback, FreePort()))));
        await EchoServer.AskAsync(client);
        using (var late = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp))
            await Assert.ThrowsAsync<SocketException>(() => late.ConnectAsync(IPAddress.Loopback, port));
        Assert.Empty(await cloud.ReloadAsync(Cloud(hq.Links.Addresses.Single())));
        using var newcomer = await Peer.ConnectAsync(cloud.AddressOf("echo"));
        await EchoServer.AskAsync(newcomer);
        await EchoServer.AskAsync(client);
    }

    [Fact]
    public async Task A_peer_that_loses_a_permission_loses_it_for_new_streams()
    {
        await using var upstream = new EchoServer();
        await using var hq = await StartAsync(Hq(upstream, AnyPort));
        await using var cloud = await StartAsync(Cloud(hq.Links.Addresses.Single()));
        await UpAsync(cloud);
        using var client = await Peer.ConnectAsync(cloud.AddressOf("echo"));
        await EchoServer.AskAsync(client);
        Assert.Empty(await hq.ReloadAsync(Hq(upstream, AnyPort, """, "other": { "target": "lic:1" }""", permitted: "other")));
        Assert.Equal(SeenEnd.Reset, await Peer.ConnectAndReadEndAsync(cloud.AddressOf("echo")));
        await hq.Log.WaitAsync("connection-ended", e => (string)e.Fields["reason"]! == "not-permitted");
        await EchoServer.AskAsync(client);
    }

    [Fact]
    public async Task Other_files_of_the_identity_are_a_renewal_for_the_link()
    {
        await using var upstream = new EchoServer();
        await using var hq = await StartAsync(Hq(upstream, AnyPort));
        await using var cloud = await StartAsync(Cloud(hq.Links.Addresses.Single()));
        await UpAsync(cloud);
        var session = Session(cloud);
        using var client = await Peer.ConnectAsync(cloud.AddressOf("echo"));
        await EchoServer.AskAsync(client);
        using var renewed = TestPki.Default.Issue("cloud");
        using var key = System.Security.Cryptography.X509Certificates.ECDsaCertificateExtensions.GetECDsaPrivateKey(renewed)!;
        cloud.Folder.Write("certs/next.crt", renewed.ExportCertificatePem()).Write("certs/next.key", key.ExportPkcs8PrivateKeyPem());

        Assert.Empty(await cloud.ReloadAsync(Cloud(hq.Links.Addresses.Single()).Replace("certs/cloud.", "certs/next.", StringComparison.Ordinal)));

        await Eventually.TrueAsync(
            () => Session(hq, "cloud").Peer!.SerialNumber == renewed.SerialNumber, () => "the peer does not see the new certificate");
        Assert.Same(session, Session(cloud));
        await EchoServer.AskAsync(client);
    }

    private static string Hq(EchoServer upstream, EndPoint listen, string services = "", string permitted = "echo") =>
        $$"""
        { {{HqIdentity}}, "linkListen": "{{listen}}", "services": { "echo": { "target": "{{upstream.Address}}" } {{services}} },
          "relays": { "unused": { "listen": "127.0.0.1:0", "target": "127.0.0.1:9", "healthInterval": "0" } },
          "peers": { "cloud": { "services": ["{{permitted}}"] } } }
        """;

    private static string Cloud(EndPoint hq, string link = "", string relays = "") =>
        $$"""
        { {{CloudIdentity}}, "links": { "enterprise": { "dial": "{{hq}}" {{link}} } },
          "relays": { "echo": { "listen": "127.0.0.1:0", "target": "link://enterprise/echo" } {{relays}} } }
        """;

    private static JunctionRelay.Links.LinkDirectory Directory(ReloadingJunction junction) => junction.InForce.Plan.Links!.Directory;

    private static JunctionRelay.Links.LinkSession Session(ReloadingJunction junction, string peer = "enterprise") => Directory(junction).All().Single(s => s.Name == peer).Session;

    private static Task UpAsync(ReloadingJunction junction) => Eventually.TrueAsync(
        () => Directory(junction).IsUp("enterprise"), () => $"no link:\n{string.Join('\n', junction.LinkLog.Entries.Select(e => e.Message))}");
}
