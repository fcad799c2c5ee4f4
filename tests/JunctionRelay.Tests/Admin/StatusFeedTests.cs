using System.Net;
using System.Text;
using System.Text.Json;
using JunctionRelay.App.Admin;
using JunctionRelay.Tests.Harness;

namespace JunctionRelay.Tests.Admin;

/// <summary>The film that the status page shows.</summary>
public sealed class StatusFeedTests
{
    [Fact]
    public async Task A_page_gets_everything_first_and_then_what_changes()
    {
        using var upstream = Peer.Listen();
        await using var junction = await AdminJunction.StartAsync(upstream.LocalEndPoint!);
        using var early = await Peer.ConnectAsync(junction.AddressOf("lmgrd"));
        using var earlyServer = await Peer.AcceptAsync(upstream);
        await using var page = await Page.OpenAsync(junction);

        var full = await page.FullAsync();
        var first = Assert.Single(full.Rows);
        Assert.Equal(early.LocalEndPoint.ToString(), first.Connection.Client);

        using var late = await Peer.ConnectAsync(junction.AddressOf("lmgrd"));
        using var lateServer = await Peer.AcceptAsync(upstream);
        var second = (await page.DeltaAsync(d => d.Rows.Any(r => r.Connection.Client == late.LocalEndPoint.ToString()))).Rows[^1];
        Assert.NotEqual(first.Row, second.Row);

        await early.SendAsync(new byte[50]);
        Assert.Equal([first.Row, 50, 0], (await page.DeltaAsync(d => d.Moved.Count > 0)).Moved.Single());

        early.Reset();
        var last = await page.DeltaAsync(d => d.Gone.Count > 0);
        Assert.Equal([first.Row], last.Gone);
        Assert.Equal("client-reset", Assert.Single(last.Status.Ends.Recent).Reason);
        Assert.Equal(1, last.Status.ConnectionCount);
    }

    [Fact]
    public async Task Readers_that_do_not_read_hold_up_nobody()
    {
        using var upstream = Peer.Listen();
        await using var junction = await AdminJunction.StartAsync(upstream.LocalEndPoint!);
        var stuck = new List<Peer>();
        for (var i = 0; i < 16; i++)
        {
            var reader = await Peer.ConnectAsync(await junction.ListensAsync());
            await reader.SendAsync("GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n"u8.ToArray());
            stuck.Add(reader);
        }

        await using var page = await Page.OpenAsync(junction);
        await page.FullAsync();
        using var client = await Peer.ConnectAsync(junction.AddressOf("lmgrd"));
        await page.DeltaAsync(d => d.Rows.Count > 0);
        Assert.Equal(HttpStatusCode.OK, (await junction.GetAsync("/metrics")).Status);
        foreach (var reader in stuck) reader.Dispose();
    }

    [Fact]
    public async Task More_pages_than_the_limit_are_told_so_and_a_page_that_closes_makes_room()
    {
        using var upstream = Peer.Listen();
        await using var junction = await AdminJunction.StartAsync(upstream.LocalEndPoint!);
        var pages = new List<Page>();
        for (var i = 0; i < 32; i++) pages.Add(await Page.OpenAsync(junction));
        using var client = await junction.ClientAsync();
        async Task<HttpStatusCode> OneMoreAsync()
        {
            using var response = await client.GetAsync("/events", HttpCompletionOption.ResponseHeadersRead);
            return response.StatusCode;
        }

        Assert.Equal(HttpStatusCode.ServiceUnavailable, await OneMoreAsync());
        foreach (var page in pages) await page.DisposeAsync();
        var status = HttpStatusCode.ServiceUnavailable;
        for (var watch = System.Diagnostics.Stopwatch.StartNew(); status != HttpStatusCode.OK && watch.Elapsed < Eventually.Deadline; await Task.Delay(20)) status = await OneMoreAsync();
        Assert.Equal(HttpStatusCode.OK, status);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_page_that_hangs_up_is_let_go(bool byReset)
    {
        const int MostPages = 32;
        using var upstream = Peer.Listen();
        await using var junction = await AdminJunction.StartAsync(upstream.LocalEndPoint!);
        for (var round = 0; round < 3; round++)
        {
            var pages = new List<Peer>();
            for (var watch = System.Diagnostics.Stopwatch.StartNew(); pages.Count < MostPages;)
            {
                Assert.True(watch.Elapsed < Eventually.Deadline, $"only {pages.Count} pages may watch");
                var page = await Peer.ConnectAsync(await junction.ListensAsync());
                await page.SendAsync("GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n"u8.ToArray());
                // Those of the round before leave as soon as the junction has heard of it.
                if (Encoding.ASCII.GetString(await page.ReadAsync(15)) == "HTTP/1.1 200 OK") pages.Add(page);
                else page.Dispose();
            }

            foreach (var page in pages)
            {
                if (byReset) page.Reset();
                page.Dispose();
            }
        }
    }

    /// <summary>A status page without a screen.</summary>
    private sealed class Page(HttpClient client, HttpResponseMessage response, StreamReader lines) : IAsyncDisposable
    {
        public static async Task<Page> OpenAsync(AdminJunction junction)
        {
            var client = await junction.ClientAsync();
            var response = await client.GetAsync("/events", HttpCompletionOption.ResponseHeadersRead);
            Assert.Equal("text/event-stream", response.Content.Headers.ContentType!.MediaType);
            return new Page(client, response, new StreamReader(await response.Content.ReadAsStreamAsync()));
        }

        public async Task<FullFrame> FullAsync()
        {
            var (name, data) = await NextAsync();
            Assert.Equal("full", name);
            return JsonSerializer.Deserialize(data, StatusJson.Default.FullFrame)!;
        }

        public async Task<DeltaFrame> DeltaAsync(Func<DeltaFrame, bool> wanted)
        {
            while (true)
            {
                var (name, data) = await NextAsync();
                if (name != "delta") continue;
                var delta = JsonSerializer.Deserialize(data, StatusJson.Default.DeltaFrame)!;
                if (wanted(delta)) return delta;
            }
        }

        public ValueTask DisposeAsync()
        {
            lines.Dispose();
            response.Dispose();
            client.Dispose();
            return ValueTask.CompletedTask;
        }

        private async Task<(string Name, string Data)> NextAsync()
        {
            var name = await LineAsync();
            var data = await LineAsync();
            Assert.Equal("", await LineAsync());
            return (name["event: ".Length..], data["data: ".Length..]);
        }

        private async Task<string> LineAsync() =>
            await lines.ReadLineAsync().WaitAsync(Eventually.Deadline) ?? throw new InvalidOperationException("the stream ended");
    }
}
