using JunctionRelay.Scenarios.Harness;

namespace JunctionRelay.Scenarios;

/// <summary>
/// Real programs at a desk reach a site's hosts by the site's own names, over SOCKS and CONNECT: curl by itself, and curl and psql with proxychains. The way goes
/// through a link; or the junction at the border is the entrance itself. What is not permitted, refused or unknown is told as such.
/// </summary>
public sealed class CurlAndProxychainsNameTheirDestinations : IAsyncLifetime
{
    private const string Link = "link";
    private const string Border = "border";
    private const int Web = 8080;
    private const int Database = 5432;
    private const int Closed = 8081;

    private EntranceSite _site = null!;
    private RealProgram _web = null!;
    private JunctionProcess _dialling = null!;
    private string _entrance = "127.0.0.1";
    private string[] _credentials = [];

    public async ValueTask InitializeAsync()
    {
        _site = await EntranceSite.Lay($"{EntranceSite.ServerAddress} www.corp db.corp", "10.93.9.77 absent.corp");
        _web = await _site.ServeWeb(Web, "hello from the site\n");
    }

    public async ValueTask DisposeAsync()
    {
        await _web.DisposeAsync();
        await _site.DisposeAsync();
    }

    [Theory]
    [InlineData(Link)]
    [InlineData(Border)]
    public async Task Curl_gets_a_page_by_a_name_that_only_the_site_knows(string way)
    {
        await Open(way);
        Assert.Equal("hello from the site\n", await Succeed("curl", [.. Quiet, .. Socks, $"http://www.corp:{Web}/hello"]));
        Assert.Equal("hello from the site\n", await Succeed("curl", [.. Quiet, .. Tunnel, $"http://www.corp:{Web}/hello"]));
        // By its address, and over IPv4 both.
        Assert.Equal("hello from the site\n", await Succeed("curl", [.. Quiet, .. Socks, $"http://{EntranceSite.ServerAddress}:{Web}/hello"]));
        var ended = await _dialling.Ended(3);
        Assert.All(ended, c => Assert.EndsWith($":{Web}", c.Target, StringComparison.Ordinal));
        // Nothing of the desk's gets there without the junctions.
        Assert.NotEqual(0, (await RealProgram.Run("curl", [.. Quiet, "--max-time", "5", $"http://{EntranceSite.ServerAddress}:{Web}/hello"], AtDesk)).ExitCode);
    }

