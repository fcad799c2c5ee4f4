using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using JunctionRelay.Connections;
using JunctionRelay.Policies;
using JunctionRelay.Tests.Harness;

namespace JunctionRelay.Tests.Connections;

/// <summary>Whom TLS keeps out, and in which words: on a listener nothing is dialled for a stranger, at a target nothing is sent to one.</summary>
public sealed class TlsRefusalTests
{
    private const string ServerUsage = "1.3.6.1.5.5.7.3.1";
    private static readonly TestPki Other = new("Other CA");

    public static TheoryData<string, string, string> BadClients() => new()
    {
        { "none", "certificate-missing", "no certificate" },
        { "expired", "certificate-expired", "renew it, or set the clock" },
        { "not yet valid", "certificate-expired", "renew it, or set the clock" },
        { "other authority", "certificate-untrusted", "Other CA" },
        { "for servers only", "certificate-untrusted", "extended key usage" },
    };

    [Theory, MemberData(nameof(BadClients))]
    public async Task A_client_without_a_good_certificate_is_refused_in_plain_words(string which, string reason, string words)
    {
        var certificate = which switch
        {
            "expired" => TestPki.Default.Issue("node-1", from: TimeSpan.FromDays(-9), until: TimeSpan.FromDays(-2)),
            "not yet valid" => TestPki.Default.Issue("node-1", from: TimeSpan.FromDays(2), until: TimeSpan.FromDays(9)),
            "other authority" => Other.Issue("node-1"),
            "for servers only" => TestPki.Default.Issue("node-1", usage: ServerUsage),
            _ => null,
        };
        await using var rig = await Rig.StartAsync();
        await rig.KnockAsync(certificate);
        await rig.RefusedAsync(reason, words);
    }

    [Fact]
    public async Task A_stranger_with_an_endless_name_does_not_fill_the_log()
    {
        await using var rig = await Rig.StartAsync();
        await rig.KnockAsync(Other.Issue("node-1", subject: "O=" + string.Join(", O=", Enumerable.Repeat(new string('x', 60), 100)) + ", CN=node-1"));
        await rig.RefusedAsync("certificate-untrusted", "Other CA");
        Assert.InRange((await rig.Relay.EndAsync()).Message.Length, 1, 1_000);
    }

    [Fact]
    public async Task A_client_with_a_good_certificate_is_let_in_and_named()
    {
        await using var rig = await Rig.StartAsync(names: new PeerNamePatterns(["node-*"]));
        using var client = await Peer.ConnectAsync(rig.Relay.Address, tls: true, TestPki.Default.Issue("node-17"));
        using var server = await Peer.AcceptAsync(rig.Upstream);
        await client.SendAsync("hello"u8.ToArray());
        Assert.Equal("hello"u8.ToArray(), await server.ReadAsync(5));
        await client.EndAsync();
        await server.EndAsync();
        Assert.Equal("node-17", (await rig.Relay.EndAsync()).Fields["peer"]);
    }

    [Fact]
    public async Task A_good_certificate_of_a_name_that_is_not_allowed_is_refused()
    {
        await using var rig = await Rig.StartAsync(names: new PeerNamePatterns(["node-*"]));
        await rig.KnockAsync(TestPki.Default.Issue("laptop"));
        await rig.RefusedAsync("not-permitted", "\"laptop\" is none of node-*");
    }

    [Fact]
    public async Task Tls_1_2_is_refused_unless_asked_for()
    {
        await using var strict = await Rig.StartAsync();
        await strict.KnockAsync(TestPki.Default.Issue("node-1"), SslProtocols.Tls12);
        await strict.RefusedAsync("handshake-failed", "");

        await using var lenient = await Rig.StartAsync(allowTls12: true);
        await lenient.KnockAsync(TestPki.Default.Issue("node-1"), SslProtocols.Tls12);
        using var server = await Peer.AcceptAsync(lenient.Upstream);
        Assert.Equal(0, lenient.Relay.Log.Entries.Count(e => e.Name == "connection-ended" && (string)e.Fields["reason"]! == "handshake-failed"));
    }

