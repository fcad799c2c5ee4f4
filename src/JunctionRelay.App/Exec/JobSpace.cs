using System.Diagnostics;
using System.Text;
using JunctionRelay.Licensing;

namespace JunctionRelay.App.Exec;

/// <summary>
/// Where a job runs: in a mount namespace of its own, in which the servers' names stand in <c>/etc/hosts</c>, made with util-linux because a process with threads cannot make one
/// (user_namespaces(7)). Its user keeps name and ids, and the capabilities of the namespace are dropped before the job begins. Or, where namespaces are forbidden, as it is.
/// </summary>
internal sealed record JobSpace(IReadOnlyList<string> Words, string? WhyNot)
{
    private static readonly TimeSpan ProbeLimit = TimeSpan.FromSeconds(10);

    private static readonly string[] Programs = ["unshare", "mount", "setpriv", "rm"];

    // Soft limit of descriptors in $2: the runtime raised ours.
    private const string Limit = "ulimit -S -n \"$2\" 2>/dev/null";

    /// <summary>The words before the job's own.</summary>
    /// <param name="names">The names to map; nothing to be mapped needs no namespace.</param>
    public static async Task<JobSpace> MakeAsync(IReadOnlyList<AgentName> names, uint user)
    {
        var limit = SoftLimit();
        string[] plain = [Executable.Find("sh") ?? "/bin/sh", "-c", $"{Limit}; shift 2; exec \"$@\"", "sh", "-", limit];
        if (names.Count == 0) return new JobSpace(plain, null);

        var missing = Programs.Where(p => Executable.Find(p) is null).ToList();
        if (missing.Count > 0) return new JobSpace(plain, $"{string.Join(" and ", missing)} (util-linux) {(missing.Count == 1 ? "is" : "are")} missing");
        if (!File.Exists("/etc/hosts")) return new JobSpace(plain, "there is no /etc/hosts that could be covered");

        // Only its user can look into it.
        var folder = Directory.CreateTempSubdirectory("junction-exec-").FullName;
        WriteFiles(folder, names);
        var why = "";
        foreach (var isRoot in user == 0 ? new[] { true, false } : [false])
        {
            string[] space = isRoot ? ["--mount"] : ["--user", "--map-current-user", "--keep-caps", "--mount"];
            // Mounts of the machine are still seen, home directories that come and go among them; ours is seen by nobody else.
            string[] words = [Executable.Find("unshare")!, .. space, "--propagation", "slave", "--", plain[0], "-c"];
            if (await ProbeAsync([.. words, $"{Mounts} && {Check}", "sh", folder, names[0].Name, names[0].Address]) is { } flaw)
            {
                why = flaw;
                continue;
            }

            var drop = isRoot ? "" : $"{Executable.Find("setpriv")} --inh-caps=-all --ambient-caps=-all -- ";
            // Covered files need no name any more: nothing is left behind, however the job ends.
            return new JobSpace([.. words, $"{Mounts} && {Executable.Find("rm")} -rf \"$1\" || exit 69; {Limit}; shift 2; exec {drop}{plain[0]} -c 'exec \"$@\"' sh \"$@\"", "sh", folder, limit], null);
        }

        Directory.Delete(folder, recursive: true);
        return new JobSpace(plain, why);
    }

    private static string Mounts
    {
        get
        {
            var bind = $"{Executable.Find("mount")} -n -o bind";
            // A cache of names does not know this job's; without its socket the files are read.
            return $"{bind} \"$1/hosts\" /etc/hosts && {{ [ ! -f \"$1/nsswitch.conf\" ] || {bind} \"$1/nsswitch.conf\" /etc/nsswitch.conf; }} && {{ [ ! -S /var/run/nscd/socket ] || {bind} \"$1/none\" /var/run/nscd/socket; }}";
        }
    }

    private const string Check =
        "{ ! command -v getent >/dev/null || { found=$(getent ahostsv4 \"$2\"); [ \"${found%%[[:space:]]*}\" = \"$3\" ]; } || { echo \"this machine looks names up elsewhere before its hosts file (/etc/nsswitch.conf)\" >&2; exit 1; }; }";

    private static void WriteFiles(string folder, IReadOnlyList<AgentName> names)
    {
        // First in the file wins.
        byte[] hosts = [.. Encoding.ASCII.GetBytes(HostsBlock.Of(names.Select(n => (n.Address, n.Name)))), .. File.ReadAllBytes("/etc/hosts")];
        File.WriteAllBytes(Path.Combine(folder, "hosts"), hosts);
        File.WriteAllText(Path.Combine(folder, "none"), "");
        if (Switch() is { } order) File.WriteAllText(Path.Combine(folder, "nsswitch.conf"), order);
        // Whatever the umask says: a root's job may become others.
        foreach (var file in Directory.GetFiles(folder))
        {
            if (!OperatingSystem.IsWindows()) File.SetUnixFileMode(file, Files.AtomicFile.Public);
        }
    }

    // nsswitch.conf with the files first, where it has them later; null where it is right.
    private static string? Switch()
    {
        const string File = "/etc/nsswitch.conf", Key = "hosts:";
        if (!System.IO.File.Exists(File)) return null;
        var lines = System.IO.File.ReadAllLines(File);
        var at = Array.FindIndex(lines, l => l.TrimStart().StartsWith(Key, StringComparison.Ordinal));
        if (at < 0 || lines[at].Trim()[Key.Length..].TrimStart().StartsWith("files", StringComparison.Ordinal)) return null;
        lines[at] = $"{Key} files {lines[at].Trim()[Key.Length..].Replace(" files", "", StringComparison.Ordinal).Trim()}";
        return string.Join('\n', lines) + "\n";
    }

    // Null when it works; else the first line of what is said.
    private static async Task<string?> ProbeAsync(string[] words)
    {
        var start = new ProcessStartInfo(words[0], words[1..]) { RedirectStandardOutput = true, RedirectStandardError = true };
        using var probe = Process.Start(start)!;
        using var limit = new CancellationTokenSource(ProbeLimit);
        try
        {
            var (output, error) = (probe.StandardOutput.ReadToEndAsync(limit.Token), probe.StandardError.ReadToEndAsync(limit.Token));
            await Task.WhenAll(output, error);
            await probe.WaitForExitAsync(limit.Token);
            return probe.ExitCode == 0 ? null : LicenseNames.Printable((await error).Trim().Split('\n')[0]);
        }
        catch (OperationCanceledException)
        {
            probe.Kill(entireProcessTree: true);
            return $"nothing came of it within {ProbeLimit.TotalSeconds:0} s";
        }
    }

    // That of whoever started us, as getrlimit(2) would have told before the runtime began.
    private static string SoftLimit()
    {
        const string Name = "Max open files";
        try
        {
            var parent = File.ReadAllText("/proc/self/stat");
            var id = parent[(parent.LastIndexOf(')') + 2)..].Split(' ')[1];
            var line = File.ReadAllLines($"/proc/{id}/limits").FirstOrDefault(l => l.StartsWith(Name, StringComparison.Ordinal));
            return line?[Name.Length..].Split(' ', StringSplitOptions.RemoveEmptyEntries)[0] ?? "-";
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return "-";
        }
    }
}
