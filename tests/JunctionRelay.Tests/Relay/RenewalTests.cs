using System.Net;
using System.Security.Cryptography.X509Certificates;
using JunctionRelay.Connections;
using JunctionRelay.Tests.Harness;
using JunctionRelay.Tests.Pki;

namespace JunctionRelay.Tests.Relay;

/// <summary>Certificates that are replaced under connections: nothing that is open ends, and everything new is judged by the new ones.</summary>
public sealed class RenewalTests : IDisposable
{
    private readonly TestAuthority _authority = new();

    public void Dispose() => _authority.Dispose();

    [Fact]
    public async Task A_link_takes_the_new_identity_of_either_end_under_its_streams()
    {
        using var upstream = Peer.Listen();
        var (hqTls, cloudTls) = (Credentials("hq"), Credentials("cloud"));
        await using var hq = await TestJunction.StartAsync(new TestJunctionPlan("hq")
        {
            Dialled = true,
            Credentials = hqTls,
            Services = { ["echo"] = TestRelay.Tcp(upstream.LocalEndPoint!) },
            Peers = { ["cloud"] = ["echo"] },
        });
        await using var cloud = await TestJunction.StartAsync(new TestJunctionPlan("cloud")
        {
            Dial = [("hq", [hq.LinkAddress])],
            Credentials = cloudTls,
            Relays = { ["echo"] = "hq/echo" },
        });
        await cloud.LinkedAsync("hq");
        using var client = await Peer.ConnectAsync(cloud.AddressOf("echo"));
        using var server = await Peer.AcceptAsync(upstream);

        for (var round = 0; round < 6; round++)
        {
            // In turn: what the dialler renews it redials for, what the acceptor renews it asks for.
            var (end, tls, seenBy) = round % 2 == 0 ? ("cloud", cloudTls, hq) : ("hq", hqTls, cloud);
            var resumes = cloud.Sessions.Single().Session.Resumes;
            var next = _authority.Identity(end);
            tls.Replace(new TlsCredentials.State(next, _authority.Trust));
            await client.SendAsync(new byte[] { (byte)round });
            await Eventually.TrueAsync(
                () => cloud.Sessions.Single().Session.Resumes > resumes && seenBy.Sessions.Single().Session.Peer!.SerialNumber == next.Certificate.SerialNumber,
                () => $"round {round}: {seenBy.Name} does not see the new certificate of {end}");
            Assert.Equal([(byte)round], await server.ReadAsync(1));
            await server.SendAsync(new byte[] { (byte)round });
            Assert.Equal([(byte)round], await client.ReadAsync(1));
        }

        await client.EndAsync();
        await server.EndAsync();
        Assert.Contains((await hq.Log.WaitAsync("connection-ended")).Fields["reason"], new object[] { "client-closed", "target-closed" });
    }

    [Fact]
    public async Task A_running_stream_outlives_the_certificate_that_opened_it_and_nothing_new_begins_with_it()
    {
        using var upstream = Peer.Listen();
        await using var hq = await TestJunction.StartAsync(new TestJunctionPlan("hq")
        {
            Dialled = true,
            Credentials = Credentials("hq"),
            Services = { ["echo"] = TestRelay.Tcp(upstream.LocalEndPoint!) },
            Peers = { ["cloud"] = ["echo"] },
        });
        // Nobody renews it.
        using var issued = _authority.Issue("cloud", lifetime: TimeSpan.FromSeconds(6));
        var plan = new TestJunctionPlan("cloud")
        {
            Dial = [("hq", [hq.LinkAddress])],
            Credentials = new TlsCredentials(TlsIdentity.From(issued), _authority.Trust),
            Relays = { ["echo"] = "hq/echo" },
        };
        await using var cloud = await TestJunction.StartAsync(plan);
        await cloud.LinkedAsync("hq");
        using var client = await Peer.ConnectAsync(cloud.AddressOf("echo"));
        using var server = await Peer.AcceptAsync(upstream);

        await Eventually.TrueAsync(() => TimeProvider.System.GetUtcNow() > issued.NotAfter.ToUniversalTime(), () => "it does not run out");
        await client.SendAsync("still"u8.ToArray());
        Assert.Equal("still"u8.ToArray(), await server.ReadAsync(5));
        await server.SendAsync("here"u8.ToArray());
        Assert.Equal("here"u8.ToArray(), await client.ReadAsync(4));

        await using var again = await TestJunction.StartAsync(plan);
        await hq.LinkLog.WaitAsync("link-stranger-refused", e => e.Message.Contains("renew it, or set the clock", StringComparison.Ordinal));
        Assert.Single(hq.Sessions);
    }