    [Fact]
    public async Task Bytes_that_are_no_tls_are_refused()
    {
        await using var rig = await Rig.StartAsync();
        using var client = await Peer.ConnectAsync(rig.Relay.Address);
        await client.SendAsync("GET / HTTP/1.1\r\nHost: x\r\n\r\n"u8.ToArray());
        await client.ReadToEndAsync();
        await rig.RefusedAsync("handshake-failed", "");
    }

    [Fact]
    public async Task A_client_that_connects_and_leaves_is_no_line_for_people()
    {
        await using var rig = await Rig.StartAsync();
        (await Peer.ConnectAsync(rig.Relay.Address)).Dispose();
        var end = await rig.Relay.EndAsync();
        Assert.Equal(("client-left", Microsoft.Extensions.Logging.LogLevel.Debug), (end.Fields["reason"], end.Level));
    }

    [Fact]
    public async Task A_handshake_that_takes_too_long_is_cut()
    {
        await using var rig = await Rig.StartAsync(handshake: TimeSpan.FromMilliseconds(300));
        using var client = await Peer.ConnectAsync(rig.Relay.Address);
        await client.SendAsync(new byte[] { 0x16, 0x03, 0x01 });
        Assert.Equal(SeenEnd.Reset, (await client.ReadToEndAsync()).End);
        await rig.RefusedAsync("handshake-timeout", "0.3 s");
    }

    public static TheoryData<string, string, string> BadServers() => new()
    {
        { "expired", "dial-certificate-rejected", "renew it, or set the clock" },
        { "other authority", "dial-certificate-rejected", "Other CA" },
        { "garbled names", "dial-handshake-failed", "" },
        { "other name", "dial-certificate-rejected", "is not for the name \"upstream.test\" but for elsewhere.test" },
        { "tls 1.2", "dial-handshake-failed", "" },
        { "no tls", "dial-handshake-failed", "" },
    };

