using System.Net.Sockets;
using JunctionRelay.Scenarios.Harness;
using Microsoft.Playwright;

namespace JunctionRelay.Scenarios;

/// <summary>The status page in a real browser: it shows what the junction does while it does it, and reads well in both themes and on a phone.</summary>
public sealed class StatusPageInABrowser(Chromium browser) : IClassFixture<Chromium>
{
    [Fact]
    public async Task Charts_and_figures_move_while_traffic_flows_and_nothing_is_asked_for_elsewhere()
    {
        await using var junction = await PageRig.Start();
        await using var page = await StatusPage.Open(browser, junction.Admin);
        await page.Says("#state", "running");
        await page.Says("#f-connections", "0");
        var before = await Pixels(page);

        using var client = await Loopback.Connect(junction.Relay);
        using var stop = new CancellationTokenSource();
        var flowing = Flow(client, stop.Token);
        await page.Says("#f-connections", "1");
        await Assertions.Expect(page.Page.Locator("#f-up")).ToHaveTextAsync(new System.Text.RegularExpressions.Regex(@"^[1-9]\d* KiB/s$|^\d+(\.\d)? MiB/s$"));
        await page.Counts(".line.is-busy", 1);
        await page.Counts("#connections .sheet .row:not([hidden])", 1);
        await Deadline.Until(async () => await Pixels(page) is var now && now.Up > before.Up + 20 && now.Connections > before.Connections, Deadline.Start, "the charts are drawn");
        var drawn = await Pixels(page);
        await Deadline.Until(async () => (await Pixels(page)).Picture != drawn.Picture, Deadline.Start, "the charts move");
        await page.Photograph("status-traffic.png");
        await stop.CancelAsync();
        await flowing;
        await page.Counts(".line.is-busy", 0);

        client.Dispose();
        await page.Says("#f-connections", "0");
        await page.Counts("#ends .sheet .row:not([hidden])", 1);
        Assert.All(page.Asked, url => Assert.StartsWith($"http://127.0.0.1:{junction.Admin}/", url, StringComparison.Ordinal));
        Assert.Empty(page.Complaints);
    }

    /// <summary>A pair of junctions with a license server behind: what the page says of links, certificates and who holds what.</summary>
    [Fact]
    public async Task Links_certificates_and_holders_are_shown()
    {
        using var folder = new TemporaryFolder();
        var authority = await SiteAuthority.Init(folder);
        int links = FreePort.Next(), port = FreePort.Next(), vendor = FreePort.Next(), admin = FreePort.Next();
        await using var licenses = await SimulatedLicenses.Start("127.0.0.1", port, vendor, 3);
        await using var hq = await JunctionProcess.Start($$"""
            {
              "identity": { "directory": "{{await authority.Issue("hq")}}" }, "linkListen": ["127.0.0.1:{{links}}"], "peers": { "cloud": { "services": ["lmgrd"] } },
              "services": { "lmgrd": { "target": ["127.0.0.1:{{port}}"], "protocol": "flexlm" } }
            }
            """);
        // The server has this machine's first address, the junction the second: the vendor daemon's port is one of both.
        await using var cloud = await JunctionProcess.Start($$"""
            {
              "identity": { "directory": "{{await authority.Issue("cloud", "--lifetime", "24h")}}" }, "admin": { "listen": "127.0.0.1:{{admin}}" },
              "links": { "hq": { "dial": ["127.0.0.1:{{links}}"] } },
              "relays": { "lmgrd": { "listen": ["127.0.0.2:{{port}}"], "target": ["link://hq/lmgrd"], "protocol": "flexlm" } }
            }
            """);
        await cloud.Line("link with hq is up", Deadline.Start);
        await cloud.Line("admin endpoint listens");
        await using var client = SimulatedLicenses.Client("127.0.0.2", port, vendor);
        await client.Line(l => l == "held", "that it holds a seat", Deadline.Start);

        await using var page = await StatusPage.Open(browser, admin);
        await page.Counts("#connections .sheet .row:not([hidden])", 1);
        await Assertions.Expect(page.Page.Locator("#connections .sheet .row:not([hidden]) .who")).ToHaveTextAsync($"{Environment.UserName} (demod)");
        await Assertions.Expect(page.Page.Locator("#connections .sheet .row:not([hidden]) .client")).ToContainTextAsync(Environment.MachineName);
        await page.Counts("#links .card:not(.is-down)", 1);
        await Assertions.Expect(page.Page.Locator("#links .card .facts dd").First).ToHaveTextAsync(new System.Text.RegularExpressions.Regex(@"^\d+(\.\d+)? ms$"));
        await Assertions.Expect(page.Page.Locator("#links .card .facts dd").Nth(1)).ToHaveTextAsync("1");
        await Assertions.Expect(page.Page.Locator("#connections .sheet .row:not([hidden]) .since")).ToHaveTextAsync(new System.Text.RegularExpressions.Regex(@"^\d+ (s|min)$"));
        // The link is cut, and what it carries goes on.
        await Assertions.Expect(page.Page.Locator("#links .card .facts dd").Nth(2)).ToHaveTextAsync("0");
        await RealProgram.Succeed("ss", ["-K", "-t", "state", "established", $"( dport = :{links} or sport = :{links} )"]);
        await Assertions.Expect(page.Page.Locator("#links .card .facts dd").Nth(2)).ToHaveTextAsync("1");
        await page.Counts("#connections .sheet .row:not([hidden])", 1);
        // The first to expire first; one of a day is calm, and no notice is about it.
        Assert.Equal(["identity.certificate", "identity.trust"], await page.Page.Locator("#certificates .card .mono").AllInnerTextsAsync());
        await page.Counts("#certificates .card.is-down, #certificates .card.is-near, #notices li", 0);
        Assert.Empty(page.Complaints);
    }

