using System.Globalization;
using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace JunctionRelay.App.Hosting;

/// <summary>
/// systemd's socket activation (sd_listen_fds(3)): LISTEN_FDS listening sockets from descriptor 3 on, meant for the process LISTEN_PID. So ports below 1024 need no right of ours, and a
/// client that comes while we start waits in the socket instead of being refused.
/// </summary>
internal static class SocketActivation
{
    private const int First = 3;

    /// <summary>More are no service manager's.</summary>
    private const int Most = 10_000;

    /// <summary>Takes them; what was said in the environment is not said to our children.</summary>
    public static IReadOnlyList<Socket> Take()
    {
        var (process, count) = (Environment.GetEnvironmentVariable("LISTEN_PID"), Environment.GetEnvironmentVariable("LISTEN_FDS"));
        foreach (var name in new[] { "LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES" }) Environment.SetEnvironmentVariable(name, null);
        if (!OperatingSystem.IsLinux() || process != Environment.ProcessId.ToString(CultureInfo.InvariantCulture) || !int.TryParse(count, NumberStyles.None, CultureInfo.InvariantCulture, out var sockets))
            return [];
        return [.. Enumerable.Range(First, Math.Min(sockets, Most)).Select(Socket).OfType<Socket>()];
    }

    private static Socket? Socket(int descriptor)
    {
        const int SetDescriptorFlags = 2;
        const int CloseOnExec = 1;
        try
        {
            _ = Control(descriptor, SetDescriptorFlags, CloseOnExec);
            var socket = new Socket(new SafeSocketHandle(descriptor, ownsHandle: true));
            if (socket.SocketType == SocketType.Stream && socket.LocalEndPoint is not null) return socket;
            socket.Dispose();
        }
        catch (SocketException)
        {
            // No socket at all.
        }

        return null;
    }

    [DllImport("libc", EntryPoint = "fcntl")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Control(int descriptor, int command, int argument);
}
