namespace JunctionRelay.Scenarios.Harness;

/// <summary>A junction with three relays, one of them to nobody.</summary>
internal sealed class PageRig : IAsyncDisposable
{
    private readonly LoopbackServer _echo;
    private readonly JunctionProcess _junction;

    private PageRig(LoopbackServer echo, JunctionProcess junction, int admin, int relay, int other, int dead) =>
        (_echo, _junction, Admin, Relay, Other, Dead) = (echo, junction, admin, relay, other, dead);

    public int Admin { get; }
    public int Relay { get; }
    public int Other { get; }
    public int Dead { get; }

    public static async Task<PageRig> Start(int? adminAt = null)
    {
        var echo = LoopbackServer.Echo();
        int admin = adminAt ?? FreePort.Next(), relay = FreePort.Next(), other = FreePort.Next(), dead = FreePort.Next();
        var junction = await JunctionProcess.Start($$"""
            {
              "name": "cloud", "admin": { "listen": "127.0.0.1:{{admin}}" },
              "relays": {
                "lic": { "listen": ["127.0.0.1:{{relay}}"], "target": ["127.0.0.1:{{echo.Port}}"] },
                "other": { "listen": ["127.0.0.1:{{other}}"], "target": ["127.0.0.1:{{echo.Port}}"] },
                "dead": { "listen": ["127.0.0.1:{{dead}}"], "target": ["127.0.0.1:1"], "healthInterval": "0" }
              }
            }
            """);
        await junction.Line("admin endpoint listens");
        return new PageRig(echo, junction, admin, relay, other, dead);
    }

    public async ValueTask DisposeAsync()
    {
        await _junction.DisposeAsync();
        await _echo.DisposeAsync();
    }
}
