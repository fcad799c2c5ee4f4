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
    private readonly TestFolder _folder = new();
    private readonly TestAuthority _authority = new();
    private readonly TestAuthority _other = new("other.internal");

    private PeerIdentity Node => new("node-07", ["node-07.junction.internal"], "5A01", default, new string('a', 64)) { Authorities = [_authority.Ca.KeyHash] };

    // What another site calls by the same name, by the same serial number, even by the same key.
    private PeerIdentity TheirNode => new("node-07.other.internal", ["node-07.other.internal"], "5A01", default, new string('a', 64)) { Authorities = [_other.Ca.KeyHash] };

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

    [Theory]
    [InlineData("name")]
    [InlineData("full name")]
    [InlineData("pattern")]
    [InlineData("serial")]
    [InlineData("key")]
    public void An_authority_denies_those_that_it_vouches_for_and_nobody_else(string by)
    {
        var entry = by switch
        {
            "name" => new DenyEntry { Name = "node-07" },
            "full name" => new DenyEntry { Name = "node-07.junction.internal" },
            "pattern" => new DenyEntry { Name = "*" },
            "serial" => new DenyEntry { Serial = "5A01" },
            _ => new DenyEntry { Key = new string('a', 64) },
        };
        var lists = Lists();
        Assert.NotNull(lists.Offer(SignedDenyList.Sign(_other.Ca, 1, [entry], DateTimeOffset.UnixEpoch).Text, out _));
        Assert.Null(lists.Now.Objection(Node));
        Assert.Equal(by is "full name", lists.Now.Objection(TheirNode) is null);   // a full name of our domain is none of theirs
        Assert.NotNull(lists.Offer(SignedDenyList.Sign(_authority.Ca, 1, [entry], DateTimeOffset.UnixEpoch).Text, out _));
        Assert.NotNull(lists.Now.Objection(Node));
    }

    [Fact]
    public void A_list_for_another_domain_than_its_authoritys_is_refused()
    {
        // What an authority could sign that is trusted for its own site, and means ours.
        var header = SignedDenyList.Sign(_other.Ca, 1, [], DateTimeOffset.UnixEpoch).Text.Split('.')[0];
        var payload = System.Buffers.Text.Base64Url.EncodeToString("""{"iss":"junction.internal","number":9,"iat":0,"deny":[{"name":"node-07"}]}"""u8);
        var signature = System.Buffers.Text.Base64Url.EncodeToString(_other.Ca.Sign(System.Text.Encoding.ASCII.GetBytes($"{header}.{payload}")));
        Assert.Null(Lists().Offer($"{header}.{payload}.{signature}", out var wrong));
        Assert.Equal("it is for the domain junction.internal, and its authority is of other.internal", wrong);
    }

    [Fact]
    public void The_list_of_an_authority_that_is_trusted_no_more_is_forgotten()
    {
        var (lists, trust) = (new DenyLists(), new List<System.Security.Cryptography.X509Certificates.X509Certificate2> { _authority.Ca.Certificate, _other.Ca.Certificate });
        lists.Follow(() => trust, _folder["deny.list"]);
        lists.Offer(Signed(1, "node-07"), out _);
        var theirs = SignedDenyList.Sign(_other.Ca, 1, [new DenyEntry { Name = "node-07" }], DateTimeOffset.UnixEpoch);
        lists.Offer(theirs.Text, out _);
        Assert.False(lists.Prune());
        var changes = 0;
        lists.Changed += () => changes++;

        trust.Remove(_other.Ca.Certificate);
        Assert.True(lists.Prune());
        Assert.Equal((1, _authority.Ca.KeyHash), (changes, Assert.Single(lists.All).Authority));
        Assert.Null(lists.Now.Objection(TheirNode));
        Assert.NotNull(lists.Now.Objection(Node));
        lists.Keep();
        Assert.DoesNotContain(theirs.Text, File.ReadAllText(_folder["deny.list"]), StringComparison.Ordinal);

        // Trusted again, it is heard again.
        trust.Add(_other.Ca.Certificate);
        Assert.NotNull(lists.Offer(theirs.Text, out _));
        Assert.NotNull(lists.Now.Objection(TheirNode));
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

    [Fact]
    public void What_somebody_puts_in_its_place_meanwhile_counts_too()
    {
        var lists = Lists();
        lists.Offer(Signed(4, "node-06"), out _);
        lists.Keep();
        Assert.Empty(lists.ReadKept());
        Assert.Null(lists.Now.Objection(Node));
        // As the authority writes it, and as Kubernetes brings it.
        File.WriteAllText(_folder["deny.list"], Signed(5, "node-07") + "\n");
        Assert.Empty(lists.ReadKept());
        Assert.NotNull(lists.Now.Objection(Node));
        // An older one takes nothing back.
        File.WriteAllText(_folder["deny.list"], Signed(4, "node-06") + "\n");
        Assert.Empty(lists.ReadKept());
        Assert.NotNull(lists.Now.Objection(Node));
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
        var verdict = rules.Judge(Node with { Name = "dmz", Names = [], SerialNumber = "01" }, null, greeting);
        Assert.Equal((false, "revoked"), (verdict.Allowed, verdict.Rule));
    }

    [Theory]
    [InlineData("ours", "ours", "node-07", true)]
    [InlineData("ours", "ours", "node-07.junction.internal", true)]
    [InlineData("ours", "theirs", "node-07", true)]                      // in our own domain a name is ours, whoever says it
    [InlineData("ours", "theirs", "node-07.other.internal", false)]
    [InlineData("theirs", "ours", "node-07", false)]                     // theirs says nothing of a name of ours
    [InlineData("theirs", "ours", "node-07.other.internal", true)]
    [InlineData("theirs", "theirs", "node-07", true)]
    public void In_a_path_a_bare_name_is_one_of_our_domain_or_of_the_peers(string list, string peer, string name, bool denied)
    {
        var lists = Lists();
        lists.Offer(SignedDenyList.Sign(list == "ours" ? _authority.Ca : _other.Ca, 1, [new DenyEntry { Name = "node-07" }], DateTimeOffset.UnixEpoch).Text, out _);
        var dmz = new PeerIdentity("dmz", [], "01", default) { Authorities = [peer == "ours" ? _authority.Ca.KeyHash : _other.Ca.KeyHash] };
        Assert.Equal(denied, lists.Now.ObjectionToPath([name, "dmz"], dmz) is not null);
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
        lists.Follow(() => [_authority.Ca.Certificate, _other.Ca.Certificate], _folder["deny.list"], "junction.internal");
        return lists;
    }

    private string Signed(ulong number, params string[] names) =>
        SignedDenyList.Sign(_authority.Ca, number, [.. names.Select(n => new DenyEntry { Name = n })], DateTimeOffset.UnixEpoch).Text;
}
