using System.Diagnostics;
using System.Globalization;

namespace JunctionRelay.App.Exec;

/// <summary>
/// Starts the agent of a job, a process of its own that is nobody's child: this process becomes the job, and a job that waits for all its children must not wait for ours.
/// </summary>
internal static class AgentProcess
{
    /// <summary>The hidden command that it runs.</summary>
    public const string Command = "exec-agent";

    /// <summary>An agent waits for its links for less.</summary>
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    /// <summary>Starts it with the options of this command line, and waits until it is ready or has given up.</summary>
    public static async Task<AgentReport> StartAsync(IEnumerable<string> options)
    {
        var program = Environment.ProcessPath!;
        // Under the SDK the program is a file that dotnet runs.
        string[] self = Path.GetFileNameWithoutExtension(program) == "dotnet" ? [program, "exec", Path.Combine(AppContext.BaseDirectory, "junction.dll")] : [program];
        var job = Environment.ProcessId.ToString(CultureInfo.InvariantCulture);
        // What a shell leaves behind in the background becomes init's, and reads nothing.
        var start = new ProcessStartInfo("/bin/sh", ["-c", "\"$@\" &", "sh", .. self, Command, "--job", job, .. options]) { RedirectStandardOutput = true };
        using var shell = Process.Start(start)!;
        using var limit = new CancellationTokenSource(Limit);
        try
        {
            var report = AgentReport.Read(await shell.StandardOutput.ReadLineAsync(limit.Token));
            await shell.WaitForExitAsync(limit.Token);
            return report ?? new AgentReport { Exit = CommandLine.ExitCodes.Failed };
        }
        catch (OperationCanceledException)
        {
            return new AgentReport { Exit = CommandLine.ExitCodes.Unavailable };
        }
    }
}
