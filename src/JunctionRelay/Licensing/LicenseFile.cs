using System.Globalization;

namespace JunctionRelay.Licensing;

/// <summary>Whose license server it is.</summary>
internal enum LicenseKind
{
    /// <summary>lmgrd and vendor daemons.</summary>
    FlexNet,
    /// <summary>Reprise: rlm and ISV servers.</summary>
    Rlm,
    /// <summary>One port, one server.</summary>
    Sentieon,
}

/// <summary>A SERVER line (RLM: HOST or SERVER), without its hostid.</summary>
/// <param name="Line">Where it stands, from 1.</param>
/// <param name="Host">A host name or address, as written.</param>
/// <param name="Port">Null: none is given.</param>
/// <param name="Tail">The options behind the port, as written: for the line that mends it.</param>
/// <param name="Keyword">What the line begins with, in capitals.</param>
internal sealed record LicenseServerLine(int Line, string Host, int? Port, string Tail, string Keyword);

/// <summary>A VENDOR or DAEMON line (RLM: ISV).</summary>
/// <param name="Line">Where it stands, from 1.</param>
/// <param name="Name">The daemon's name.</param>
/// <param name="Port">Null: the system picks another one at every start.</param>
/// <param name="Text">The line as written; of what was meant for a port and is none, without that.</param>
/// <param name="Meant">The port that was meant, where it stands where no port is read.</param>
internal sealed record LicenseDaemonLine(int Line, string Name, int? Port, string Text, int? Meant = null);

/// <summary>Something that will bite, and the line that mends it.</summary>
/// <param name="Where">File and line, or the option that it is about.</param>
/// <param name="What">What is wrong, and what comes of it.</param>
/// <param name="Change">The line to write in its place, or null where no line of the file is to change.</param>
internal sealed record LicenseRemark(string Where, string What, string? Change = null);

/// <summary>
/// What a license file says about where its server is. Hostids are read over and FEATURE, INCREMENT and LICENSE lines never get here, so that nothing of
/// either can reach a configuration, a log or a terminal.
/// </summary>
/// <remarks>
/// <code>
/// SERVER host hostid [port] [PRIMARY_IS_MASTER] [HEARTBEAT_INTERVAL=seconds] [PLAT=n]       port: 27000, PORT=27000, in old files TCP:27000
/// VENDOR name [path] [[OPTIONS=]file] [[PORT=]n]                                            before version 6: DAEMON
/// USE_SERVER                                                                                clients use the SERVER lines before it and nothing else
/// HOST host hostid [port]                                                                   RLM, where SERVER says the same
/// ISV name [path [options [port]]] [binary=path] [options=file] [port=n]                    RLM
/// </code>
/// Sources: Revenera's License Administration Guide (SERVER_Lines.htm, VENDOR_Lines.htm, License_File_Format_Overview.htm); Reprise's License Administration
/// manual, "HOST line" and "ISV line".
/// </remarks>
internal sealed record LicenseFile
{
    /// <summary>Where it came from, for people.</summary>
    public required string Name { get; init; }

    public required LicenseKind Kind { get; init; }

    /// <summary>In the order of the file, each once; of those behind USE_SERVER none.</summary>
    public required IReadOnlyList<LicenseServerLine> Servers { get; init; }

    /// <summary>In the order of the file, each name once.</summary>
    public required IReadOnlyList<LicenseDaemonLine> Daemons { get; init; }

    /// <summary>Lines that look like one of those above and are none.</summary>
    public required IReadOnlyList<LicenseRemark> Remarks { get; init; }

