using JunctionRelay.Scenarios.Harness;

namespace JunctionRelay.Scenarios;

/// <summary>A real browser at the desk loads a page that stands behind a link, under its own name: over TLS through the CONNECT entrance, and in the open through the SOCKS entrance.</summary>
public sealed class ChromiumLoadsAPageThroughTheEntrances
{
    private const int Secure = 8443;
    private const int Open = 8080;

    [Fact]
    public async Task By_its_own_name()
    {
        await using var site = await EntranceSite.Lay($"{EntranceSite.ServerAddress} www.corp");
        await using var web = await site.ServeWeb(Open, "a page that says by its name what it is stands beside this\n");
        await File.WriteAllTextAsync(Path.Combine(site.Folder[$"web-{Open}"], "hello.html"), "<p>hello in the open</p>");
        using var authority = new TestCertificates(site.Folder, "web");
        var files = authority.Issue("www.corp");
        var pages = site.Folder.Folder("secure");
        await File.WriteAllTextAsync(Path.Combine(pages, "hello.html"), "<p>hello over TLS</p>");
        await using var secure = RealProgram.Start(
            "openssl", ["s_server", "-quiet", "-WWW", "-accept", $"{EntranceSite.ServerAddress}:{Secure}", "-cert", files.Certificate, "-key", files.Key],
            new ProgramOptions { Host = site.Server, Folder = pages });
        await secure.Listening(Secure);

        var border = await site.Start(site.Border, $$"""
            { {{site.Identity("border")}}, "linkListen": ["{{EntranceSite.BorderAddress}}:8443"],
              "services": { "any": { "open": ["www.corp:{{Open}}", "www.corp:{{Secure}}"] } }, "peers": { "desk": { "services": ["any"] } } }
            """);
        var desk = await site.Start(site.Desk, $$"""
            { {{site.Identity("desk")}}, "links": { "border": { "dial": ["{{EntranceSite.BorderAddress}}:8443"] } },
              "relays": { "corp": { "listen": ["socks5://127.0.0.1:1080", "http://127.0.0.1:3128"], "target": ["link://border/any"] } } }
            """);
        await desk.Line("link with border is up");

        Assert.Contains("<p>hello over TLS</p>", await Load("http://127.0.0.1:3128", $"https://www.corp:{Secure}/hello.html"), StringComparison.Ordinal);
        Assert.Contains("hello in the open", await Load("socks5://127.0.0.1:1080", $"http://www.corp:{Open}/hello.html"), StringComparison.Ordinal);
        foreach (var port in new[] { Secure, Open })
            await Deadline.Until(() => border.Connections.Any(c => c.Target == $"www.corp:{port}" && c.ToClient > 0), Deadline.Soon, $"the border has relayed a page of port {port}", border.Program.Said);

        // The page's certificate is our own test authority's; what is shown here is the way, not the browser's trust. Its sandbox needs what root in a container has not.
        Task<string> Load(string proxy, string address) => RealProgram.Succeed(
            "chromium",
            ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--no-first-run", "--ignore-certificate-errors",
                $"--user-data-dir={site.Folder.Folder("chromium")}", $"--proxy-server={proxy}", "--dump-dom", address],
            new ProgramOptions { Host = site.Desk, Environment = new Dictionary<string, string> { ["HOME"] = site.Folder.Path } });
    }
}
