using System.Collections.Concurrent;
using Microsoft.Playwright;

namespace JunctionRelay.Scenarios.Harness;

/// <summary>The status page of a junction in a browser. What it asks for elsewhere, and what it complains of, is kept.</summary>
internal sealed class StatusPage : IAsyncDisposable
{
    private StatusPage(IPage page) => Page = page;

    public IPage Page { get; }

    /// <summary>Errors and warnings of its console, and exceptions that nobody caught.</summary>
    public ConcurrentQueue<string> Complaints { get; } = new();

    /// <summary>Addresses that it asked for.</summary>
    public ConcurrentQueue<string> Asked { get; } = new();

    /// <summary>Opens the page of the admin endpoint at this port, and waits for its first frame.</summary>
    public static async Task<StatusPage> Open(Chromium browser, int port, int width = 1360, int height = 900, ColorScheme scheme = ColorScheme.Light)
    {
        var page = await browser.NewPage(width, height, scheme);
        var status = new StatusPage(page);
        page.Console += (_, message) => { if (message.Type is "error" or "warning") status.Complaints.Enqueue(message.Text); };
        page.PageError += (_, error) => status.Complaints.Enqueue(error);
        page.Request += (_, request) => status.Asked.Enqueue(request.Url);
        await page.GotoAsync($"http://127.0.0.1:{port}/", new() { WaitUntil = WaitUntilState.DOMContentLoaded });
        await page.Locator("#live.is-live").WaitForAsync();
        return status;
    }

    /// <summary>Waits until an element says this.</summary>
    public Task Says(string selector, string text) => Assertions.Expect(Page.Locator(selector)).ToHaveTextAsync(text);

    /// <summary>How many there are, once they are as many.</summary>
    public Task Counts(string selector, int count) => Assertions.Expect(Page.Locator(selector)).ToHaveCountAsync(count);

    /// <summary>For people to look at: where JUNCTION_PICTURES names a folder.</summary>
    public async Task Photograph(string name)
    {
        if (Environment.GetEnvironmentVariable("JUNCTION_PICTURES") is { } folder) await Page.ScreenshotAsync(new() { Path = Path.Combine(folder, name), FullPage = true });
    }

    public async ValueTask DisposeAsync() => await Page.CloseAsync();
}
