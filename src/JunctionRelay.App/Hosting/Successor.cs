using System.Diagnostics;

namespace JunctionRelay.App.Hosting;

/// <summary>
/// SIGUSR2, as with nginx: starts the program that is installed now, with the command line that this process was started with, to take its place. A service manager that watches this
/// process is told to watch the other one once it serves.
/// </summary>
internal static class Successor
{
    private const string TakeoverOption = "--takeover";

    /// <summary>Starts it; null where this system cannot tell how we were started.</summary>
    /// <exception cref="System.ComponentModel.Win32Exception">It cannot be started.</exception>
    public static Process? Start()
    {
        if (!TakeoverSocket.IsSupported || File.ReadAllText("/proc/self/cmdline").Split('\0') is not [var name, .. var arguments, ""]) return null;
        var start = new ProcessStartInfo(Installed(name), arguments.Contains(TakeoverOption) ? arguments : [.. arguments, TakeoverOption]);
        // It is not the process that this one is about.
        start.Environment.Remove("WATCHDOG_PID");
        return Process.Start(start);
    }

    // By the name that we were called by: a link there may lead to another version by now, which our own file's path does not show.
    private static string Installed(string name)
    {
        if (name.Contains('/', StringComparison.Ordinal)) return Path.GetFullPath(name);
        var paths = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':', StringSplitOptions.RemoveEmptyEntries);
        return paths.Select(path => Path.Combine(path, name)).FirstOrDefault(File.Exists) ?? Environment.ProcessPath!;
    }
}
