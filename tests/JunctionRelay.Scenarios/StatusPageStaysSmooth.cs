using System.Net.Sockets;
using JunctionRelay.Scenarios.Harness;

namespace JunctionRelay.Scenarios;

/// <summary>The status page in a real browser, with so much on it that a page which drew everything would stutter.</summary>
[Collection(Alone.Name)]
public sealed class StatusPageStaysSmooth(Chromium browser, ITestOutputHelper output) : IClassFixture<Chromium>
{
    [Fact]
    public async Task Two_thousand_connections_stay_smooth()
    {
        const int Many = 2000;
        await using var junction = await PageRig.Start();
        await using var page = await StatusPage.Open(browser, junction.Admin);
        var clients = new List<Socket>();
        try
        {
            for (var i = 0; i < Many; i++) clients.Add(await Loopback.Connect(junction.Relay));
            await page.Says("#holds-count", "2,000 connections");
            // All of them speak in every second, so that every row changes.
            using var stop = new CancellationTokenSource();
            var speaking = Speak(clients, stop.Token);
            var (median, most) = (double.MaxValue, double.MaxValue);
            // A shared machine has its own pauses: the longest says nothing, but nine in ten pictures come soon after each other, in one of a few looks.
            for (var look = 0; look < 4 && (median > 50 || most > 150); look++)
            {
                var gaps = await page.Page.EvaluateAsync<double[]>("""
                    () => new Promise(done => {
                      const gaps = [], box = document.querySelector("#connections .scroll");
                      let last = performance.now(), end = last + 3000, step = 0;
                      (function frame(now) {
                        gaps.push(now - last); last = now;
                        box.scrollTop = (step += 400) % box.scrollHeight;
                        if (now < end) requestAnimationFrame(frame); else done(gaps.slice(1));
                      })(last);
                    })
                    """);
                Array.Sort(gaps);
                (median, most) = (gaps[gaps.Length / 2], gaps[gaps.Length * 9 / 10]);
                output.WriteLine($"{gaps.Length} pictures in 3 s: median {median:0} ms, 90% {most:0} ms, longest {gaps[^1]:0} ms between two");
            }

            await stop.CancelAsync();
            await speaking;
            Assert.InRange(median, 0, 50);
            Assert.InRange(most, 0, 150);
            Assert.InRange(await page.Page.Locator("#connections .row").CountAsync(), 10, 60);
            Assert.Empty(page.Complaints);
        }
        finally
        {
            foreach (var client in clients) client.Dispose();
        }
    }

    private static async Task Speak(List<Socket> clients, CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            foreach (var client in clients) await client.SendAsync(new byte[10], CancellationToken.None);
            await Task.Delay(500, CancellationToken.None);
        }
    }
}
