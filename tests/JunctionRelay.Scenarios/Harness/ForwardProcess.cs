namespace JunctionRelay.Scenarios.Harness;

/// <summary>A <c>junction forward</c> that stays.</summary>
internal sealed class ForwardProcess : IAsyncDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly NotifySocket _notify;

    private ForwardProcess(Host host, string program, string[] words)
    {
        _notify = new NotifySocket(_folder["notify"]);
        Program = RealProgram.Start(
            program, words, new ProgramOptions { Host = host, Environment = new Dictionary<string, string> { ["NOTIFY_SOCKET"] = _notify.Path } });
    }

    public RealProgram Program { get; }

    /// <summary>It has told that everything it was asked for is there.</summary>
    public bool IsReady => _notify.Told.Contains("READY=1");

    /// <summary>Starts it and waits until it is ready.</summary>
    public static async Task<ForwardProcess> Start(Host host, params string[] words)
    {
        var forward = Begin(host, words);
        try
        {
            await Deadline.Until(() => forward.IsReady || forward.Program.HasExited, Deadline.Start, "junction forward is ready", forward.Program.Said);
            if (!forward.IsReady)
                Assert.Fail($"junction forward ended instead of starting: {await forward.Program.Exit(Deadline.Soon)}");
            return forward;
        }
        catch
        {
            await forward.DisposeAsync();
            throw;
        }
    }

    /// <summary>Starts it, whatever comes of it.</summary>
    public static ForwardProcess Begin(Host host, params string[] words) => new(host, JunctionProcess.Binary(), ["forward", .. words]);

    /// <summary>The same by a line for the shell.</summary>
    public static ForwardProcess BeginShell(Host host, string line) => new(host, "sh", ["-c", line]);

    /// <summary>SIGKILL: no word to anybody.</summary>
    public async Task Kill()
    {
        Program.Send(Signal.Kill);
        await Deadline.Until(() => Program.HasExited, Deadline.Soon, "the forward is gone");
    }

    public async ValueTask DisposeAsync()
    {
        await Program.DisposeAsync();
        await _notify.DisposeAsync();
        _folder.Dispose();
    }
}
