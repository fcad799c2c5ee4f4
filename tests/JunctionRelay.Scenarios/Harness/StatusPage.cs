using System.Collections.Concurrent;
using Microsoft.Playwright;

namespace JunctionRelay.Scenarios.Harness;

/// <summary>The status page of a junction in the system's chromium, without a screen. What it asks for elsewhere, and what it complains of, is kept.</summary>
internal sealed class StatusPage : IAsyncDisposable
{
    private readonly IPlaywright _playwright;
    private readonly IBrowser _browser;

    private StatusPage(IPlaywright playwright, IBrowser browser, IPage page) => (_playwright, _browser, Page) = (playwright, browser, page);

    public IPage Page { get; }

    /// <summary>Errors and warnings of its console, and exceptions that nobody caught.</summary>
    public ConcurrentQueue<string> Complaints { get; } = new();

    /// <summary>Addresses that it asked for.</summary>
    public ConcurrentQueue<string> Asked { get; } = new();

    /// <summary>Opens the page of the admin endpoint at this port, and waits for its first frame.</summary>
    public static async Task<StatusPage> Open(int port, int width = 1360, int height = 900, ColorScheme scheme = ColorScheme.Light)
    {
        var playwright = await Playwright.CreateAsync();
        // The sandbox needs what root in a container has not; nothing but our own page is shown.
        var browser = await playwright.Chromium.LaunchAsync(new() { ExecutablePath = "/usr/bin/chromium", Args = ["--no-sandbox"] });
        var page = await browser.NewPageAsync(new() { ViewportSize = new() { Width = width, Height = height }, ColorScheme = scheme, IsMobile = width < 600 });
        var status = new StatusPage(playwright, browser, page);
        page.Console += (_, message) => { if (message.Type is "error" or "warning") status.Complaints.Enqueue(message.Text); };
        page.PageError += (_, error) => status.Complaints.Enqueue(error);
        page.Request += (_, request) => status.Asked.Enqueue(request.Url);
        await page.GotoAsync($"http://127.0.0.1:{port}/", new() { WaitUntil = WaitUntilState.DOMContentLoaded });
        await page.Locator("#live.is-live").WaitForAsync();
        return status;
    }

    /// <summary>Waits until an element says this.</summary>
    public Task Says(string selector, string text) => Assertions.Expect(Page.Locator(selector)).ToHaveTextAsync(text, new() { Timeout = (float)Deadline.Start.TotalMilliseconds });

    /// <summary>How many there are, once they are as many.</summary>
    public Task Counts(string selector, int count) => Assertions.Expect(Page.Locator(selector)).ToHaveCountAsync(count, new() { Timeout = (float)Deadline.Start.TotalMilliseconds });

    public async ValueTask DisposeAsync()
    {
        await _browser.DisposeAsync();
        _playwright.Dispose();
    }
}
