using JunctionRelay.App.Commands;
using JunctionRelay.App.Exec;
using JunctionRelay.Configuration;
using JunctionRelay.Tests.Configuration;

namespace JunctionRelay.Tests.Exec;

/// <summary>From a configuration to that of one job's agent.</summary>
public sealed class AgentConfigTests : IDisposable
{
    private readonly ConfigFolder _folder = new();
    private readonly LoopbackAddresses _addresses = new((uint)Environment.ProcessId);
    private readonly List<string> _remarks = [];

    public void Dispose()
    {
        _addresses.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public void Each_server_has_an_address_and_nothing_else_is_served()
    {
        var agent = Agent("""
            "a": { "listen": ["0.0.0.0:27000"], "target": ["link://hq/lmgrd"], "hostName": "lic1", "allow": ["10.0.0.0/8"], "protocol": "flexlm" },
            "b": { "listen": ["127.0.0.1:9316"], "target": ["link://hq/any/log1.corp:9316"] },
            "c": { "listen": ["127.0.0.2:9316"], "target": ["link://hq/any/log2.corp:9316"] },
            "d": { "listen": ["127.0.0.1:3141-3149"], "target": ["link://hq/any/LOG1.corp:3141-3149"] },
            "e": { "listen": ["socks5://127.0.0.1:1080"], "target": ["link://hq/any"] },
            "f": { "listen": ["unix:x"], "target": ["link://hq/x"] },
            "g": { "listen": ["*:0"], "target": ["lic9:1717"] }
            """);
        Assert.Empty(_remarks);
        Assert.Equal(["a", "b", "c", "d", "g"], agent.Relays!.Keys.Order());
        var at = agent.Relays.ToDictionary(r => r.Key, r => ListenAddress.Read(Assert.Single(r.Value.Listen!), out _)!);
        Assert.Equal(at["b"].Address, at["d"].Address);
        Assert.Equal(4, at.Values.Select(a => a.Address).Distinct().Count());
        Assert.Equal(["27000", "9316", "9316", "3141-3149", "1717"], new[] { "a", "b", "c", "d", "g" }.Select(n => at[n].Ports.ToString()));
        Assert.All(agent.Relays.Values, r => Assert.Equal("me ${SENTIEON_AUTH_MECH} ${SENTIEON_AUTH_DATA}", $"{string.Join(',', r.Auth!.AllowUsers!)} {r.Auth.Mech} {r.Auth.Data}"));
        Assert.Null(agent.Relays["a"].Allow);
        Assert.Equal(["hq"], agent.Links!.Keys);
        Assert.Equal((null, null, null, null), (agent.LinkListen, agent.Peers, agent.Services, agent.Admin));
    }

    [Fact]
    public void What_the_relay_says_of_users_stays()
    {
        var auth = Agent("""
            "a": { "listen": ["*:27000"], "target": ["link://hq/a"], "auth": { "allowGroups": ["g"], "mech": "m", "data": "d" } }
            """).Relays!["a"].Auth!;
        Assert.Equal((null, "m", "d"), (auth.AllowUsers, auth.Mech, auth.Data));
    }

    [Fact]
    public void Two_relays_of_one_server_and_port_are_one()
    {
        var agent = Agent("""
            "a": { "listen": ["127.0.0.1:27000"], "target": ["link://hq/a"], "hostName": "lic1" },
            "b": { "listen": ["127.0.0.2:27000"], "target": ["link://hq/b"], "hostName": "lic1" }
            """);
        Assert.Equal(["a"], agent.Relays!.Keys);
        Assert.Equal("relays.b is left out: another relay of the same server has its port", Assert.Single(_remarks));
    }

    [Fact]
    public void Two_agents_never_have_the_same_address_and_the_next_one_has_it_again()
    {
        const string Relays = """ "a": { "listen": ["*:27000"], "target": ["link://hq/a"], "hostName": "lic1" } """;
        var first = Agent(Relays).Relays!["a"].Listen![0];
        using (var other = new LoopbackAddresses((uint)Environment.ProcessId))
            Assert.NotEqual(first, Agent(Relays, other).Relays!["a"].Listen![0]);
        _addresses.Dispose();
        using var next = new LoopbackAddresses((uint)Environment.ProcessId);
        Assert.Equal(first, Agent(Relays, next).Relays!["a"].Listen![0]);
    }

    [Theory]
    [InlineData("exec -c x -- ls -- -l", "exec -c x", "ls -- -l")]
    [InlineData("exec -- --help", "exec", "--help")]
    [InlineData("exec --help", "exec --help", "")]
    [InlineData("run -- x", "run -- x", "")]
    public void What_stands_behind_the_dashes_is_the_jobs(string line, string words, string job)
    {
        var cut = ExecCommand.Cut(line.Split(' '));
        Assert.Equal((words, job), (string.Join(' ', cut.Words), string.Join(' ', cut.Job)));
    }

    private JunctionConfig Agent(string relays, LoopbackAddresses? addresses = null)
    {
        _folder.Write("junction.json", $$"""
            { "identity": { "certificate": "certs/cloud.crt", "key": "certs/cloud.key", "trust": "certs/ca.crt" }, "linkListen": ["127.0.0.1:0"],
              "links": { "hq": { "dial": ["hq:8443"] }, "unused": { "dial": ["x:1"] } }, "services": { "s": { "target": ["x:1"] } }, "peers": { "p": { "services": ["s"] } },
              "admin": { "listen": "127.0.0.1:0" }, "relays": { {{relays}} } }
            """);
        return AgentConfig.Of(_folder.Config(), "me", addresses ?? _addresses, _remarks);
    }
}
