using System.Net;
using JunctionRelay.Connections;
using JunctionRelay.Greetings;
using JunctionRelay.Links;
using JunctionRelay.Pki;
using JunctionRelay.Policies;
using JunctionRelay.Tests.Harness;

namespace JunctionRelay.Tests.Pki;

/// <summary>Which deny lists a junction takes, what it keeps of them, and whom they keep out.</summary>
public sealed class DenyListsTests : IDisposable
{
    private static readonly PeerIdentity Node = new("node-07", ["node-07.junction.internal"], "5A01", default, new string('a', 64));

    private readonly TestFolder _folder = new();
    private readonly TestAuthority _authority = new();
    private readonly TestAuthority _other = new("other.internal");

    public void Dispose()
    {
        _authority.Dispose();
        _other.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public void A_newer_list_replaces_the_one_before_and_an_older_one_is_nothing()
    {
        var lists = Lists();
        var changes = 0;
        lists.Changed += () => changes++;
        Assert.NotNull(lists.Offer(Signed(2, "node-07"), out _));
        Assert.NotNull(lists.Now.Objection(Node));
        foreach (var old in new[] { Signed(1), Signed(2) })
        {
            Assert.Null(lists.Offer(old, out var wrong));
            Assert.Null(wrong);
        }

        Assert.NotNull(lists.Now.Objection(Node));
        Assert.NotNull(lists.Offer(Signed(3), out _));
        Assert.True(lists.Now.IsEmpty);
        Assert.Equal(2, changes);
    }

    [Fact]
    public void Lists_of_several_authorities_count_together()
    {
        var lists = Lists();
        lists.Offer(Signed(9, "node-07"), out _);
        Assert.NotNull(lists.Offer(SignedDenyList.Sign(_other.Ca, 1, [new DenyEntry { Name = "dmz" }], DateTimeOffset.UnixEpoch).Text, out _));
        Assert.True(lists.Now.DeniesName("node-07") && lists.Now.DeniesName("dmz"));
    }

    [Fact]
    public void Of_a_stranger_or_changed_on_the_way_it_is_refused_and_said_so()
    {
        using var stranger = new TestAuthority();
        var lists = Lists();
        Assert.Null(lists.Offer(SignedDenyList.Sign(stranger.Ca, 5, [new DenyEntry { Name = "hq" }], DateTimeOffset.UnixEpoch).Text, out var wrong));
        Assert.Contains("no authority in trust", wrong, StringComparison.Ordinal);
        var text = Signed(5, "node-07");
        Assert.Null(lists.Offer(text[..^9] + (text[^9] == 'A' ? 'B' : 'A') + text[^8..], out wrong));
        Assert.NotNull(wrong);
        Assert.True(lists.Now.IsEmpty);
    }

    [Fact]
    public void What_was_learnt_is_there_after_a_restart_and_cannot_be_changed_meanwhile()
    {
        var lists = Lists();
        lists.Offer(Signed(4, "node-07"), out _);
        lists.Keep();
        var restarted = Lists();
        Assert.Empty(restarted.ReadKept());
        Assert.NotNull(restarted.Now.Objection(Node));

        File.WriteAllText(_folder["deny.list"], File.ReadAllText(_folder["deny.list"]).Replace('e', 'f'));
        var damaged = Lists();
        Assert.Contains("deny.list", Assert.Single(damaged.ReadKept()), StringComparison.Ordinal);
        Assert.True(damaged.Now.IsEmpty);
    }

    [Theory]
    [InlineData("node-07", "node-07")]
    [InlineData("lab-*", "cloud, lab-3, dmz")]
    public void Whoever_comes_through_a_revoked_junction_is_refused_where_the_target_is_dialled(string revoked, string path)
    {
        var lists = Lists();
        var rules = new PeerRules([new PeerRule("*", new NamePatterns(["*"]), null, null, null, null)], () => lists.Now);
        var greeting = new Greeting { Service = "lmgrd", Path = path.Split(", ") };
        Assert.True(rules.Judge(Node, null, greeting).Allowed);
        lists.Offer(Signed(1, revoked), out _);
        var verdict = rules.Judge(Node with { Name = "dmz" }, null, greeting);
        Assert.Equal((false, "revoked"), (verdict.Allowed, verdict.Rule));
    }

    [Theory]
    [InlineData("name")]
    [InlineData("serial")]
    [InlineData("key")]
    [InlineData("pattern")]
    public async Task In_tls_both_ends_refuse_who_is_revoked_and_name_it(string by)
    {
        var (server, client) = (_authority.Identity("hq"), _authority.Identity("node-07"));
        var (clientLists, serverLists) = (Lists(), Lists());
        var (atClient, atServer) = await ShakeAsync();
        Assert.NotNull(atClient.Connection);
        Assert.NotNull(atServer.Connection);

        serverLists.Offer(Deny(PeerIdentity.Of(client.Certificate, "junction.internal")), out _);
        (_, atServer) = await ShakeAsync();
        Assert.Equal(CloseReason.CertificateRevoked, atServer.Reason);
        Assert.Contains("revoked", atServer.Detail, StringComparison.Ordinal);

        clientLists.Offer(Deny(PeerIdentity.Of(server.Certificate, "junction.internal")), out _);
        (atClient, _) = await ShakeAsync();
        Assert.Equal(CloseReason.DialCertificateRejected, atClient.Reason);
        Assert.Contains("revoked", atClient.Detail, StringComparison.Ordinal);

        string Deny(PeerIdentity who) => SignedDenyList.Sign(
            _authority.Ca, 1,
            [by switch
            {
                "name" => new DenyEntry { Name = who.Name },
                "serial" => new DenyEntry { Serial = who.SerialNumber },
                "key" => new DenyEntry { Key = who.Key },
                _ => new DenyEntry { Name = $"{who.Name[..1]}*" },
            }],
            DateTimeOffset.UnixEpoch).Text;

        async Task<(DialOutcome AtClient, DialOutcome AtServer)> ShakeAsync()
        {
            await using var listener = SocketListener.Bind(new IPEndPoint(IPAddress.Loopback, 0), SocketSettings.Default);
            var accepted = listener.AcceptAsync();
            var dialled = await new SocketDialer(SocketSettings.Default).DialAsync(listener.EndPoint, Eventually.Deadline, CancellationToken.None);
            var serving = TlsHandshake.Serving(Settings(server, serverLists)).RunAsync((await accepted)!, Eventually.Deadline, CancellationToken.None);
            var dialling = TlsHandshake.Dialling(Settings(client, clientLists), "hq").RunAsync(dialled.Connection!, Eventually.Deadline, CancellationToken.None);
            var (one, two) = (await dialling, await serving);
            if (one.Connection is not null) await one.Connection.DisposeAsync();
            if (two.Connection is not null) await two.Connection.DisposeAsync();
            return (one, two);
        }

        TlsSettings Settings(TlsIdentity identity, DenyLists lists) => LinkConnector.ForLinks(
            new TlsSettings(new TlsCredentials(identity, _authority.Trust) { Objection = peer => lists.Now.Objection(peer) }));
    }

    private DenyLists Lists()
    {
        var lists = new DenyLists();
        lists.Follow(() => [_authority.Ca.Certificate, _other.Ca.Certificate], _folder["deny.list"]);
        return lists;
    }

    private string Signed(ulong number, params string[] names) =>
        SignedDenyList.Sign(_authority.Ca, number, [.. names.Select(n => new DenyEntry { Name = n })], DateTimeOffset.UnixEpoch).Text;
}
