using System.Globalization;
using JunctionRelay.Scenarios.Harness;

namespace JunctionRelay.Scenarios;

/// <summary>A hook that keeps running is started when it is first asked, again when it has died, and never outlives its junction.</summary>
public sealed class HookWorkersEndWithTheirJunction : IAsyncLifetime
{
    private readonly TemporaryFolder _folder = new();
    private readonly LoopbackServer _server = LoopbackServer.Echo();
    private readonly int _port = FreePort.Next();
    private JunctionProcess? _junction;

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    public async ValueTask DisposeAsync()
    {
        if (_junction is not null)
            await _junction.DisposeAsync();
        await _server.DisposeAsync();
        _folder.Dispose();
    }

    [Fact]
    public async Task One_that_was_killed_is_started_anew()
    {
        await Start("");
        Assert.Empty(Workers());
        await Loopback.EchoThrough(_port, 1000);
        await Loopback.EchoThrough(_port, 1000);
        var first = Assert.Single(Workers());
        RealProgram.Send(first, Signal.Kill);
        await Deadline.Until(() => !IsAlive(first), Deadline.Soon, "the worker is dead");
        await Loopback.EchoThrough(_port, 1000);
        Assert.Equal(2, Workers().Count);
        Assert.True(IsAlive(Workers()[1]));
    }

    // A worker's input ends with its junction, also with one that is killed. One that does not mind is killed by a junction that can.
    [Theory]
    [InlineData(nameof(Signal.Term), "import time; time.sleep(1000)")]
    [InlineData(nameof(Signal.Kill), "")]
    public async Task None_is_left(string signal, string afterItsInput)
    {
        await Start(afterItsInput);
        await Loopback.EchoThrough(_port, 1000);
        var worker = Assert.Single(Workers());
        _junction!.Program.Send(Enum.Parse<Signal>(signal));
        await _junction.Program.Exit(Deadline.Start);
        await Deadline.Until(() => !IsAlive(worker), Deadline.Soon, $"the worker {worker} is gone");
    }

    private async Task Start(string afterItsInput)
    {
        var hook = _folder.Write("hook", $$"""
            #!/usr/bin/env python3
            import os, sys
            with open("{{_folder["workers"]}}", "a") as file:
                print(os.getpid(), file=file)
            for line in sys.stdin:
                print('{"allow": true}', flush=True)
            {{afterItsInput}}

            """);
        File.SetUnixFileMode(hook, UnixFileMode.UserRead | UnixFileMode.UserExecute);
        _junction = await JunctionProcess.Start($$"""
            { "relays": { "echo": {
                "listen": ["127.0.0.1:{{_port}}"], "target": ["127.0.0.1:{{_server.Port}}"], "healthInterval": "0", "auth": { "exec": "{{hook}}", "worker": true, "timeout": "30s" } } } }
            """);
    }

    // The process ids of all that were started.
    private List<int> Workers() => File.Exists(_folder["workers"]) ? [.. File.ReadAllLines(_folder["workers"]).Select(l => int.Parse(l, CultureInfo.InvariantCulture))] : [];

    private static bool IsAlive(int process)
    {
        try
        {
            return !File.ReadAllText($"/proc/{process}/stat").Contains(") Z ", StringComparison.Ordinal);
        }
        catch (IOException)
        {
            return false;
        }
    }
}