    [Theory, MemberData(nameof(BadServers))]
    public async Task A_server_that_is_not_the_right_one_gets_nothing_and_the_client_a_reset(string which, string reason, string words)
    {
        using var upstream = Peer.Listen();
        await using var relay = await TestRelay.StartAsync(TestRelay.Tls(upstream.LocalEndPoint!));
        var serving = ServeAsync(upstream, which);
        Assert.Equal(SeenEnd.Reset, await Peer.ConnectAndReadEndAsync(relay.Address, "secret"u8.ToArray()));
        var end = await relay.EndAsync();
        Assert.True(reason == (string)end.Fields["reason"]!, end.Message);
        Assert.Contains(words, end.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("secret", await serving, StringComparison.Ordinal);
    }

    // The server hangs up without an alert, and the client's bytes that it never read may make that a reset: either way nothing looks like a clean end.
    [Fact]
    public async Task A_server_that_hangs_up_for_want_of_a_certificate_is_no_clean_end()
    {
        using var upstream = Peer.Listen();
        await using var relay = await TestRelay.StartAsync(TestRelay.Tls(upstream.LocalEndPoint!));
        var serving = ServeAsync(upstream, "wants a certificate");
        using var client = await Peer.ConnectAsync(relay.Address);
        Assert.Equal(SeenEnd.Reset, (await client.ReadToEndAsync()).End);
        var end = await relay.EndAsync();
        Assert.Contains((string)end.Fields["reason"]!, new[] { "target-truncated", "target-reset" });
        await serving;
    }

    // What the server got to see of the client's bytes.
    private static async Task<string> ServeAsync(Socket listener, string which)
    {
        using var socket = await listener.AcceptAsync().WaitAsync(Eventually.Deadline);
        var stream = new NetworkStream(socket);
        if (which == "no tls")
        {
            await stream.WriteAsync("220 mail.example.org ESMTP\r\n"u8.ToArray());
            var seen = new byte[4096];
            return System.Text.Encoding.Latin1.GetString(seen, 0, await stream.ReadAsync(seen));
        }

        var tls = new SslStream(stream);
        try
        {
            await tls.AuthenticateAsServerAsync(new SslServerAuthenticationOptions
            {
                ServerCertificate = which switch
                {
                    "expired" => TestPki.Default.Issue("upstream.test", TimeSpan.FromDays(-9), TimeSpan.FromDays(-2)),
                    "other authority" => Other.Issue("upstream.test"),
                    "garbled names" => TestPki.Default.IssueGarbled("upstream.test"),
                    "other name" => TestPki.Default.Issue("elsewhere.test"),
                    _ => TestPki.Default.Issue("upstream.test"),
                },
                EnabledSslProtocols = which == "tls 1.2" ? SslProtocols.Tls12 : SslProtocols.Tls13,
                ClientCertificateRequired = which == "wants a certificate",
                CertificateChainPolicy = Peer.TrustDefault(),
            });
            var seen = new byte[4096];
            return System.Text.Encoding.Latin1.GetString(seen, 0, await tls.ReadAsync(seen));
        }
        catch (Exception e) when (e is IOException or AuthenticationException)
        {
            return "";
        }
    }

    /// <summary>A relay that asks clients for certificates, in front of a plain server.</summary>
    private sealed class Rig : IAsyncDisposable
    {
        private Rig(TestRelay relay, Socket upstream) => (Relay, Upstream) = (relay, upstream);

        public TestRelay Relay { get; }
        public Socket Upstream { get; }

        public static async Task<Rig> StartAsync(PeerNamePatterns? names = null, bool allowTls12 = false, TimeSpan? handshake = null)
        {
            var upstream = Peer.Listen();
            var tls = new TlsSettings(TestPki.Default.Identity("relay.test"), TestPki.Default.Trust, RequirePeerCertificate: true, allowTls12);
            var limits = TestRelay.Limits with { Handshake = handshake ?? TestRelay.Limits.Handshake };
            return new Rig(await TestRelay.StartAsync(TestRelay.Plan([TestRelay.Tcp(upstream.LocalEndPoint!)], tls, limits, names: names)), upstream);
        }

        public async Task KnockAsync(X509Certificate2? certificate, SslProtocols protocols = SslProtocols.Tls13)
        {
            using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            await socket.ConnectAsync((IPEndPoint)Relay.Address);
            await using var tls = new SslStream(new NetworkStream(socket));
            try
            {
                await tls.AuthenticateAsClientAsync(new SslClientAuthenticationOptions
                {
                    TargetHost = "relay.test",
                    EnabledSslProtocols = protocols,
                    ClientCertificateContext = certificate is null ? null : SslStreamCertificateContext.Create(certificate, null, offline: true),
                    CertificateChainPolicy = Peer.TrustDefault(),
                }).WaitAsync(Eventually.Deadline);
                await tls.WriteAsync("hello"u8.ToArray());
                if (protocols == SslProtocols.Tls13) _ = await tls.ReadAsync(new byte[1]).AsTask().WaitAsync(Eventually.Deadline);
            }
            catch (Exception e) when (e is IOException or AuthenticationException)
            {
                // The refusal, as the client sees it.
            }
        }

        public async Task RefusedAsync(string reason, string words)
        {
            var end = await Relay.EndAsync();
            Assert.Equal(reason, end.Fields["reason"]);
            Assert.Contains(words, end.Message, StringComparison.Ordinal);
            Assert.False(Upstream.Poll(0, SelectMode.SelectRead), "something was dialled for a stranger");
        }

        public async ValueTask DisposeAsync()
        {
            await Relay.DisposeAsync();
            Upstream.Dispose();
        }
    }
}