    /// <summary>Reads a file; the second is what keeps it from being one.</summary>
    public static (LicenseFile? File, string? Problem) Parse(string name, ReadOnlySpan<byte> bytes)
    {
        var (lines, problem) = LicenseText.Read(bytes);
        if (problem is not null)
            return (null, problem);

        var split = lines.Select(l => (Line: l, Words: l.Words())).ToList();
        // RLM's own words are words of prose, too ("Host ID: …"), and its HOST may be called SERVER: an ISV line tells where no daemon of FlexNet's is named, else
        // a HOST line where there is no SERVER line.
        var kind = (Any("ISV") && !Any("VENDOR") && !Any("DAEMON")) || (Any("HOST") && !Any("SERVER")) ? LicenseKind.Rlm : LicenseKind.FlexNet;
        var reader = new LineReader(name, kind);
        foreach (var (line, words) in split)
            reader.Read(line, words);
        if (reader.Servers.Count == 0)
        {
            var swallowing = lines.FirstOrDefault(l => l.Swallowed is not null);
            return (null, swallowing.Swallowed is { } swallowed
                ? $"has no SERVER line of its own: line {swallowing.Number} goes on in line {swallowed}; take away the \\ before it"
                : "has no SERVER line: a license that no server hands out needs no relay");
        }

        return (new LicenseFile { Name = name, Kind = kind, Servers = reader.Servers, Daemons = reader.Daemons, Remarks = reader.Remarks }, null);

        bool Any(string keyword) => split.Exists(l => Is(l.Words, keyword));
    }

    private static bool Is(IReadOnlyList<string> words, string keyword) => words.Count > 0 && words[0].Equals(keyword, StringComparison.OrdinalIgnoreCase);

    private sealed class LineReader(string file, LicenseKind kind)
    {
        private const int LongestShown = 11;   // PORT=999999; a hostid has at least 8 characters

        private readonly (string[] Server, string[] Daemon) _keywords = kind == LicenseKind.Rlm ? (["HOST", "SERVER"], ["ISV"]) : (["SERVER"], ["VENDOR", "DAEMON"]);
        private bool _useServer;

        public List<LicenseServerLine> Servers { get; } = [];
        public List<LicenseDaemonLine> Daemons { get; } = [];
        public List<LicenseRemark> Remarks { get; } = [];

        public void Read(LicenseLine line, IReadOnlyList<string> words)
        {
            if (line.Swallowed is { } swallowed)
                Remark(line, $"the line goes on in line {swallowed}, which looks like one of its own and is read as none, here as by clients: take away the \\ before it");
            if (Is(words, "USE_SERVER"))
                _useServer = true;
            else if (_keywords.Server.Any(k => Is(words, k)))
                ReadServer(line, words);
            else if (_keywords.Daemon.Any(k => Is(words, k)))
                ReadDaemon(line, words);
        }

        private void ReadServer(LicenseLine line, IReadOnlyList<string> words)
        {
            // The word behind the host is the hostid: it is signed into the licenses, and nobody's business.
            var host = words.Count > 1 ? words[1] : "";
            if (!LicenseNames.IsHost(host) || words.Count < 3)
            {
                Remark(line, $"the line begins with {words[0]}, but names no host and hostid; taken for a comment");
                return;
            }

            if (_useServer)
            {
                Remark(line, "the line stands behind USE_SERVER, so that no client reads it; left out");
                return;
            }

            var rest = words.Skip(3).ToList();
            var port = ReadPort(line, rest.Find(IsPort));
            if (!Servers.Exists(s => s.Host.Equals(host, StringComparison.OrdinalIgnoreCase) && s.Port == port))
                Servers.Add(new LicenseServerLine(line.Number, host, port, string.Join(' ', rest.Where(IsServerOption)), words[0].ToUpperInvariant()));
        }

