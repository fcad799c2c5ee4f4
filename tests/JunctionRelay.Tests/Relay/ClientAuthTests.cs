using JunctionRelay.Connections;
using JunctionRelay.Links;
using JunctionRelay.Policies;
using JunctionRelay.Tests.Harness;

namespace JunctionRelay.Tests.Relay;

/// <summary>Users, groups and hooks on the way of a connection: who is denied is reset, named in the log, and nothing is dialled for it.</summary>
public sealed class ClientAuthTests
{
    private static string Me => Environment.UserName;

    [Fact]
    public async Task A_hook_that_denies_keeps_a_client_from_the_target()
    {
        using var upstream = Peer.Listen();
        var hook = new Hook(_ => new Verdict(false, "auth", "not today"));
        var plan = TestRelay.Plan([TestRelay.Tcp(upstream.LocalEndPoint!)]) with { Auths = Auths("test", new ClientAuth(Users, null, hook)) };
        await using var relay = await TestRelay.StartAsync(plan);
        Assert.Equal(SeenEnd.Reset, await Peer.ConnectAndReadEndAsync(relay.Address));
        var end = await relay.EndAsync();
        Assert.Equal("not-permitted", end.Fields["reason"]);
        Assert.Contains("auth: not today", end.Message, StringComparison.Ordinal);
        Assert.False(upstream.Poll(0, System.Net.Sockets.SelectMode.SelectRead), "the target was dialled");
        var asked = Assert.Single(hook.Asked);
        Assert.Equal(("127.0.0.1", "test", "", ""), (asked.Addr, asked.Relay, asked.Service, asked.Asserted));
        Assert.Equal(SocketDialer.Text(upstream.LocalEndPoint!), asked.Target);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task The_user_of_this_machine_decides(bool allowed)
    {
        using var upstream = Peer.Listen();
        var rules = new UserRules(new NamePatterns([allowed ? Me : "somebody-else"]), null, null, null);
        var plan = TestRelay.Plan([TestRelay.Tcp(upstream.LocalEndPoint!)]) with { Auths = Auths("test", new ClientAuth(Users, rules, null)) };
        await using var relay = await TestRelay.StartAsync(plan);
        if (allowed)
        {
            using var client = await Peer.ConnectAsync(relay.Address);
            using var server = await Peer.AcceptAsync(upstream);
            await client.SendAsync("x"u8.ToArray());
            Assert.Equal("x"u8.ToArray(), await server.ReadAsync(1));
            return;
        }

        Assert.Equal(SeenEnd.Reset, await Peer.ConnectAndReadEndAsync(relay.Address));
        Assert.Contains($"auth.allowUsers: neither the user {Me}", (await relay.EndAsync()).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_a_node_says_of_its_user_reaches_the_hook_behind_two_links()
    {
        using var upstream = Peer.Listen();
        var hook = new Hook(r => new Verdict(r.Data == "token", "auth", "wrong token"));
        await using var hq = await TestJunction.StartAsync(new TestJunctionPlan("enterprise")
        {
            Dialled = true,
            Services = { ["sentieon"] = TestRelay.Tcp(upstream.LocalEndPoint!) },
            Peers = { ["dmz"] = ["sentieon"] },
            ServiceAuths = Auths("sentieon", new ClientAuth(null, null, hook)),
        });
        await using var dmz = await TestJunction.StartAsync(new TestJunctionPlan("dmz")
        {
            Dialled = true,
            Dial = { ("enterprise", [hq.LinkAddress]) },
            Services = { ["sentieon"] = "enterprise/sentieon" },
            Peers = { ["cloud"] = ["sentieon"] },
        });
        await using var node = await TestJunction.StartAsync(new TestJunctionPlan("cloud")
        {
            Dial = { ("dmz", [dmz.LinkAddress]) },
            Relays = { ["good"] = "dmz/sentieon", ["bad"] = "dmz/sentieon" },
            RelayAuths = new Dictionary<string, ClientAuth>
            {
                ["good"] = new(Users, null, null) { Brought = ("unix", "token") },
                ["bad"] = new(Users, null, null) { Brought = ("unix", "stolen") },
            },
        });
        await dmz.LinkedAsync("enterprise");
        await node.LinkedAsync("dmz");

        using var client = await Peer.ConnectAsync(node.AddressOf("good"));
        using var server = await Peer.AcceptAsync(upstream);
        await client.SendAsync("x"u8.ToArray());
        Assert.Equal("x"u8.ToArray(), await server.ReadAsync(1));
        var asked = Assert.Single(hook.Asked);
        Assert.Equal((Me, "unix", "token", "sentieon", "dmz", "dmz"), (asked.User, asked.Mech, asked.Data, asked.Service, asked.Peer, asked.Asserted));
        Assert.Equal(SocketDialer.Text(client.LocalEndPoint), asked.Client);

        Assert.Equal(SeenEnd.Reset, await Peer.ConnectAndReadEndAsync(node.AddressOf("bad")));
        Assert.Contains("wrong token", (await hq.Log.WaitAsync("connection-ended")).Message, StringComparison.Ordinal);
        Assert.DoesNotContain(hq.Log.Entries.Concat(dmz.Log.Entries).Concat(node.Log.Entries), e => e.Message.Contains("stolen", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("alice", "users", null, null, null, null, "auth.users")]
    [InlineData("alice", "users", "al*", null, null, null, "auth.allowUsers")]
    [InlineData("bob", "users,devs", "al*", null, "devs", null, "auth.allowGroups")]
    [InlineData("alice", "users,guests", "alice", null, null, "guests", "!auth.denyGroups")]
    [InlineData("alice", "users", "*", "alice", null, null, "!auth.denyUsers")]
    [InlineData("bob", "users", "al*", null, "devs", null, "!auth.allowUsers")]
    [InlineData("", "", null, "mallory", null, null, "!auth.users")]
    public void Denied_is_denied_and_who_is_not_named_is_not_in(
        string user, string groups, string? allow, string? deny, string? allowGroups, string? denyGroups, string rule)
    {
        static NamePatterns? Of(string? pattern) => pattern is null ? null : new NamePatterns([pattern]);
        var verdict = new UserRules(Of(allow), Of(deny), Of(allowGroups), Of(denyGroups)).Judge(new ClientClaims { User = user, Groups = groups.Split(',') });
        Assert.Equal(rule, verdict.Allowed ? verdict.Rule : $"!{verdict.Rule}");
    }

    [Fact]
    public void Claims_travel_with_an_open_and_are_bounded()
    {
        var claims = new ClientClaims { User = "alice", Uid = 1000, Groups = ["users", "Developers"], Mech = "unix", Data = "secret" };
        var open = new LinkOpen("sentieon", Guid.NewGuid(), "10.1.2.3:4711", ["node-17"]) { Claims = claims };
        var bytes = new byte[LinkFrame.HeaderBytes + LinkFrame.MaxFieldsBytes];
        var length = open.Write(bytes, 1);
        var (read, wrong) = LinkOpen.Read(bytes.AsSpan(LinkFrame.HeaderBytes, length - LinkFrame.HeaderBytes));
        Assert.Null(wrong);
        Assert.Equal((claims.User, claims.Uid, claims.Mech, claims.Data), (read!.Claims.User, read.Claims.Uid, read.Claims.Mech, read.Claims.Data));
        Assert.Equal(claims.Groups, read.Claims.Groups);
        Assert.DoesNotContain("secret", read.ToString(), StringComparison.Ordinal);

        Assert.Null(open.Problem());
        Assert.NotNull((open with { Claims = claims with { Data = new string('x', LinkOpen.MaxDataBytes + 1) } }).Problem());
        var most = open with { Claims = new ClientClaims { User = "u", Data = new string('x', LinkOpen.MaxDataBytes), Groups = [new string('g', LinkOpen.MaxGroupsBytes)] } };
        Assert.Contains("longer than 4096 bytes", most.Problem(), StringComparison.Ordinal);
    }

    private static UserDatabase Users => new(TimeProvider.System);

    private static Dictionary<string, ClientAuth> Auths(string name, ClientAuth auth) => new() { [name] = auth };

    private sealed class Hook(Func<AuthRequest, Verdict> judge) : IAuthHook
    {
        public List<AuthRequest> Asked { get; } = [];

        public ValueTask<Verdict> AskAsync(AuthRequest request, CancellationToken cancellationToken)
        {
            Asked.Add(request);
            return new(judge(request));
        }
    }
}
