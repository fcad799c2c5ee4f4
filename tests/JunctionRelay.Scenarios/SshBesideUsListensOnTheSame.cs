using System.Text;
using JunctionRelay.Scenarios.Harness;

namespace JunctionRelay.Scenarios;

/// <summary>
/// Each line of <c>Ssh/Golden/lines.txt</c>, given to the real ssh (with a real sshd at the other side) and to <c>junction forward</c>: both listen on the same addresses, here and
/// there, and fail in the same situations. What they did is kept in <c>Ssh/Golden/ssh.txt</c> (UPDATE_DOCS=1 writes it anew); lines on which they differ say why.
/// </summary>
public sealed class SshBesideUsListensOnTheSame
{
    private const string Golden = "tests/JunctionRelay.Tests/Ssh/Golden";
    private const string NamedFolder = "/tmp/jr-forward";
    private const string Differs = "# differs: ";

    [Fact]
    public async Task On_every_line_of_the_table()
    {
        var lines = Lines();
        Assert.True(lines.Count >= 40, $"only {lines.Count} lines");
        using var folder = new TemporaryFolder();
        using var authority = new TestCertificates(folder);
        await using var hosts = await NetworkNamespaces.Create();
        string[] names = ["10.95.0.2 far", "10.95.0.3 mid", "10.95.0.4 gate", "fd95::2 far", "fd95::3 mid", "fd95::4 gate"];
        var (near, far) = (await hosts.AddHost("near", names), await hosts.AddHost("far", names));
        await NetworkNamespaces.Connect(near, ["10.95.0.1/24", "fd95::1/64"], far, ["10.95.0.2/24", "10.95.0.3/24", "10.95.0.4/24", "fd95::2/64", "fd95::3/64", "fd95::4/64"]);
        // ssh's own default is to go on without what it could not have; the lines that ask for that say so.
        var reached = folder["reached"];
        await using var sshd = await SshServer.Start(far, folder, 22, "ExitOnForwardFailure yes", "PermitLocalCommand yes", $"LocalCommand touch {reached}");
        File.Copy(sshd.Key, folder["id"]);
        File.SetUnixFileMode(folder["id"], UnixFileMode.UserRead | UnixFileMode.UserWrite);
        await using var gate = await Junction(far, authority, "gate", 4);
        await using var mid = await Junction(far, authority, "mid", 3);
        await using var last = await Junction(far, authority, "far", 2);
        var identity = folder.Folder("identity");
        var files = authority.Issue("near");
        foreach (var (from, to) in new[] { (files.Certificate, "junction.crt"), (files.Key, "junction.key"), (authority.Trust, "ca.crt") })
            File.Copy(from, Path.Combine(identity, to));
        // 9999 is taken wherever anybody could want it, 9998 on one of two addresses.
        await using var taken = RealProgram.Start("python3", ["-c", Holder], new ProgramOptions { Host = near });
        await taken.Listening(9999);
        await using var takenThere = RealProgram.Start("python3", ["-c", Holder], new ProgramOptions { Host = far });
        await takenThere.Listening(9999);

        var before = await Listening();
        var table = new StringBuilder("# What ssh (OpenSSH) and junction forward did on each line of lines.txt: where they listened, near and far, or that they failed. Made by the scenario SshBesideUsListensOnTheSame.\n");
        var wrong = new List<string>();
        foreach (var (line, differs) in lines)
        {
            var words = line["ssh ".Length..].Replace(NamedFolder, folder.Path, StringComparison.Ordinal);
            string ours, theirs;
            await using (var forward = ForwardProcess.BeginShell(near, $"exec {JunctionProcess.Binary()} forward --identity {identity} {words}"))
            {
                await Deadline.Until(() => forward.IsReady || forward.Program.HasExited, Deadline.Start, $"junction forward is ready or fails: {line}", forward.Program.Said);
                ours = forward.IsReady ? await New() : "fails";
            }

            File.Delete(reached);
            await using (var ssh = RealProgram.Start("sh", ["-c", $"exec ssh -F {sshd.Config} {words}"], new ProgramOptions { Host = near }))
            {
                // It says when it is through with what is near; what is far comes a moment later, and is awaited by what it should be.
                await Deadline.Until(() => ssh.HasExited || File.Exists(reached), Deadline.Start, $"ssh is through, or fails: {line}", ssh.Said);
                theirs = ssh.HasExited ? "fails" : await New();
                for (var since = System.Diagnostics.Stopwatch.StartNew(); theirs != ours && !ssh.HasExited && since.Elapsed < TimeSpan.FromSeconds(differs is null ? 10 : 2);)
                    theirs = await New();
                if (ssh.HasExited)
                    theirs = "fails";
            }

            table.Append($"\n$ {line}\n").Append(ours == theirs ? $"both: {ours}\n" : $"ssh: {theirs}\njunction: {ours}\n{Differs}{differs}\n");
            if (ours == theirs != differs is null)
                wrong.Add($"{line}: ssh {theirs}, junction {ours}");
        }

        Assert.True(wrong.Count == 0, string.Join('\n', wrong));
        var path = Path.Combine(Root(), Golden, "ssh.txt");
        if (Environment.GetEnvironmentVariable("UPDATE_DOCS") == "1")
            File.WriteAllText(path, table.ToString());
        else
            Assert.Equal(File.ReadAllText(path), table.ToString());

        async Task<string> New()
        {
            var now = (await Listening()).Except(before).Select(a => a.Replace(folder.Path, NamedFolder, StringComparison.Ordinal)).Order(StringComparer.Ordinal);
            return string.Join(' ', now.DefaultIfEmpty("nothing"));
        }

        async Task<HashSet<string>> Listening()
        {
            var all = new HashSet<string>();
            foreach (var host in new[] { near, far })
            {
                foreach (var socket in (await RealProgram.Succeed("ss", ["-Hltn"], new ProgramOptions { Host = host })).Split('\n', StringSplitOptions.RemoveEmptyEntries))
                    all.Add($"{host.Name}:{socket.Split(' ', StringSplitOptions.RemoveEmptyEntries)[3].Replace("*:", "[::]:", StringComparison.Ordinal)}");
                foreach (var socket in (await RealProgram.Succeed("ss", ["-Hlx"], new ProgramOptions { Host = host })).Split('\n').Where(l => l.Contains(folder.Path, StringComparison.Ordinal)))
                    all.Add($"{host.Name}:{socket.Split(' ', StringSplitOptions.RemoveEmptyEntries)[4].Split('.')[0]}");
            }

            return all;
        }
    }

