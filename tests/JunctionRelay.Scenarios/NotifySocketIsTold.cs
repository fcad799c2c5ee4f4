using JunctionRelay.Scenarios.Harness;

namespace JunctionRelay.Scenarios;

/// <summary>A service manager (systemd, Type=notify) hears when the junction serves and when it stops.</summary>
public sealed class NotifySocketIsTold
{
    [Fact]
    public async Task Ready_means_that_clients_are_served_and_stopping_is_said_before_the_end()
    {
        await using var echo = LoopbackServer.Echo();
        var port = FreePort.Next();
        await using var junction = await JunctionProcess.Start($$"""
            { "relays": { "r": { "listen": ["127.0.0.1:{{port}}"], "target": ["127.0.0.1:{{echo.Port}}"] } } }
            """);

        // Start has returned because of READY=1: no waiting, no second try.
        using (var client = await Loopback.Connect(port))
        {
            Assert.DoesNotContain("STOPPING=1", junction.Told);
            junction.Program.Send(Signal.Term);
            await Deadline.Until(() => junction.Told.Contains("STOPPING=1"), Deadline.Soon, "STOPPING=1", () => string.Join('\n', junction.Told));
            Assert.False(junction.Program.HasExited);
        }

        Assert.Equal(0, (await junction.Program.Exit(Deadline.Soon)).ExitCode);
        Assert.Single(junction.Told, t => t == "READY=1");
    }
}
