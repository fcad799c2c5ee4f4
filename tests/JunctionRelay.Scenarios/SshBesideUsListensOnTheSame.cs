using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Net;
using JunctionRelay.Scenarios.Harness;

namespace JunctionRelay.Scenarios;

/// <summary>
/// Each line of <c>Ssh/Golden/lines.txt</c>, given to the real ssh (with a real sshd at the other side) and to <c>junction forward</c>: both listen on the same addresses, here and
/// there, and fail in the same situations. What they did is kept in <c>Ssh/Golden/ssh.txt</c> (UPDATE_DOCS=1 writes it anew); lines on which they differ say why.
/// </summary>
public sealed class SshBesideUsListensOnTheSame
{
    private const string Golden = "tests/JunctionRelay.Tests/Ssh/Golden";
    private const string Head = "# What ssh (OpenSSH) and junction forward did on each line of lines.txt: where they listened, near and far, or that they failed. Made by the scenario SshBesideUsListensOnTheSame.\n";
    private const string Fails = "fails";
    private const string Differs = "# differs: ";

    // Two lines at a time, and each for ssh and for us at once: what waits for one leaves the processors to the others.
    private const int Lanes = 2;

    [Fact]
    public async Task On_every_line_of_the_table()
    {
        var lines = Lines();
        Assert.True(lines.Count >= 40, $"only {lines.Count} lines");
        await using var hosts = await NetworkNamespaces.Create();
        var isNew = Environment.GetEnvironmentVariable("UPDATE_DOCS") == "1";
        // Each line costs a second of a processor: in CI one of three, in the release check all.
        var todo = new ConcurrentQueue<int>(Enumerable.Range(0, lines.Count).Where(i => isNew || Scale.Of(ci: i % 3 == 0, full: true)));
        var (sections, wrong) = (new string?[lines.Count], new ConcurrentQueue<string>());
        await Task.WhenAll(Enumerable.Range(0, Lanes).Select(async lane =>
        {
            await using var ssh = await ForwardingSide.Lay(hosts, $"s{lane}");
            await ssh.StartSshd();
            await using var junction = await ForwardingSide.Lay(hosts, $"j{lane}");
            await junction.StartJunctions();
            while (todo.TryDequeue(out var index))
            {
                var (line, differs) = lines[index];
                var words = line["ssh ".Length..];
                var ours = junction.ByJunction(words);
                var (was, expected) = (await ssh.BySsh(words, ours, differs is null), await ours);
                sections[index] = $"\n$ {line}\n" + (was == expected ? $"both: {was}\n" : $"ssh: {was}\njunction: {expected}\n{Differs}{differs}\n");
                if (was == expected != differs is null)
                    wrong.Enqueue($"{line}: ssh {was}, junction {expected}");
            }
        }));

        Assert.True(wrong.IsEmpty, string.Join('\n', wrong));
        var path = Repository.File($"{Golden}/ssh.txt");
        if (isNew)
            await File.WriteAllTextAsync(path, Head + string.Concat(sections));
        var table = await File.ReadAllTextAsync(path);
        Assert.Equal(lines.Select(l => $"$ {l.Line}"), table.Split('\n').Where(l => l.StartsWith('$')));
        Assert.All(sections.OfType<string>(), section => Assert.Contains(section, table, StringComparison.Ordinal));
    }

