using System.Diagnostics;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Text;

namespace JunctionRelay.App.Ssh;

/// <summary>ssh's -f: the command returns when everything listens, and a child goes on. The child says that it is ready as it would to a service manager.</summary>
internal static class Background
{
    /// <summary>Starts this program anew with these words; returns 0 when it is ready, or its exit code when it ended instead.</summary>
    public static async Task<int> RunAsync(IReadOnlyList<string> words)
    {
        var folder = Directory.CreateTempSubdirectory("junction-");
        try
        {
            var path = Path.Combine(folder.FullName, "ready");
            using var ready = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
            ready.Bind(new UnixDomainSocketEndPoint(path));
            using var child = Process.Start(Start(words, path))!;
            child.StandardInput.Close();
            var told = Encoding.ASCII.GetBytes("READY=1");
            var buffer = new byte[256];
            var exit = child.WaitForExitAsync();
            while (true)
            {
                var message = ready.ReceiveAsync(buffer);
                if (await Task.WhenAny(exit, message) == exit) return child.ExitCode;
                if (buffer.AsSpan(0, await message).SequenceEqual(told)) return 0;
            }
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    /// <summary>In the child: leaves the terminal, so that neither its end nor its interrupt key ends us.</summary>
    public static void LeaveTerminal()
    {
        if (!OperatingSystem.IsWindows()) _ = SetSid();
    }

    private static ProcessStartInfo Start(IReadOnlyList<string> words, string path)
    {
        var program = Environment.ProcessPath!;
        // Under the SDK the program is a file that dotnet runs.
        string[] prefix = Path.GetFileNameWithoutExtension(program) == "dotnet" ? ["exec", Environment.GetCommandLineArgs()[0]] : [];
        var start = new ProcessStartInfo(program, [.. prefix, .. words]) { RedirectStandardInput = true };
        start.Environment["NOTIFY_SOCKET"] = path;
        return start;
    }

    [DllImport("libc", EntryPoint = "setsid")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int SetSid();
}