    /// <summary>One target of two is there, and then none.</summary>
    [Fact]
    public async Task Targets_and_their_health_are_shown()
    {
        var port = FreePort.Next();
        var admin = FreePort.Next();
        var echo = LoopbackServer.Echo();
        await using var junction = await JunctionProcess.Start(
            $$"""
            {
              "relays": { "lic": { "listen": ["127.0.0.1:{{port}}"], "target": ["127.0.0.1:{{echo.Port}}", "127.0.0.1:1"], "healthInterval": "100ms" } },
              "admin": { "listen": "127.0.0.1:{{admin}}" }
            }
            """);
        await junction.Program.Listening(admin);
        await using var page = await StatusPage.Open(browser, admin);
        await page.Counts(".target.is-down", 1);
        await page.Says(".target:not(.is-down) .mono", $"127.0.0.1:{echo.Port}");
        await Assertions.Expect(page.Page.Locator(".target.is-down small")).ToContainTextAsync("refused");
        await page.Counts(".line.is-down, #notices li", 0);

        await echo.DisposeAsync();
        await page.Counts(".target.is-down", 2);
        await page.Counts(".line.is-down", 1);
        await Assertions.Expect(page.Page.Locator("#notices li")).ToContainTextAsync("New connections get nowhere");
        Assert.Empty(page.Complaints);
    }

    /// <summary>The log's disk is full for a while: the page says so for as long.</summary>
    [Fact]
    public async Task A_log_that_cannot_be_written_is_told()
    {
        using var folder = new TemporaryFolder();
        await using var echo = LoopbackServer.Echo();
        int port = FreePort.Next(), admin = FreePort.Next();
        var disk = new SmallDisk(folder.Folder("log"));
        await using var junction = await JunctionProcess.Start(
            $$"""{ "relays": { "lic": { "listen": ["127.0.0.1:{{port}}"], "target": ["127.0.0.1:{{echo.Port}}"] } }, "admin": { "listen": "127.0.0.1:{{admin}}" } }""",
            new ProgramOptions { Wrapper = [.. disk.Wrapper, "sh", "-c", "exec \"$@\" >>\"$0\"", folder["log/junction.log"]] });
        await junction.Program.Listening(admin);
        await using var page = await StatusPage.Open(browser, admin);
        await page.Says("#state", "running");
        await page.Counts("#notices li", 0);

        disk.Fill(junction.Program);
        await Speaks("not written", async () => await page.Page.Locator("#notices li").CountAsync() == 1);
        await Assertions.Expect(page.Page.Locator("#notices li")).ToHaveTextAsync(new System.Text.RegularExpressions.Regex(@"^The log cannot be written \(No space left on device.*\): [0-9,]+ lines are missing$"));
        Assert.Empty(await page.Page.EvaluateAsync<string[]>(Faint));

        disk.Free(junction.Program);
        await Speaks("written again", async () => await page.Page.Locator("#notices li").CountAsync() == 0);
        Assert.Contains("lines of the log were dropped", string.Concat(disk.Files(junction.Program).Values), StringComparison.Ordinal);
        Assert.Empty(page.Complaints);

        // Only what has something to say finds out.
        Task Speaks(string what, Func<Task<bool>> until) => Deadline.Until(
            async () =>
            {
                await Loopback.EchoThrough(port, 100);
                return await until();
            },
            Deadline.Start, $"the page tells that the log is {what}");
    }