    private const string Holder = """
        import socket, signal
        held = []
        for family, address, port in ((socket.AF_INET, "0.0.0.0", 9999), (socket.AF_INET6, "::", 9999), (socket.AF_INET, "127.0.0.1", 9998)):
            s = socket.socket(family)
            if family == socket.AF_INET6: s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            s.bind((address, port))
            held.append(s)
        for s in reversed(held): s.listen(1)
        signal.pause()
        """;

    private static Task<JunctionProcess> Junction(Host host, TestCertificates authority, string name, int address) => JunctionProcess.Start($$"""
        { "identity": {{authority.Identity(name)}}, "linkListen": ["10.95.0.{{address}}:8443", "[fd95::{{address}}]:8443"],
          "services": { "onward": { "open": ["mid:8443", "far:8443"] } },
          "peers": { "near": { "services": ["*"], "listen": ["127.0.0.1:1024-65535", "[::1]:1024-65535"] } } }
        """, new ProgramOptions { Host = host });

    // A line, and why the two differ on it where they do.
    private static List<(string Line, string? Differs)> Lines()
    {
        var lines = new List<(string, string?)>();
        string? differs = null;
        foreach (var line in File.ReadAllLines(Path.Combine(Root(), Golden, "lines.txt")))
        {
            if (line.StartsWith(Differs, StringComparison.Ordinal))
                differs = line[Differs.Length..];
            else if (line.StartsWith("ssh ", StringComparison.Ordinal))
            {
                lines.Add((line, differs));
                differs = null;
            }
        }

        return lines;
    }

    private static string Root()
    {
        var directory = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(directory, "JunctionRelay.sln")))
            directory = Path.GetDirectoryName(directory) ?? throw new InvalidOperationException("There is no JunctionRelay.sln above the tests.");
        return directory;
    }
}