    [Theory]
    [InlineData(Link)]
    [InlineData(Border, Traits = [Size.Name, Size.Release])]
    public async Task Curl_is_told_what_was_wrong(string way)
    {
        await Open(way);
        // curl: 97 = the SOCKS server refused, with its code in parentheses; 56 = CONNECT was answered with that status.
        await Fails($"www.corp:{Closed}", "(5)", "502", "connection_refused");
        await Fails("www.corp:22", "(2)", "403", "destination_ip_prohibited");
        await Fails("unknown.corp:8080", "(4)", "502", "dns_error");
        await Fails("10.93.10.1:8080", "(2)", "403", "destination_ip_prohibited");
        await Fails($"absent.corp:{Web}", "(3)", "502", "destination_ip_unroutable");
        await NetworkNamespaces.Silence(_site.Server, "10.93.9.1");
        await Fails($"www.corp:{Web}", "(6)", "504", "connection_timeout");

        async Task Fails(string destination, string socks, string status, string error)
        {
            var overSocks = await RealProgram.Run("curl", [.. Quiet, .. Socks, $"http://{destination}/"], AtDesk);
            Assert.True(overSocks.ExitCode == 97 && overSocks.Error.Contains(socks, StringComparison.Ordinal), $"{destination}: {overSocks}");
            var overConnect = await RealProgram.Run("curl", ["--silent", "--show-error", "--include", .. Tunnel, $"http://{destination}/"], AtDesk);
            Assert.True(overConnect.ExitCode == 56 && overConnect.Error.Contains(status, StringComparison.Ordinal), $"{destination}: {overConnect}");
            Assert.Contains($"Proxy-Status: junction; error={error}", overConnect.Output, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("socks5", 1080, Traits = [Size.Name, Size.Release])]
    [InlineData("http", 3128)]
    [InlineData("socks5", 1081, "alice", "wonder:land")]
    [InlineData("http", 3129, "alice", "wonder:land", Traits = [Size.Name, Size.Release])]
    public async Task Curl_and_psql_get_there_with_proxychains(string kind, int port, string user = "", string password = "")
    {
        await Open(Link);
        await using var database = await PostgresCluster.Start(_site.Folder, _site.Server, EntranceSite.ServerAddress, Database);
        var settings = _site.Folder.Write("proxychains.conf", $"strict_chain\nproxy_dns\nquiet_mode\n[ProxyList]\n{kind} 127.0.0.1 {port} {user} {password}\n");
        Assert.Equal("hello from the site\n", await Succeed("proxychains4", ["-q", "-f", settings, "curl", .. Quiet, $"http://www.corp:{Web}/hello"]));
        Assert.Equal("42", (await Succeed(
            "proxychains4",
            ["-q", "-f", settings, "psql", "--no-psqlrc", "--tuples-only", "--host", "db.corp", "--port", $"{Database}", "--username", "postgres", "--command", "select 6 * 7"])).Trim());
        var ended = await _dialling.Ended(2);
        Assert.Equal([$"www.corp:{Web}", $"db.corp:{Database}"], ended.Select(c => c.Target));
    }

    [Theory]
    [InlineData(1081)]
    [InlineData(3129)]
    public async Task Where_users_are_asked_for_nobody_else_gets_in(int port)
    {
        await Open(Link);
        var entrance = port == 1081 ? new[] { "--socks5-hostname", $"127.0.0.1:{port}" } : ["--proxytunnel", "--proxy", $"http://127.0.0.1:{port}"];
        Assert.Equal("hello from the site\n", await Succeed("curl", [.. Quiet, .. entrance, "--proxy-user", "alice:wonder:land", $"http://www.corp:{Web}/hello"]));
        foreach (var wrong in new string[][] { ["--proxy-user", "alice:wonder"], ["--proxy-user", "bob:wonder:land"], [] })
            Assert.NotEqual(0, (await RealProgram.Run("curl", [.. Quiet, .. entrance, .. wrong, $"http://www.corp:{Web}/hello"], AtDesk)).ExitCode);
        Assert.Single(await _dialling.Ended(1));
    }

    private static string[] Quiet => ["--silent", "--show-error", "--fail", "--noproxy", ""];

    private string[] Socks => ["--socks5-hostname", $"{_entrance}:1080", .. _credentials];

    private string[] Tunnel => ["--proxytunnel", "--proxy", $"http://{_entrance}:3128"];

    private ProgramOptions AtDesk => new() { Host = _site.Desk };

    private Task<string> Succeed(string program, string[] arguments) => RealProgram.Succeed(program, arguments, AtDesk);

    private async Task Open(string way)
    {
        var open = $$"""[ "*.corp:8080-8081", "db.corp:5432", "{{EntranceSite.ServerAddress}}:8080" ]""";
        var users = _site.Folder.Write("users", "# of the desk\nalice:wonder:land\n");
        await RealProgram.Succeed("chmod", ["600", users]);
        if (way == Border)
        {
            _entrance = EntranceSite.BorderAddress;
            _credentials = ["--proxy-user", "alice:wonder:land"];
            _dialling = await _site.Start(_site.Border, $$"""
                { "relays": {
                    "socks": { "listen": ["socks5://{{_entrance}}:1080"], "users": "{{users}}", "open": {{open}}, "connectTimeout": "5s" },
                    "web": { "listen": ["http://{{_entrance}}:3128"], "allow": ["10.93.10.0/24"], "open": {{open}}, "connectTimeout": "5s" } } }
                """);
            return;
        }

        _dialling = await _site.Start(_site.Border, $$"""
            { {{_site.Identity("border")}}, "linkListen": ["{{EntranceSite.BorderAddress}}:8443"],
              "services": { "any": { "open": {{open}} } }, "peers": { "desk": { "services": ["any"] } } }
            """);
        var desk = await _site.Start(_site.Desk, $$"""
            { {{_site.Identity("desk")}}, "links": { "border": { "dial": ["{{EntranceSite.BorderAddress}}:8443"] } },
              "relays": {
                "corp": { "listen": ["socks5://127.0.0.1:1080", "http://127.0.0.1:3128"], "target": ["link://border/any"], "connectTimeout": "5s" },
                "asked": { "listen": ["socks5://127.0.0.1:1081", "http://127.0.0.1:3129"], "users": "{{users}}", "target": ["link://border/*"] } } }
            """);
        await desk.Line("link with border is up");
    }
}
