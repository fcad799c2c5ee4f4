using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using JunctionRelay.Connections;
using JunctionRelay.Links;
using JunctionRelay.Pki;
using JunctionRelay.Relay;
using JunctionRelay.Tests.Harness;

namespace JunctionRelay.Tests.Pki;

/// <summary>Joining over the wire: what a node gets, what a stranger does not, and who never sees a token.</summary>
public sealed class EnrolmentTests
{
    [Fact]
    public async Task A_node_joins_and_has_an_identity_directory_with_which_it_links()
    {
        await using var site = await TestSite.StartAsync();
        var node = await site.JoinAsync("node-07");
        const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        Assert.Equal(OwnerOnly, File.GetUnixFileMode(node.KeyFile));
        Assert.Equal(new EnrolmentRecord("hq", SocketDialer.Text(site.Address)), node.ReadEnrolment());
        Assert.Equal(site.Pki.TrustPem, await File.ReadAllTextAsync(node.TrustFile));
        var joined = await site.Log.WaitAsync("joined");
        Assert.Equal(("node-07", "127.0.0.1"), (joined.Fields["name"], joined.Fields["from"]));

        var secured = await site.ShakeAsync(TestSite.Read(node), LinkConnector.Protocol);
        Assert.Equal("hq", secured.Connection!.Peer!.Name);
        await secured.Connection.DisposeAsync();
    }

    [Fact]
    public async Task A_second_run_does_nothing_and_one_after_a_crash_goes_on()
    {
        await using var site = await TestSite.StartAsync();
        var token = site.Token();
        var node = await site.JoinAsync("node-07", token);
        Assert.Contains("node-07 is valid until", site.Enrolment(node).Valid()!, StringComparison.Ordinal);

        // It died with the key on its disk and the certificate not: the same key, the same use.
        File.Delete(node.CertificateFile);
        Assert.Null(site.Enrolment(node).Valid());
        await site.JoinAsync("node-07", token);
        Assert.Single(site.Pki.Tokens.Uses(token.Id));
    }

    [Fact]
    public async Task A_token_is_never_shown_to_another_junction_of_the_same_authority()
    {
        // A compromised node holds a valid certificate, and the network leads to it.
        await using var mallory = await TestSite.StartAsync(servedBy: "node-66");
        var (outcome, told) = await mallory.Enrolment(mallory.Node("node-07")).RunAsync(mallory.Token(), "node-07", TimeSpan.Zero, CancellationToken.None);
        Assert.Equal(EnrolmentOutcome.Refused, outcome);
        Assert.Contains("not for the name \"hq.junction.internal\"", told, StringComparison.Ordinal);
        Assert.Empty(mallory.Pki.Nodes());
        Assert.DoesNotContain(mallory.Log.Entries, e => e.Name is "joined" or "enrolment-refused");
    }

    [Fact]
    public async Task A_token_is_never_shown_to_another_authority()
    {
        await using var site = await TestSite.StartAsync();
        await using var other = await TestSite.StartAsync();
        var (outcome, told) = await other.Enrolment(site.Node("node-07")).RunAsync(site.Token(), "node-07", TimeSpan.Zero, CancellationToken.None);
        Assert.Equal(EnrolmentOutcome.Refused, outcome);
        Assert.Contains("not the one that made the token", told, StringComparison.Ordinal);
        Assert.DoesNotContain(other.Log.Entries, e => e.Name is "joined" or "enrolment-refused");
    }