        private void ReadDaemon(LicenseLine line, IReadOnlyList<string> words)
        {
            var name = words.Count > 1 ? words[1] : "";
            if (!LicenseNames.IsDaemon(name))
            {
                Remark(line, $"the line begins with {words[0]}, but names no daemon; taken for a comment");
                return;
            }

            // Path, options file and port by their places; said by a word of its own, a thing leaves its place to the next.
            var rest = words.Skip(2).ToList();
            var places = rest.Where(w => !w.Contains('=')).Skip(rest.Exists(w => HasKey(w, "BINARY")) ? 0 : 1).ToList();
            var options = rest.Exists(w => HasKey(w, "OPTIONS")) ? null : places.FirstOrDefault();
            var word = rest.Find(w => HasKey(w, "PORT")) ?? places.Skip(options is null ? 0 : 1).FirstOrDefault();
            // What has no place in such a line may be anything, a hostid too: it is not shown.
            var shown = rest.Exists(IsOdd) ? string.Join(' ', words.Where(w => !IsOdd(w)).Select(w => w.Any(char.IsWhiteSpace) ? $"\"{w}\"" : w)) : line.Text;
            var (port, text, meant) = (ReadPort(line, word), shown, default(int?));
            if (port is null && word is not null)
            {
                text = Without(text, word);
            }
            else if (port is null && options is not null && IsNumber(options) && ReadPort(line, options) is { } misplaced)
            {
                Remark(line, $"{options} stands where the name of the options file does, and is no port there");
                (text, meant) = (Without(text, options), misplaced);
            }
            else if (port is null && !rest.Exists(w => HasKey(w, "BINARY")) && rest.Find(w => !w.Contains('=')) is { } path && IsNumber(path) && ReadPort(line, path) is { } inFirstPlace)
            {
                Remark(line, $"{path} stands where the path of the daemon does, and is no port there");
                (text, meant) = (Without(text, path), inFirstPlace);
            }

            var known = Daemons.FindIndex(d => d.Name.Equals(name, StringComparison.OrdinalIgnoreCase));
            var daemon = new LicenseDaemonLine(line.Number, name, port, text, meant);
            if (known < 0)
                Daemons.Add(daemon);
            else if (Daemons[known].Port is null)
                Daemons[known] = daemon;
            else if (port is not null && port != Daemons[known].Port)
                Remark(line, $"{name} has the port {Daemons[known].Port} in line {Daemons[known].Line} and {port} here; the first is taken");
        }

        private int? ReadPort(LicenseLine line, string? word)
        {
            if (word is null)
                return null;
            var text = word[(word.LastIndexOfAny([':', '=']) + 1)..];
            if (int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var port) && port is >= 1 and <= ushort.MaxValue)
                return port;
            // Anything may stand in a fourth place or between quotation marks, a hostid too: only what claims to be a port, and is short, is repeated.
            Remark(line, $"{(IsPort(word) && word.Length <= LongestShown && !word.Any(char.IsWhiteSpace) ? $"'{word}'" : "what stands in the port's place")} is no port from 1 to 65535");
            return null;
        }

        // 27000, TCP:27000, PORT=27000
        private static bool IsPort(string word) => IsNumber(word) || word.StartsWith("TCP:", StringComparison.OrdinalIgnoreCase) || HasKey(word, "PORT");

        private static bool IsServerOption(string word) =>
            word.Equals("PRIMARY_IS_MASTER", StringComparison.OrdinalIgnoreCase)
            || (HasKey(word, "HEARTBEAT_INTERVAL") || HasKey(word, "PLAT")) && IsNumber(word[(word.IndexOf('=') + 1)..]);

        private static bool IsOdd(string word) => word.Contains('=') && !HasKey(word, "OPTIONS") && !HasKey(word, "PORT") && !HasKey(word, "BINARY");

        private static bool IsNumber(string word) => word.Length > 0 && word.All(char.IsAsciiDigit);

        private static bool HasKey(string word, string key) => word.StartsWith($"{key}=", StringComparison.OrdinalIgnoreCase);

        private static string Without(string text, string word) =>
            text.LastIndexOf($" {word}", StringComparison.Ordinal) is var at && at < 0 ? text : text.Remove(at, word.Length + 1);

        private void Remark(LicenseLine line, string what, string? change = null) => Remarks.Add(new LicenseRemark($"{file}:{line.Number}", what, change));
    }
}
