using System.Diagnostics;
using System.Runtime.InteropServices;

namespace JunctionRelay.Tests.Harness;

/// <summary>The program as people start it: a process of its own, with an environment in which nothing configures it.</summary>
public static class JunctionProgram
{
    public static async Task<(int Exit, string Output, string Error)> RunAsync(params IEnumerable<string> arguments)
    {
        var start = new ProcessStartInfo(Path.Combine(RuntimeEnvironment.GetRuntimeDirectory(), "../../../dotnet")) { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var argument in arguments.Prepend(Path.Combine(AppContext.BaseDirectory, "junction.dll")).Prepend("exec")) start.ArgumentList.Add(argument);
        // Those of a test run among them.
        foreach (var name in start.Environment.Keys.Where(n => n.StartsWith("JUNCTION_", StringComparison.OrdinalIgnoreCase)).ToList()) start.Environment.Remove(name);
        using var process = Process.Start(start)!;
        var (output, error) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        try
        {
            await process.WaitForExitAsync().WaitAsync(Eventually.Deadline);
        }
        finally
        {
            if (!process.HasExited) process.Kill();
        }

        return (process.ExitCode, await output, await error);
    }
}
