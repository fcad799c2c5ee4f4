using System.Runtime.InteropServices;
using System.Text;

namespace JunctionRelay.App.Exec;

/// <summary>
/// This process becomes another program, as by a shell's <c>exec</c>: who started it sees the job itself, with its process id, terminal, signals and exit code. Words and variables are handed on
/// byte for byte, whatever their encoding.
/// </summary>
internal static class Takeover
{
    private const int BrokenPipe = 13;   // SIGPIPE

    /// <summary>Does not return when it goes well.</summary>
    /// <param name="program">The full path of the program.</param>
    /// <param name="words">Its words, the first one for its name.</param>
    /// <param name="job">How many words at the end of this process's own command line follow.</param>
    /// <param name="variables">What is set over this process's environment.</param>
    /// <returns>The error number.</returns>
    public static int Become(string program, IReadOnlyList<string> words, int job, IReadOnlyDictionary<string, string> variables)
    {
        var all = words.Select(Encoding.UTF8.GetBytes).Concat(Strings("/proc/self/cmdline").TakeLast(job));
        var environment = Strings("/proc/self/environ").Where(v => !variables.Keys.Any(name => v.AsSpan().StartsWith(Encoding.UTF8.GetBytes($"{name}="))))
            .Concat(variables.Select(v => Encoding.UTF8.GetBytes($"{v.Key}={v.Value}")));
        // The runtime ignores it, and what is ignored stays ignored.
        _ = Signal(BrokenPipe, 0);
        _ = Execute(Terminated(Encoding.UTF8.GetBytes(program)), Pointers(all), Pointers(environment));
        return Marshal.GetLastPInvokeError();
    }

    /// <summary>Leaves the session of the job: its terminal's keys and its end of session are for the job.</summary>
    public static void LeaveSession() => _ = NewSession();

    /// <summary>The effective user id.</summary>
    public static uint UserId => EffectiveUser();

    private static List<byte[]> Strings(string file)
    {
        var strings = new List<byte[]>();
        var rest = File.ReadAllBytes(file).AsSpan();
        while (rest.IndexOf((byte)0) is >= 0 and var end)
        {
            strings.Add(rest[..end].ToArray());
            rest = rest[(end + 1)..];
        }

        return strings;
    }

    // Freed with the process.
    private static nint[] Pointers(IEnumerable<byte[]> strings) => [.. strings.Select(text =>
    {
        var pointer = Marshal.AllocHGlobal(text.Length + 1);
        Marshal.Copy(Terminated(text), 0, pointer, text.Length + 1);
        return pointer;
    }), 0];

    private static byte[] Terminated(byte[] text) => [.. text, 0];

    [DllImport("libc", EntryPoint = "execve", SetLastError = true), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Execute(byte[] path, nint[] words, nint[] environment);

    [DllImport("libc", EntryPoint = "signal"), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern nint Signal(int number, nint handler);

    [DllImport("libc", EntryPoint = "setsid"), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int NewSession();

    [DllImport("libc", EntryPoint = "geteuid"), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern uint EffectiveUser();
}