    // A line, and why the two differ on it where they do.
    private static List<(string Line, string? Differs)> Lines()
    {
        var lines = new List<(string, string?)>();
        string? differs = null;
        foreach (var line in File.ReadAllLines(Repository.File($"{Golden}/lines.txt")))
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

    /// <summary>A near host and a far one of several names, and who listens where on them.</summary>
    private sealed class ForwardingSide : IAsyncDisposable
    {
        // What the lines call it, since a golden file cannot know a temporary folder.
        private const string NamedFolder = "/tmp/jr-forward";
        private const string Socket = ".sock";

        // 9999 is taken wherever anybody could want it, 9998 on one of two addresses.
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

        private readonly TemporaryFolder _folder = new();
        private readonly List<IAsyncDisposable> _owned = [];
        private readonly List<RealProgram> _holders = [];
        private readonly Host _near;
        private readonly Host _far;
        private HashSet<string> _before = [];
        private string _settings = "";

        private ForwardingSide(Host near, Host far) => (_near, _far) = (near, far);

        private string Reached => _folder["reached"];

        public static async Task<ForwardingSide> Lay(NetworkNamespaces hosts, string lane)
        {
            string[] names = ["10.95.0.2 far", "10.95.0.3 mid", "10.95.0.4 gate", "fd95::2 far", "fd95::3 mid", "fd95::4 gate"];
            var side = new ForwardingSide(await hosts.AddHost($"near{lane}", names), await hosts.AddHost($"far{lane}", names));
            await NetworkNamespaces.Connect(side._near, ["10.95.0.1/24", "fd95::1/64"], side._far, ["10.95.0.2/24", "10.95.0.3/24", "10.95.0.4/24", "fd95::2/64", "fd95::3/64", "fd95::4/64"]);
            foreach (var host in new[] { side._near, side._far })
            {
                var holder = RealProgram.Start("python3", ["-c", Holder], new ProgramOptions { Host = host });
                side._owned.Add(holder);
                side._holders.Add(holder);
                await holder.Listening(9999);
            }

            return side;
        }

        /// <summary>Has a real sshd at the far host.</summary>
        public async Task StartSshd()
        {
            // ssh's own default is to go on without what it could not have; the lines that ask for that say so.
            var sshd = await SshServer.Start(_far, _folder, 22, "ExitOnForwardFailure yes", "PermitLocalCommand yes", $"LocalCommand touch {Reached}");
            _owned.Add(sshd);
            _settings = $"-F {sshd.Config}";
            Private(sshd.Key, _folder["id"]);
            _before = Listening();
        }

        /// <summary>Has a junction at each name of the far host.</summary>
        public async Task StartJunctions()
        {
            using var authority = new TestCertificates(_folder);
            var names = new[] { ("far", 2), ("mid", 3), ("gate", 4) };
            foreach (var junction in await Task.WhenAll(names.Select(n => JunctionProcess.Start($$"""
                { "identity": {{authority.Identity(n.Item1)}}, "linkListen": ["10.95.0.{{n.Item2}}:8443", "[fd95::{{n.Item2}}]:8443"],
                  "services": { "onward": { "open": ["mid:8443", "far:8443"] } },
                  "peers": { "near": { "services": ["*"], "listen": ["127.0.0.1:1024-65535", "[::1]:1024-65535"] } } }
                """, new ProgramOptions { Host = _far }))))
                _owned.Add(junction);
            var (identity, files) = (_folder.Folder("identity"), authority.Issue("near"));
            foreach (var (from, to) in new[] { (files.Certificate, "junction.crt"), (files.Key, "junction.key"), (authority.Trust, "ca.crt") })
                File.Copy(from, Path.Combine(identity, to));
            Private(files.Key, _folder["id"]);
            _settings = $"--identity {identity}";
            _before = Listening();
        }

        /// <summary>Where <c>junction forward</c> listens with these words, or that it fails.</summary>
        public async Task<string> ByJunction(string words)
        {
            await using var forward = ForwardProcess.BeginShell(_near, $"exec {JunctionProcess.Binary()} forward {_settings} {In(words)}");
            await Deadline.Until(() => forward.IsReady || forward.Program.HasExited, Deadline.Start, $"junction forward is ready or fails: {words}", forward.Program.Said);
            return forward.IsReady ? New() : Fails;
        }

        /// <summary>Where ssh does. It says when it is through with what is near; what is far comes a moment later, and is awaited by what it should be.</summary>
        public async Task<string> BySsh(string words, Task<string> expected, bool isSame)
        {
            File.Delete(Reached);
            await using var ssh = RealProgram.Start("sh", ["-c", $"exec ssh {_settings} {In(words)}"], new ProgramOptions { Host = _near });
            await Deadline.Until(() => ssh.HasExited || File.Exists(Reached), Deadline.Start, $"ssh is through, or fails: {words}", ssh.Said);
            var (listens, wanted) = ("", await expected);
            for (var since = Stopwatch.StartNew(); !ssh.HasExited && since.Elapsed < (isSame ? Deadline.Soon : TimeSpan.FromSeconds(2));)
            {
                listens = New();
                if (listens == wanted) break;
                await Task.Delay(20);
            }

            return ssh.HasExited ? Fails : listens;
        }

        public async ValueTask DisposeAsync()
        {
            foreach (var owned in Enumerable.Reverse(_owned)) await owned.DisposeAsync();
            _folder.Dispose();
        }

        private string In(string words) => words.Replace(NamedFolder, _folder.Path, StringComparison.Ordinal);

        private string New()
        {
            var now = Listening().Except(_before).Order(StringComparer.Ordinal);
            return string.Join(' ', now.DefaultIfEmpty("nothing"));
        }

        // As the kernel tells it to a process there: hundreds of looks that start no program.
        private HashSet<string> Listening()
        {
            const string ListeningTcp = "0A", ListeningUnix = "00010000";
            var all = new HashSet<string>();
            foreach (var (holder, name) in new[] { (_holders[0], "near"), (_holders[1], "far") })
            {
                foreach (var fields in Table(holder, "tcp").Concat(Table(holder, "tcp6")).Where(f => f[3] == ListeningTcp))
                    all.Add($"{name}:{EndPointOf(fields[1])}");
                foreach (var path in Table(holder, "unix").Where(f => f.Length > 7 && f[3] == ListeningUnix).Select(f => f[7]).Where(p => p.StartsWith(_folder.Path, StringComparison.Ordinal)))
                    // Who binds under a name of its own first, and then renames, is seen under that.
                    all.Add($"{name}:{NamedFolder}{path.AsSpan(_folder.Path.Length, path.IndexOf(Socket, StringComparison.Ordinal) + Socket.Length - _folder.Path.Length)}");
            }

            return all;
        }

        private static IEnumerable<string[]> Table(RealProgram there, string name) =>
            File.ReadLines($"/proc/{there.ProcessId}/net/{name}").Skip(1).Select(l => l.Split(' ', StringSplitOptions.RemoveEmptyEntries));

        // Words of 32 bits, each in this machine's order.
        private static IPEndPoint EndPointOf(string text)
        {
            var (address, port) = (Convert.FromHexString(text.Split(':')[0]), text.Split(':')[1]);
            for (var i = 0; i < address.Length; i += sizeof(uint))
                Array.Reverse(address, i, sizeof(uint));
            return new IPEndPoint(new IPAddress(address), int.Parse(port, NumberStyles.HexNumber, CultureInfo.InvariantCulture));
        }

        // ssh takes no key that others may read.
        private static void Private(string from, string to)
        {
            File.Copy(from, to);
            File.SetUnixFileMode(to, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        }
    }
}
