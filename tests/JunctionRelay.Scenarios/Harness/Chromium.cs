using Microsoft.Playwright;

namespace JunctionRelay.Scenarios.Harness;

/// <summary>The system's chromium without a screen, started once for all pages of a class: a browser takes longer to start than a page to be looked at.</summary>
public sealed class Chromium : IAsyncLifetime
{
    /// <summary>For whatever a page is asked: a browser beside other processes on two cores has its turn late.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(1);

    private IPlaywright? _playwright;

    internal IBrowser Browser { get; private set; } = null!;

    public async ValueTask InitializeAsync()
    {
        _playwright = await Playwright.CreateAsync();
        Assertions.SetDefaultExpectTimeout((float)Patience.TotalMilliseconds);
        // The sandbox needs what root in a container has not; nothing but our own page is shown.
        Browser = await _playwright.Chromium.LaunchAsync(new() { ExecutablePath = "/usr/bin/chromium", Args = ["--no-sandbox"], Timeout = (float)Patience.TotalMilliseconds });
    }

    /// <summary>A page with cookies, storage and a screen of its own.</summary>
    internal async Task<IPage> NewPage(int width, int height, ColorScheme scheme)
    {
        var page = await Browser.NewPageAsync(new() { ViewportSize = new() { Width = width, Height = height }, ColorScheme = scheme, IsMobile = width < 600 });
        page.SetDefaultTimeout((float)Patience.TotalMilliseconds);
        return page;
    }

    public async ValueTask DisposeAsync()
    {
        if (Browser is not null)
            await Browser.DisposeAsync();
        _playwright?.Dispose();
    }
}