    [Fact]
    public async Task The_filters_filter()
    {
        await using var junction = await PageRig.Start();
        await using var page = await StatusPage.Open(browser, junction.Admin);
        using var first = await Loopback.Connect(junction.Relay);
        using var second = await Loopback.Connect(junction.Other);
        await Loopback.EchoThrough(junction.Relay, 1000);
        using (var refused = await Loopback.Connect(junction.Dead)) await Loopback.HowItEnds(refused, Deadline.Soon);
        await page.Counts("#connections .sheet .row:not([hidden])", 2);
        await page.Counts("#ends .sheet .row:not([hidden])", 2);

        await page.Page.FillAsync("#holds-filter", "OTHER");
        await page.Counts("#connections .sheet .row:not([hidden])", 1);
        await page.Says("#connections .sheet .row:not([hidden]) .relay", "other");
        await page.Says("#holds-count", "1 of 2 connections");
        await page.Page.FillAsync("#holds-filter", "nobody");
        await page.Says("#connections .empty", "Nothing matches the filter.");
        await page.Page.FillAsync("#holds-filter", $"lic {first.LocalEndPoint}");
        await page.Counts("#connections .sheet .row:not([hidden])", 1);

        await page.Page.ClickAsync("#reasons .chip:has-text('dial-refused')");
        await page.Counts("#ends .sheet .row:not([hidden])", 1);
        await page.Says("#ends .sheet .row:not([hidden]) .relay", "dead");
        await page.Page.ClickAsync("#reasons .chip:has-text('dial-refused')");
        await page.Counts("#ends .sheet .row:not([hidden])", 2);
        await page.Page.FillAsync("#ended-filter", "lic");
        await page.Counts("#ends .sheet .row:not([hidden])", 1);
        Assert.Empty(page.Complaints);
    }

    [Theory]
    [InlineData(1360, ColorScheme.Light)]
    [InlineData(1360, ColorScheme.Dark)]
    [InlineData(820, ColorScheme.Light)]
    [InlineData(390, ColorScheme.Light)]
    [InlineData(390, ColorScheme.Dark)]
    public async Task It_fits_the_screen_and_every_word_stands_out_from_its_ground(int width, ColorScheme scheme)
    {
        await using var junction = await PageRig.Start();
        using var client = await Loopback.Connect(junction.Relay);
        using (var refused = await Loopback.Connect(junction.Dead)) await Loopback.HowItEnds(refused, Deadline.Soon);
        await using var page = await StatusPage.Open(browser, junction.Admin, width, 844, scheme);
        await page.Counts("#connections .sheet .row:not([hidden])", 1);
        await page.Counts("#ends .sheet .row:not([hidden])", 1);
        await Assertions.Expect(page.Page.Locator("main")).ToHaveCSSAsync("opacity", "1");
        Assert.Equal(width, await page.Page.EvaluateAsync<int>("() => document.documentElement.scrollWidth"));
        Assert.Empty(await page.Page.EvaluateAsync<string[]>(Faint));
        await page.Photograph($"status-{width}-{scheme}.png".ToLowerInvariant());
        Assert.Empty(page.Complaints);
    }