    [Fact]
    public async Task A_junction_without_an_authority_is_named()
    {
        await using var site = await TestSite.StartAsync(hasAuthority: false);
        var (outcome, told) = await site.Enrolment(site.Node("node-07")).RunAsync(site.Token(), "node-07", TimeSpan.Zero, CancellationToken.None);
        Assert.Equal((EnrolmentOutcome.Refused, true), (outcome, told.Contains("nobody can join at", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task A_refused_token_is_plain_to_the_node_and_named_in_the_log()
    {
        await using var site = await TestSite.StartAsync();
        var token = site.Token();
        await site.JoinAsync("node-07", token);
        var (outcome, told) = await site.Enrolment(site.Node("node-08")).RunAsync(token, "node-08", Eventually.Deadline, CancellationToken.None);
        Assert.Equal((EnrolmentOutcome.Refused, "the token has been used up"), (outcome, told));
        var refused = await site.Log.WaitAsync("enrolment-refused");
        Assert.Equal($"join from 127.0.0.1 refused: token {token.Id} has been used 1 times of 1", refused.Message);
    }

    [Fact]
    public async Task Guessing_is_slowed_down_and_keeps_nobody_out_who_has_something_genuine()
    {
        await using var site = await TestSite.StartAsync();
        var (good, spent) = (site.Token(uses: 50), site.Token());
        for (var i = 0; i < 20; i++)
            await site.JoinAsync($"node-{i}", good);
        await site.JoinAsync("node-spent", spent);
        var genuine = JoinToken.Create(site.Pki.Ca, "hq", TimeProvider.System.GetUtcNow().AddHours(1)).Reveal();
        var forged = genuine[..40] + (genuine[40] == 'A' ? 'B' : 'A') + genuine[41..];
        // Until he is slowed down; from then on nobody looks at what a guesser says, by whichever question, and he is told of once, with a count to come.
        await SlowedAsync(EnrolmentQuestion.Join, forged, "the token is not valid at this junction");
        await SlowedAsync(EnrolmentQuestion.Rejoin, forged, "not known here");
        await SlowedAsync(EnrolmentQuestion.Renew, forged, "a renewal needs the certificate");
        Assert.Equal(1L, Assert.Single(site.Log.Entries, e => e.Name == "enrolment-slowed").Fields["count"]);
        Assert.True(site.Log.Entries.Count(e => e.Name == "enrolment-refused") >= AttemptLimiter.Burst);

        // From the same address: who has a token that is good joins, who has a certificate renews, who has a key comes back.
        await site.JoinAsync("node-20", good);
        using var key = site.Node("node-0").ReadKey();
        Assert.NotNull((await RenewAsync(site, site.Node("node-0"), key)).Answer?.Certificate);
        Assert.NotNull((await AskAsync(EnrolmentQuestion.Rejoin, forged, key, "node-0")).Answer?.Certificate);

        // A genuine token that is spent has a count of its own.
        await SlowedAsync(EnrolmentQuestion.Join, spent.Reveal(), "the token has been used up");
        Assert.Contains(site.Log.Entries, e => e.Name == "enrolment-slowed" && e.Message.Contains($"127.0.0.1 with the token {spent.Id}", StringComparison.Ordinal));
        await site.JoinAsync("node-21", good);

        async Task SlowedAsync(string what, string token, string refusal)
        {
            // On a slow machine one more is free every six seconds.
            for (var i = 0; i < 10 * AttemptLimiter.Burst; i++)
            {
                var told = (await AskAsync(what, token)).Problem;
                if (told.Contains("were refused: wait", StringComparison.Ordinal))
                    return;
                Assert.Contains(refusal, told, StringComparison.Ordinal);
            }

            Assert.Fail($"{what} is not slowed down");
        }

        async Task<EnrolmentReply> AskAsync(string what, string token, ECDsa? with = null, string? name = null)
        {
            using var made = ECDsa.Create(ECCurve.NamedCurves.nistP256);
            var secured = await site.ShakeAsync(null, EnrolmentServer.Protocol);
            return await EnrolmentClient.ConverseAsync(
                secured.Connection!, nonce => new EnrolmentQuestion { Do = what, Token = token, Name = name ?? "node-0", Csr = CertificateRequests.Create(with ?? made, nonce) }, CancellationToken.None);
        }
    }

    [Fact]
    public async Task A_certificate_is_renewed_by_tls_and_over_a_link_alike()
    {
        await using var site = await TestSite.StartAsync();
        var node = await site.JoinAsync("node-07");
        using var key = node.ReadKey();
        Assert.NotNull((await RenewAsync(site, node, key)).Answer?.Certificate);

        await using var cloud = await Linked.StartAsync(site, TestSite.Read(node));
        var stream = cloud.Own.Towards("hq", EnrolmentServer.Service, []).First();
        var reply = await EnrolmentClient.ConverseAsync(
            stream, nonce => new EnrolmentQuestion { Do = EnrolmentQuestion.Renew, Csr = CertificateRequests.Create(key, nonce) }, CancellationToken.None);
        Assert.Null(EnrolmentClient.Objection(reply.Answer!.Certificate!, key, "node-07", [site.Pki.Ca.Certificate], TimeProvider.System.GetUtcNow()));
        Assert.Equal(2, site.Pki.ReadNode("node-07")!.Renewals);
        Assert.Equal("127.0.0.1", site.Pki.ReadNode("node-07")!.From);
    }

    [Theory]
    [InlineData("its own", null)]
    [InlineData("of another authority", "needs the certificate that is to be renewed")]
    [InlineData("run out", "needs the certificate that is to be renewed")]
    [InlineData("garbage", "needs the certificate that is to be renewed")]
    [InlineData("of another node", "for the key of the certificate")]
    public async Task A_certificate_that_is_not_shown_in_TLS_may_stand_in_the_question(string whose, string? refused)
    {
        await using var site = await TestSite.StartAsync();
        using var stranger = JunctionCa.Create("junction.internal", TimeProvider.System.GetUtcNow(), TimeSpan.FromDays(1)).Ca;
        using var key = (await site.JoinAsync("node-07")).ReadKey();
        var other = await site.JoinAsync("node-08");
        var now = TimeProvider.System.GetUtcNow();
        var pem = whose switch
        {
            "of another authority" => stranger.Issue("node-07", new PublicKey(key), now, TimeSpan.FromHours(24)).ExportCertificatePem(),
            "run out" => site.Pki.Ca.Issue("node-07", new PublicKey(key), now.AddDays(-3), TimeSpan.FromHours(24)).ExportCertificatePem(),
            "garbage" => "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----",
            _ => await File.ReadAllTextAsync((whose == "its own" ? site.Node("node-07") : other).CertificateFile),
        };
        var secured = await site.ShakeAsync(null, EnrolmentServer.Protocol);
        var reply = await EnrolmentClient.ConverseAsync(
            secured.Connection!, nonce => new EnrolmentQuestion { Do = EnrolmentQuestion.Renew, Certificate = pem, Csr = CertificateRequests.Create(key, nonce) }, CancellationToken.None);
        Assert.Equal(refused is null, reply.Answer?.Certificate is not null);
        Assert.Contains(refused ?? "", reply.Problem, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_certificate_is_renewed_through_a_junction_in_between()
    {
        await using var site = await TestSite.StartAsync();
        var node = await site.JoinAsync("node-07");
        using var key = node.ReadKey();
        await using var cloud = await Middle.StartAsync(site);
        await using var linked = await Linked.StartAsync(site, TestSite.Read(node), "cloud", cloud.Address);
        var pem = await File.ReadAllTextAsync(node.CertificateFile);
        var stream = linked.Own.Towards("hq", EnrolmentServer.Service, []).Single();
        var reply = await EnrolmentClient.ConverseAsync(
            stream, nonce => new EnrolmentQuestion { Do = EnrolmentQuestion.Renew, Certificate = pem, Csr = CertificateRequests.Create(key, nonce) }, CancellationToken.None);
        Assert.True(reply.Answer?.Certificate is not null, reply.Problem);
        Assert.Equal(1, site.Pki.ReadNode("node-07")!.Renewals);

        // The junction in between cannot do so for itself, nor with the node's certificate and a key of its own.
        using var mine = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        reply = await EnrolmentClient.ConverseAsync(
            cloud.Own.Towards("hq", EnrolmentServer.Service, []).First(),
            nonce => new EnrolmentQuestion { Do = EnrolmentQuestion.Renew, Certificate = pem, Csr = CertificateRequests.Create(mine, nonce) }, CancellationToken.None);
        Assert.Contains("for the key of the certificate", reply.Problem, StringComparison.Ordinal);
    }

    [Fact]
    public async Task No_peer_takes_all_places_for_what_is_passed_on()
    {
        await using var site = await TestSite.StartAsync();
        await using var cloud = await Middle.StartAsync(site);
        await using var greedy = await Linked.StartAsync(site, site.Issue("node-07"), "cloud", cloud.Address);
        await using var modest = await Linked.StartAsync(site, site.Issue("node-08"), "cloud", cloud.Address);
        var held = new List<LinkStream>();
        for (var i = 0; i < EnrolmentForwarder.MostOfOnePeer; i++)
        {
            held.Add(greedy.Own.Towards("hq", EnrolmentServer.Service, []).Single());
            Assert.NotNull((await EnrolmentLine.ReadAsync(held[i], PkiJson.Default.EnrolmentGreeting, EnrolmentLine.LongestGreeting, CancellationToken.None)).Message);
        }

        var beyond = greedy.Own.Towards("hq", EnrolmentServer.Service, []).Single();
        var broken = await Assert.ThrowsAsync<ConnectionBrokenException>(async () => await beyond.Input.ReadAsync());
        Assert.Equal(CloseReason.TooManyStreams, broken.Told);
        Assert.Contains($"{EnrolmentForwarder.MostOfOnePeer} questions of \"node-07\" are being passed on already", broken.ToString(), StringComparison.Ordinal);
        await beyond.DisposeAsync();

        var other = modest.Own.Towards("hq", EnrolmentServer.Service, []).Single();
        Assert.NotNull((await EnrolmentLine.ReadAsync(other, PkiJson.Default.EnrolmentGreeting, EnrolmentLine.LongestGreeting, CancellationToken.None)).Message);
        held.Add(other);
        foreach (var stream in held)
        {
            stream.Abort(CloseReason.ClientReset);
            await stream.DisposeAsync();
        }
    }

    [Fact]
    public async Task A_question_that_leads_nowhere_is_told_so()
    {
        await using var site = await TestSite.StartAsync();
        await using var cloud = await Middle.StartAsync(site, dials: false);
        await using var linked = await Linked.StartAsync(site, site.Issue("node-07"), "cloud", cloud.Address);
        var stream = linked.Own.Towards("hq", EnrolmentServer.Service, []).Single();
        var broken = await Assert.ThrowsAsync<ConnectionBrokenException>(async () => await stream.Input.ReadAsync());
        Assert.Contains("no link leads from here to hq", broken.ToString(), StringComparison.Ordinal);
        await stream.DisposeAsync();
    }

    [Fact]
    public async Task A_service_of_the_junctions_own_that_it_does_not_have_is_refused()
    {
        await using var site = await TestSite.StartAsync(hasAuthority: false);
        await using var cloud = await Linked.StartAsync(site, site.Issue("node-07"));
        foreach (var service in new[] { EnrolmentServer.Service, "junction:none", "junction:" })
        {
            var stream = cloud.Own.Towards("hq", service, []).First();
            await Assert.ThrowsAsync<ConnectionBrokenException>(async () => await stream.Input.ReadAsync());
            await stream.DisposeAsync();
        }
    }

    [Fact]
    public async Task No_certificate_opens_no_link_though_the_port_lets_nodes_join()
    {
        await using var site = await TestSite.StartAsync();
        await Knock(null, LinkConnector.Protocol, "sent no certificate");
        // One that is shown is judged, also by the protocol that needs none.
        await Knock(site.Issue("node-07", TimeProvider.System.GetUtcNow().AddDays(-9)), EnrolmentServer.Protocol, "is valid from");
        using (var other = new TestAuthority())
            await Knock(other.Identity("node-07"), EnrolmentServer.Protocol, "which is no authority in trust");
        Assert.Empty(site.Directory.All());

        async Task Knock(TlsIdentity? identity, System.Net.Security.SslApplicationProtocol protocol, string words)
        {
            var before = site.Log.Entries.Count;
            var secured = await site.ShakeAsync(identity, protocol);
            // In TLS 1.3 the client is done before the server has judged: the refusal is what it reads.
            if (secured.Connection is { } connection)
            {
                await Assert.ThrowsAnyAsync<Exception>(async () => Assert.False((await connection.Input.ReadAsync()).IsCompleted));
                await connection.DisposeAsync();
            }

            await Eventually.TrueAsync(
                () => site.Log.Entries.Skip(before).Any(e => e.Name == "link-stranger-refused" && e.Message.Contains(words, StringComparison.Ordinal)), () => $"nobody says \"{words}\"");
        }
    }

    [Fact]
    public async Task Whoever_joins_gets_no_link_by_the_same_connection()
    {
        await using var site = await TestSite.StartAsync();
        var secured = await site.ShakeAsync(null, EnrolmentServer.Protocol);
        var hello = new byte[4096];
        var length = new LinkHello { Party = new LinkParty("node-07", Guid.NewGuid(), 1), Limits = new LinkLimits(1, 1024, 0) }.Write(hello);
        await secured.Connection!.Output.WriteAsync(hello.AsMemory(0, length));
        await secured.Connection.CompleteOutputAsync();
        await DrainAsync(secured.Connection);
        Assert.Empty(site.Directory.All());
        await secured.Connection.DisposeAsync();
    }

    public static TheoryData<string, string> BadQuestions => new()
    {
        { "too long", "longer than 8192 bytes" },
        { "not JSON", "not the JSON" },
        { "another nonce", "not made for this connection" },
        { "no request", "cannot be read" },
        { "an RSA key", "no EC P-256 key" },
        { "a P-384 key", "no EC P-256 key" },
        { "another's signature", "cannot be read, or is not signed by its key" },
        { "something behind it", "has something behind it" },
        { "a long request", "too long" },
        { "an unknown wish", "knows join, renew and rejoin" },
    };

    [Theory, MemberData(nameof(BadQuestions))]
    public async Task A_bad_question_is_refused_and_named(string which, string words)
    {
        await using var site = await TestSite.StartAsync();
        var token = site.Token();
        var secured = await site.ShakeAsync(null, EnrolmentServer.Protocol);
        var connection = secured.Connection!;
        var (greeting, _) = await EnrolmentLine.ReadAsync(connection, PkiJson.Default.EnrolmentGreeting, EnrolmentLine.LongestGreeting, CancellationToken.None);
        await connection.Output.WriteAsync(Encoding.UTF8.GetBytes(Question(which, token, greeting!.Nonce!)));
        var said = await DrainAsync(connection);
        await connection.DisposeAsync();
        var refused = await site.Log.WaitAsync("enrolment-refused");
        Assert.Contains(words, refused.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("BEGIN CERTIFICATE", said, StringComparison.Ordinal);
        Assert.DoesNotContain(token.Reveal()[5..40], refused.Message, StringComparison.Ordinal);
        Assert.Empty(site.Pki.Tokens.Uses(token.Id));
    }

    [Fact]
    public async Task A_node_whose_certificate_ran_out_comes_back_by_its_key()
    {
        await using var site = await TestSite.StartAsync(rejoinLimit: 1);
        var node = await site.JoinAsync("node-07");
        await ExpireAsync(site, node);
        var (outcome, told) = await site.Enrolment(node).RunAsync(null, null, Eventually.Deadline, CancellationToken.None);
        Assert.True(outcome == EnrolmentOutcome.Enrolled, told);
        Assert.Equal(1, (await site.Log.WaitAsync("rejoined")).Fields["count"]);

        // It shows what it got, so that the answer was not lost.
        using var key = node.ReadKey();
        Assert.NotNull((await RenewAsync(site, node, key)).Answer?.Certificate);
        await ExpireAsync(site, node);
        (outcome, told) = await site.Enrolment(node).RunAsync(null, null, Eventually.Deadline, CancellationToken.None);
        Assert.Equal((EnrolmentOutcome.Refused, true), (outcome, told.Contains("too often", StringComparison.Ordinal)));
        // A token lets it in all the same.
        await site.JoinAsync("node-07");
    }

    private static async Task ExpireAsync(TestSite site, IdentityDirectory node)
    {
        using var key = node.ReadKey();
        using var old = site.Pki.Ca.Issue("node-07", new PublicKey(key), TimeProvider.System.GetUtcNow().AddDays(-5), TimeSpan.FromHours(24));
        await File.WriteAllTextAsync(node.CertificateFile, old.ExportCertificatePem());
    }

    private static Task<EnrolmentReply> RenewAsync(TestSite site, IdentityDirectory node, ECDsa key) => site.Client.AskAsync(
        new TlsCredentials.State(TestSite.Read(node), [site.Pki.Ca.Certificate]), "hq",
        nonce => new EnrolmentQuestion { Do = EnrolmentQuestion.Renew, Csr = CertificateRequests.Create(key, nonce) }, CancellationToken.None);

    private static string Question(string which, JoinToken token, string nonce)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var other = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var large = ECDsa.Create(ECCurve.NamedCurves.nistP384);
        using var rsa = RSA.Create(2048);
        var request = CertificateRequests.Create(key, nonce);
        var csr = which switch
        {
            "another nonce" => CertificateRequests.Create(key, "AAAAAAAAAAAAAAAAAAAAAA"),
            "no request" => [1, 2, 3],
            "an RSA key" => new CertificateRequest("CN=x", rsa, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1).CreateSigningRequest(),
            "a P-384 key" => CertificateRequests.Create(large, nonce),
            "another's signature" => Swapped(request, CertificateRequests.Create(other, nonce)),
            "something behind it" => [.. request, 0],
            "a long request" => [.. request, .. new byte[CertificateRequests.LongestBytes]],
            _ => request,
        };
        return which switch
        {
            "too long" => new string('x', EnrolmentLine.LongestQuestion + 1),
            "not JSON" => $"GET /?token={token.Reveal()} HTTP/1.1\r\n\r\n",
            _ => $$"""{"do":"{{(which == "an unknown wish" ? "admin\\u000a" : "join")}}","token":"{{token.Reveal()}}","csr":"{{Convert.ToBase64String(csr)}}"}""" + "\n",
        };
    }

    // The key of one in the frame of the other: 65 bytes of a point on the curve.
    private static ReadOnlySpan<byte> Point => [0x03, 0x42, 0x00, 0x04];

    private static byte[] Swapped(byte[] request, byte[] other)
    {
        var swapped = request.ToArray();
        var at = request.AsSpan().IndexOf(Point) + 4;
        other.AsSpan(other.AsSpan().IndexOf(Point) + 4, 64).CopyTo(swapped.AsSpan(at));
        return swapped;
    }

    private static async Task<string> DrainAsync(Connection connection)
    {
        var said = new StringBuilder();
        try
        {
            while (true)
            {
                var read = await connection.Input.ReadAsync().AsTask().WaitAsync(Eventually.Deadline);
                foreach (var piece in read.Buffer)
                    said.Append(Encoding.UTF8.GetString(piece.Span));
                connection.Input.AdvanceTo(read.Buffer.End);
                if (read.IsCompleted)
                    return said.ToString();
            }
        }
        catch (ConnectionBrokenException)
        {
            return said.ToString();
        }
    }

    /// <summary>A junction between nodes and the site: nodes dial it, and it dials the site's.</summary>
    private sealed class Middle : IAsyncDisposable
    {
        private readonly LinkService _links;
        private readonly LinkDirectory _directory = new();

        private Middle(TestSite site, bool dials)
        {
            var tls = new TlsSettings(site.Issue("cloud"), [site.Pki.Ca.Certificate]);
            var log = new TestLog<LinkService>();
            LinkConnector Connector() => new([site.Address], "hq", tls, new SocketDialer(SocketSettings.Default), _ => null);
            _links = new LinkService(
                new LinksPlan
                {
                    Options = new LinkOptions { Self = new LinkParty("cloud", Guid.NewGuid(), 1), Log = log },
                    Directory = _directory,
                    Credentials = tls.Credentials,
                    Dial = dials ? [new DialledLink("hq", "hq", Connector, TimeSpan.FromSeconds(60), TimeSpan.FromSeconds(5))] : [],
                    Listen = [new IPEndPoint(IPAddress.Loopback, 0)],
                    Handshake = TlsHandshake.Serving(LinkConnector.ForLinks(tls)),
                    Authority = "hq",
                    Peers = new JunctionRelay.Policies.PeerRules([new JunctionRelay.Policies.PeerRule("*", null, null, null, null, null)]),
                    Services = new JunctionRelay.Routing.ServiceTable(new Dictionary<string, JunctionRelay.Targets.TargetList>()),
                },
                log);
        }

        public IPEndPoint Address => (IPEndPoint)_links.Addresses.Single();

        public OwnLinks Own => new(_directory, "cloud");

        public static async Task<Middle> StartAsync(TestSite site, bool dials = true)
        {
            var middle = new Middle(site, dials);
            await middle._links.StartAsync(CancellationToken.None);
            if (dials) await Eventually.TrueAsync(() => middle._directory.IsUp("hq"), () => "the link with hq does not come up");
            return middle;
        }

        public async ValueTask DisposeAsync()
        {
            await _links.StoppingAsync(CancellationToken.None);
            await _links.StopAsync(CancellationToken.None);
            await _links.DisposeAsync();
        }
    }

    /// <summary>A junction that dials the site's.</summary>
    private sealed class Linked : IAsyncDisposable
    {
        private readonly CancellationTokenSource _stop = new();
        private readonly Task _running;

        private Linked(TestSite site, TlsIdentity identity, string peer, IPEndPoint address)
        {
            var tls = new TlsSettings(identity, [site.Pki.Ca.Certificate]);
            var options = new LinkOptions { Self = new LinkParty("node-07", Guid.NewGuid(), 1), Log = new QuietLinkLog() };
            _running = new LinkDialer(
                peer, peer, options, Directory, null, () => new LinkConnector([address], peer, tls, new SocketDialer(SocketSettings.Default), _ => null)).RunAsync(_stop.Token);
        }

        public LinkDirectory Directory { get; } = new();

        public OwnLinks Own => new(Directory, "node-07");

        public static async Task<Linked> StartAsync(TestSite site, TlsIdentity identity, string peer = "hq", IPEndPoint? address = null)
        {
            var linked = new Linked(site, identity, peer, address ?? site.Address);
            await Eventually.TrueAsync(() => linked.Directory.Find(peer).Any(s => s.IsUp), () => "the link does not come up");
            return linked;
        }

        public async ValueTask DisposeAsync()
        {
            await _stop.CancelAsync();
            await _running;
            _stop.Dispose();
        }

        private sealed class QuietLinkLog : TestLog;
    }
}