    [Fact]
    public async Task A_link_goes_on_while_the_peer_refuses_the_new_certificate_and_does_not_knock_in_a_loop()
    {
        var stranger = new TestPki("Another CA");
        var cloudTls = Credentials("cloud");
        await using var hq = await TestJunction.StartAsync(new TestJunctionPlan("hq") { Dialled = true, Credentials = Credentials("hq"), Peers = { ["cloud"] = [] } });
        await using var cloud = await TestJunction.StartAsync(new TestJunctionPlan("cloud") { Dial = [("hq", [hq.LinkAddress])], Credentials = cloudTls });
        await cloud.LinkedAsync("hq");
        var session = cloud.Sessions.Single().Session;

        cloudTls.Replace(new TlsCredentials.State(stranger.Identity("cloud"), _authority.Trust));
        await hq.LinkLog.WaitAsync("link-stranger-refused");
        // Time for thousands of tries, if nothing held them back.
        await Eventually.TrueAsync(() => Refusals() >= 2, () => "it is not tried again");
        Assert.True(session.IsUp);
        Assert.InRange(Refusals(), 2, 20);

        cloudTls.Replace(new TlsCredentials.State(_authority.Identity("cloud"), _authority.Trust));
        await Eventually.TrueAsync(() => session.Resumes > 0 && session.IsUp, () => "the link does not take the right certificate");

        int Refusals() => hq.LinkLog.Entries.Count(e => e.Name == "link-stranger-refused");
    }

    [Theory]
    [InlineData("hq")]
    [InlineData("cloud")]
    public async Task An_authority_that_is_trusted_no_more_has_no_link_left(string end)
    {
        using var upstream = Peer.Listen();
        using var other = new TestAuthority();
        X509Certificate2Collection both = [_authority.Ca.Certificate, other.Ca.Certificate];
        var (hqTls, cloudTls) = (new TlsCredentials(_authority.Identity("hq"), both), new TlsCredentials(other.Identity("cloud"), both));
        await using var hq = await TestJunction.StartAsync(new TestJunctionPlan("hq")
        {
            Dialled = true,
            Credentials = hqTls,
            Services = { ["echo"] = TestRelay.Tcp(upstream.LocalEndPoint!) },
            Peers = { ["*"] = ["echo"] },
            Resume = TimeSpan.FromMilliseconds(300),
            RotationGrace = TimeSpan.FromMilliseconds(300),
        });
        await using var cloud = await TestJunction.StartAsync(new TestJunctionPlan("cloud")
        {
            Dial = [("hq.junction.internal", [hq.LinkAddress])],
            Credentials = cloudTls,
            Relays = { ["echo"] = "hq.junction.internal/echo" },
            RotationGrace = TimeSpan.FromMilliseconds(300),
        });
        await cloud.LinkedAsync("hq.junction.internal");
        using var client = await Peer.ConnectAsync(cloud.AddressOf("echo"));
        using var server = await Peer.AcceptAsync(upstream);

        // Either end may be the one that trusts the other's authority no more.
        if (end == "hq") hqTls.Replace(hqTls.Now with { Trust = _authority.Trust });
        else cloudTls.Replace(cloudTls.Now with { Trust = other.Trust });
        Assert.Equal(SeenEnd.Reset, (await client.ReadToEndAsync()).End);
        Assert.Equal("link-lost", (await hq.Log.WaitAsync("connection-ended")).Fields["reason"]);
    }

    [Fact]
    public async Task A_tls_listener_and_a_tls_target_use_what_was_replaced()
    {
        using var upstream = Peer.Listen();
        var (near, far) = (Credentials("upstream.test"), Credentials("upstream.test"));
        await using var behind = await TestRelay.StartAsync(TestRelay.Tcp(upstream.LocalEndPoint!), new TlsSettings(far, RequirePeerCertificate: true));
        await using var relay = await TestRelay.StartAsync(TestRelay.Tls(behind.Address, new TlsSettings(near), "upstream.test"));
        await PassAsync(relay.Address, upstream);

        // Another authority at both ends: nothing of before would do.
        using var next = new TestAuthority();
        near.Replace(new TlsCredentials.State(next.Identity("upstream.test"), next.Trust));
        Assert.Equal(SeenEnd.Reset, await Peer.ConnectAndReadEndAsync(relay.Address));
        far.Replace(new TlsCredentials.State(next.Identity("upstream.test"), next.Trust));
        await PassAsync(relay.Address, upstream);
    }

    private static async Task PassAsync(EndPoint relay, System.Net.Sockets.Socket upstream)
    {
        using var client = await Peer.ConnectAsync(relay);
        using var server = await Peer.AcceptAsync(upstream);
        await client.SendAsync("hello"u8.ToArray());
        Assert.Equal("hello"u8.ToArray(), await server.ReadAsync(5));
    }

    private TlsCredentials Credentials(string name) => new(_authority.Identity(name), _authority.Trust);
}