    [Fact]
    public async Task The_theme_that_was_chosen_stays_chosen()
    {
        await using var junction = await PageRig.Start();
        await using var page = await StatusPage.Open(browser, junction.Admin);
        await page.Says("#theme", "Theme: auto");
        await page.Page.ClickAsync("#theme");
        await page.Page.ClickAsync("#theme");
        await page.Says("#theme", "Theme: dark");
        await page.Page.ReloadAsync();
        await page.Says("#theme", "Theme: dark");
        Assert.Equal("rgb(12, 19, 23)", await page.Page.EvaluateAsync<string>("() => getComputedStyle(document.body).backgroundColor"));
        Assert.Empty(page.Complaints);
    }

    [Fact]
    public async Task A_junction_that_goes_away_is_told_and_one_that_comes_back_is_shown_again()
    {
        int admin;
        StatusPage page;
        await using (var junction = await PageRig.Start())
        {
            admin = junction.Admin;
            page = await StatusPage.Open(browser, admin);
        }

        await using (page)
        {
            await page.Says("#live", "no answer, trying again");
            await page.Counts("main.is-stale", 1);
            await using var again = await PageRig.Start(admin);
            await page.Says("#live", "live");
            await page.Counts("main.is-stale", 0);
        }
    }

    // Texts with less than 4.5 : 1 between their color and what is behind them (WCAG 2, AA).
    private const string Faint = """
        () => {
          const parse = text => { const n = text.match(/[\d.]+/g).map(Number); return { rgb: n.slice(0, 3), a: n.length > 3 ? n[3] : 1 }; };
          const light = rgb => rgb.map(v => v / 255).map(v => v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4).reduce((sum, v, i) => sum + v * [.2126, .7152, .0722][i], 0);
          const ground = element => {
            for (; element; element = element.parentElement) { const c = parse(getComputedStyle(element).backgroundColor); if (c.a === 1) return c.rgb; }
            return [255, 255, 255];
          };
          const faint = [];
          for (const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT); walker.nextNode();) {
            const element = walker.currentNode.parentElement;
            if (!walker.currentNode.textContent.trim() || !element.checkVisibility() || ["NOSCRIPT", "SCRIPT"].includes(element.tagName)) continue;
            const [a, b] = [light(parse(getComputedStyle(element).color).rgb), light(ground(element))].sort((x, y) => y - x);
            if ((a + .05) / (b + .05) < 4.5) faint.push(`${walker.currentNode.textContent.trim()} ${((a + .05) / (b + .05)).toFixed(2)}`);
          }
          return faint;
        }
        """;

    private static async Task Flow(Socket client, CancellationToken stop)
    {
        var (sent, received) = (new byte[20_000], new byte[64 * 1024]);
        while (!stop.IsCancellationRequested)
        {
            await client.SendAsync(sent, CancellationToken.None);
            for (var n = 0; n < sent.Length;) n += await client.ReceiveAsync(received, CancellationToken.None);
            await Task.Delay(20, CancellationToken.None);
        }
    }

    // How much of the two charts has the color of a series, and the pictures themselves.
    private static async Task<(int Up, int Connections, string Picture)> Pixels(StatusPage page)
    {
        var counts = await page.Page.EvaluateAsync<string[]>("""
            () => ["#c-bytes", "#c-connections"].map(id => {
              const canvas = document.querySelector(`${id} canvas`);
              if (!canvas) return ["0", ""];
              const copy = Object.assign(document.createElement("canvas"), { width: canvas.width, height: canvas.height }).getContext("2d", { willReadFrequently: true });
              copy.drawImage(canvas, 0, 0);
              const { data } = copy.getImageData(0, 0, canvas.width, canvas.height);
              let n = 0;
              // The lines of the series are the only things that are neither gray nor faint.
              for (let i = 0; i < data.length; i += 4) if (data[i + 3] > 150 && (id === "#c-bytes" ? Math.abs(data[i] - data[i + 2]) > 90 : data[i] + data[i + 1] + data[i + 2] < 140)) n++;
              return [String(n), copy.canvas.toDataURL()];
            }).flat()
            """);
        return (int.Parse(counts[0], System.Globalization.CultureInfo.InvariantCulture), int.Parse(counts[2], System.Globalization.CultureInfo.InvariantCulture), counts[1] + counts[3]);
    }
}
