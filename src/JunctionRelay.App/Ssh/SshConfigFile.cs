using System.IO.Enumeration;

namespace JunctionRelay.App.Ssh;

/// <summary>
/// A file as ssh_config(5) describes it, as far as one host's settings go: <c>Host</c> blocks with patterns, <c>Include</c>, quoted values. Of a keyword the first value
/// counts, but forwards and identity files add up. <c>Match</c> asks questions that only ssh can answer: such a block is left out, and said to be.
/// </summary>
internal sealed class SshConfigFile
{
    /// <summary>As deep as ssh itself goes.</summary>
    private const int DeepestInclude = 16;

    private static readonly string[] AddUp = ["localforward", "remoteforward", "dynamicforward", "identityfile", "certificatefile", "sendenv", "setenv"];

    /// <summary>Whether several values of a keyword hold beside each other; of all others the first counts.</summary>
    public static bool AddsUp(string keyword) => AddUp.Contains(keyword.ToLowerInvariant());

    private readonly string _host;
    private readonly HashSet<string> _said = [];
    private readonly List<(string Keyword, string Value)> _settings = [];
    private readonly List<string> _warnings = [];
    private bool _isNamed;

    private SshConfigFile(string host) => _host = host;

    /// <summary>The settings of the host, in order.</summary>
    public IReadOnlyList<(string Keyword, string Value)> Settings => _settings;

    /// <summary>What was left out.</summary>
    public IReadOnlyList<string> Warnings => _warnings;

    /// <summary>Some block is about this host by more than <c>*</c>.</summary>
    public bool IsNamed => _isNamed;

    /// <summary>Reads what <paramref name="file"/> says of <paramref name="host"/>.</summary>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static SshConfigFile Read(string file, string host)
    {
        var read = new SshConfigFile(host);
        read.Read(file, 0, applies: true);
        return read;
    }

    private void Read(string file, int depth, bool applies)
    {
        if (depth > DeepestInclude)
        {
            _warnings.Add($"{file} is included too deeply, and left out");
            return;
        }

        foreach (var line in File.ReadLines(file))
        {
            if (Setting(line) is not var (keyword, value)) continue;
            switch (keyword)
            {
                case "host":
                    applies = Matches(value);
                    break;
                case "match":
                    applies = value.Equals("all", StringComparison.OrdinalIgnoreCase);
                    if (!applies) _warnings.Add($"Match {value} is left out: ssh -G {_host} tells what it comes to");
                    break;
                case "include" when applies:
                    foreach (var included in Files(value, Path.GetDirectoryName(Path.GetFullPath(file))!)) Read(included, depth + 1, applies);
                    break;
                case not "include" when applies && (AddUp.Contains(keyword) || _said.Add(keyword)):
                    _settings.Add((keyword, value));
                    break;
            }
        }
    }

    // KEYWORD value, KEYWORD=value, with quotes around words that hold blanks.
    private static (string Keyword, string Value)? Setting(string line)
    {
        var text = line.Trim();
        if (text.Length == 0 || text[0] == '#') return null;
        var end = text.IndexOfAny([' ', '\t', '=']);
        return end < 1 ? null : (text[..end].ToLowerInvariant(), text[end..].TrimStart(' ', '\t').TrimStart('=').Trim().Trim('"'));
    }

    // A pattern with ! in front that matches keeps the host out, whatever the others say.
    private bool Matches(string patterns)
    {
        var (matched, isNamed) = (false, false);
        foreach (var pattern in patterns.Split((char[])[' ', '\t'], StringSplitOptions.RemoveEmptyEntries).Select(p => p.Trim('"')))
        {
            var isNot = pattern.StartsWith('!');
            if (!FileSystemName.MatchesSimpleExpression(isNot ? pattern[1..] : pattern, _host, ignoreCase: true)) continue;
            if (isNot) return false;
            matched = true;
            isNamed |= pattern.Trim('*').Length > 0;
        }

        _isNamed |= isNamed;
        return matched;
    }

    private static IEnumerable<string> Files(string patterns, string directory)
    {
        var home = Environment.GetFolderPath(Environment.SpecialFolder.UserProfile);
        foreach (var pattern in patterns.Split((char[])[' ', '\t'], StringSplitOptions.RemoveEmptyEntries))
        {
            var path = Path.GetFullPath(pattern.StartsWith("~/", StringComparison.Ordinal) ? Path.Combine(home, pattern[2..]) : pattern, directory);
            var folder = Path.GetDirectoryName(path)!;
            if (!Directory.Exists(folder)) continue;
            foreach (var file in Directory.GetFiles(folder, Path.GetFileName(path)).Order(StringComparer.Ordinal)) yield return file;
        }
    }
}
