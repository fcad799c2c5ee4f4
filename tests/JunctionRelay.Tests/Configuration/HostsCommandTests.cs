using System.Net;
using JunctionRelay.App.Commands;
using JunctionRelay.Configuration;
using JunctionRelay.Tests.Harness;

namespace JunctionRelay.Tests.Configuration;

/// <summary><c>junction hosts</c>, and the addresses of their own that it pairs with names. A scenario runs it where it belongs.</summary>
public sealed class HostsCommandTests : IDisposable
{
    private const string Hosts = "127.0.0.1 localhost\n";

    private readonly ConfigFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task A_relays_address_gets_its_servers_name()
    {
        var (exit, output, error) = await HostsAsync("""
            "a": { "listen": ["127.0.0.2:27000"], "target": ["link://hq/lmgrd"], "hostName": "lic1.corp.example.com" },
            "b": { "listen": ["10.0.0.5:27000", "[fd00::5]:27000"], "target": ["lic2.corp.example.com:27000"] },
            "c": { "listen": ["127.0.0.2:9316"], "target": ["link://hq/any/lic1.corp.example.com:9316"] },
            "d": { "listen": ["socks5://127.0.0.1:1080"], "target": ["link://hq/any"] },
            "e": { "listen": ["127.0.0.1:8990"], "target": ["link://hq/sentieon"] }
            """);
        Assert.Equal((0, """
            # begin junction
            127.0.0.2 lic1.corp.example.com lic1
            10.0.0.5 lic2.corp.example.com lic2
            fd00::5 lic2.corp.example.com lic2
            # end junction

            """.ReplaceLineEndings("\n")), (exit, output));
        Assert.Equal("junction hosts: relays.e is left out, as it does not say what its server is called: \"hostName\": \"lic1.example.com\"\n", error);
    }

    [Theory]
    [InlineData(""" "a": { "listen": ["*:1"], "target": ["link://hq/x"], "hostName": "lic1" } """, "--junction ADDRESS")]
    [InlineData(""" "a": { "listen": ["127.0.0.1:1"], "target": ["lic1:1"] } """, "it would find itself")]
    [InlineData(""" "a": { "listen": ["127.0.0.1:1"], "target": ["lic1.corp:1"] }, "b": { "listen": ["127.0.0.1:2"], "target": ["lic1:1"] } """, "itself looks up lic1,")]
    [InlineData(""" "a": { "listen": ["127.0.0.1:1"], "target": ["10.0.0.1:1"], "hostName": "hq" } """, "itself looks up hq,")]
    [InlineData(""" "a": { "listen": ["127.0.0.1:1"], "target": ["10.0.0.1:1"], "hostName": "x" }, "b": { "listen": ["127.0.0.2:1"], "target": ["10.0.0.1:2"], "hostName": "X" } """, "two addresses, 127.0.0.1 and 127.0.0.2 (relays.b)")]
    [InlineData(""" "a": { "listen": ["127.0.0.1:1"], "target": ["10.0.0.1:1"] } """, "no relay has a server with a name")]
    public async Task A_block_that_would_not_work_is_refused(string relays, string expected)
    {
        var (exit, output, error) = await HostsAsync(relays);
        Assert.Equal((78, ""), (exit, output));
        Assert.Contains(expected, error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task It_is_applied_once_and_removed_without_a_trace()
    {
        var hosts = _folder.Write("hosts", Hosts).Path("hosts");
        const string Relays = """ "a": { "listen": ["127.0.0.2:1"], "target": ["link://hq/x"], "hostName": "lic1" } """;
        Assert.Equal((0, $"wrote {hosts}: 1 name in its block; as it was before: {hosts}.junction-backup\n", ""), await HostsAsync(Relays, "--apply", "--file", hosts));
        Assert.Equal($"{Hosts}# begin junction\n127.0.0.2 lic1\n# end junction\n", await File.ReadAllTextAsync(hosts, TestContext.Current.CancellationToken));
        Assert.Equal((0, $"{hosts} is unchanged: 1 name in its block\n", ""), await HostsAsync(Relays, "--apply", "--file", hosts));
        Assert.Equal(Hosts, await File.ReadAllTextAsync(hosts + ".junction-backup", TestContext.Current.CancellationToken));
        Assert.Equal(0, (await JunctionProgram.RunAsync(["hosts", "--remove", "--file", hosts])).Exit);
        Assert.Equal(Hosts, await File.ReadAllTextAsync(hosts, TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task A_line_that_would_win_is_named()
    {
        var hosts = _folder.Write("hosts", "10.1.1.1 lic1\n").Path("hosts");
        var (exit, _, error) = await HostsAsync(""" "a": { "listen": ["127.0.0.2:1"], "target": ["link://hq/x"], "hostName": "lic1" } """, "--apply", "--file", hosts);
        Assert.Equal(0, exit);
        Assert.Contains($"line 1 of {hosts} says that lic1 is 10.1.1.1", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_cannot_be_edited_is_left_alone()
    {
        var hosts = _folder.Write("hosts", "# begin junction\n").Path("hosts");
        var (exit, _, error) = await JunctionProgram.RunAsync(["hosts", "--remove", "--file", hosts]);
        Assert.Equal(1, exit);
        Assert.Contains("was left alone: line 1", error, StringComparison.Ordinal);
        Assert.Equal("# begin junction\n", await File.ReadAllTextAsync(hosts, TestContext.Current.CancellationToken));
    }

    [Fact]
    public void Windows_has_its_own_place_and_MacOS_needs_aliases()
    {
        Assert.Equal("/etc/hosts", HostsCommand.PathOn(isWindows: false));
        Assert.EndsWith(Path.Combine("drivers", "etc", "hosts"), HostsCommand.PathOn(isWindows: true), StringComparison.Ordinal);
        Assert.Equal(["sudo ifconfig lo0 alias 127.0.0.2 up", "sudo ifconfig lo0 alias 127.8.1.1 up"], HostsCommand.Aliases(["127.0.0.1", "127.0.0.2", "127.8.1.1", "::1", "10.0.0.1", "127.0.0.2"]));
    }

    [Fact]
    public void A_range_gives_each_server_an_address_that_stays()
    {
        var three = Addresses("log1", "log2", "log3");
        Assert.Equal(3, three.Values.Distinct().Count());
        Assert.All(three.Values, a => Assert.Matches(@"^127\.(?!0\.)\d+\.\d+\.\d+$", a));
        // Others come and go.
        var more = Addresses("aaa", "log1", "log2", "log3", "zzz");
        Assert.Equal(three, more.Where(m => three.ContainsKey(m.Key)));
        Assert.Equal(three["log2"], Addresses("log2")["log2"]);
        // Known for ever: a node's hosts file may be older than its junction.
        Assert.Equal("127.28.107.155", Addresses("lic1.corp.example.com")["lic1.corp.example.com"]);
    }

    [Fact]
    public void A_full_range_gives_what_it_has_and_no_address_twice()
    {
        var range = IPNetwork.Parse("10.9.8.0/29");
        HashSet<IPAddress> taken = [IPAddress.Parse("10.9.8.3")];
        var chosen = Enumerable.Range(0, 7).Select(i => OwnAddresses.Choose($"s{i}", range, taken)).ToList();
        Assert.Equal(6, chosen.OfType<IPAddress>().Distinct().Count());
        Assert.Null(chosen[6]);
        Assert.DoesNotContain(IPAddress.Parse("10.9.8.0"), chosen);
        Assert.Single(chosen, IPAddress.Parse("10.9.8.7"));
    }

    [Fact]
    public void Relays_of_one_server_share_its_address_and_nobody_gets_one_that_is_written()
    {
        var own = Addresses("log1")["log1"];
        _folder.Write("junction.json", $$"""
            { "relays": {
                "a": { "listen": ["127.0.0.0/8:9316"], "target": ["10.0.0.1:9316"], "hostName": "log1" },
                "b": { "listen": ["127.0.0.0/8:3141"], "target": ["10.0.0.1:3141"], "hostName": "LOG1" },
                "c": { "listen": ["{{own}}:80"], "target": ["10.0.0.1:80"], "hostName": "www" } } }
            """);
        var config = _folder.Config();
        var (a, b) = (config.Relays!["a"].Listen![0], config.Relays["b"].Listen![0]);
        Assert.Equal(a.Split(':')[0], b.Split(':')[0]);
        Assert.NotEqual(own, a.Split(':')[0]);
        Assert.EndsWith(":9316", a, StringComparison.Ordinal);
    }

    private Dictionary<string, string> Addresses(params string[] servers)
    {
        _folder.Write("junction.json", $$"""{ "relays": { {{string.Join(", ", servers.Select((s, i) => $$""" "r{{i}}": { "listen": ["127.0.0.0/8:9316"], "target": ["10.0.0.1:9316"], "hostName": "{{s}}" } """))}} } }""");
        return _folder.Config().Relays!.Values.ToDictionary(r => r.HostName!, r => r.Listen![0].Split(':')[0]);
    }

    private Task<(int Exit, string Output, string Error)> HostsAsync(string relays, params string[] options)
    {
        _folder.Write("junction.json", $$"""
            { "identity": { "certificate": "certs/cloud.crt", "key": "certs/cloud.key", "trust": "certs/ca.crt" }, "links": { "hq": { "dial": ["hq:8443"] } }, "relays": { {{relays}} } }
            """);
        return JunctionProgram.RunAsync(["hosts", "-c", _folder.Path("junction.json"), .. options]);
    }
}
