using JunctionRelay.Configuration;

namespace JunctionRelay.App.Ssh;

/// <summary>
/// A command line for ssh, understood as far as it is about forwarding. Options may be glued together and to their values, stand before or behind the destination, and
/// be repeated, as getopt(3) has it. What a junction has no use for is taken with a warning, so that scripts that call ssh can call this; what would be wrong
/// to leave out is a problem.
/// </summary>
internal sealed class SshCommandLine
{
    private const string WithoutValue = "1246AaCfGgKkMNnqsTtVvXxYy";
    private const string WithValue = "BbcDEeFIiJLlmOopQRSWw";

    /// <summary>Options that change nothing here: no shell, no terminal, no X11, no agent, no escape characters; links are always protocol version 1.</summary>
    private const string WithoutEffect = "12AaKkMNnsTtXxYylq";

    private readonly List<string> _warnings = [];
    private readonly List<string> _problems = [];
    private readonly List<ForwardSpec> _forwards = [];
    private readonly List<SshHop> _jumps = [];
    private readonly HashSet<string> _said = [];   // of each keyword the first value counts
    private SshHop? _destination;
    private string? _hostName;   // where the destination really is
    private bool _clearForwards;
    private bool _exitOnFailure = true;

    /// <summary>In the order of the command line.</summary>
    public IReadOnlyList<ForwardSpec> Forwards => _forwards;

    /// <summary>The junctions on the way, the last one last; empty = everything is dialled from here.</summary>
    public IReadOnlyList<SshHop> Hops => _destination is null ? _jumps : [.. _jumps, _destination];

    /// <summary>-W: standard input and output are the connection; as HOST:PORT.</summary>
    public string? Stdio { get; private set; }

    /// <summary>The name in the last hop's certificate, if it is another than its host (HostKeyAlias).</summary>
    public string? PeerName { get; private set; }

    /// <summary>Where nothing is said of a bind address, listen on all (-g, GatewayPorts).</summary>
    public bool ListensOnAll { get; private set; }

    /// <summary>-f: go to the background when all is up.</summary>
    public bool GoesToBackground { get; private set; }

    /// <summary>4 or 6: listen on addresses of that family alone (-4, -6, AddressFamily); 0 = both.</summary>
    public int Family { get; private set; }

    /// <summary>-C, Compression: what is sent over the link to the last hop is compressed.</summary>
    public bool Compresses { get; private set; }

    /// <summary>-v.</summary>
    public bool IsVerbose { get; private set; }

    /// <summary>How long a target may take to answer; null = as usual.</summary>
    public string? ConnectTimeout { get; private set; }

    /// <summary>How often a link is asked for a sign of life; null = as usual.</summary>
    public string? Ping { get; private set; }

    /// <summary>A forward that cannot be had is the end of all (unlike ssh's, unless said otherwise).</summary>
    public bool ExitsOnForwardFailure => Stdio is not null || _exitOnFailure;

    /// <summary>What was taken and does nothing.</summary>
    public IReadOnlyList<string> Warnings => _warnings;

    /// <summary>What is wrong.</summary>
    public IReadOnlyList<string> Problems => _problems;

    /// <summary>Reads the words behind <c>ssh</c> or <c>junction forward</c>.</summary>
    /// <param name="words">As a shell has cut them.</param>
    /// <param name="settingsOf">
    /// What ssh_config says of a host, keyword and value, in order: it holds where the words say nothing, and adds its forwards to theirs. Null = nothing is asked.
    /// </param>
    public static SshCommandLine Read(IReadOnlyList<string> words, Func<string, IEnumerable<(string Keyword, string Value)>>? settingsOf = null)
    {
        var line = new SshCommandLine();
        line.ReadWords(words);
        if (settingsOf is not null) line.Ask(settingsOf);
        line.Check();
        return line;
    }

    private void Ask(Func<string, IEnumerable<(string Keyword, string Value)>> settingsOf)
    {
        if (_destination is not null)
        {
            foreach (var (keyword, value) in settingsOf(_destination.Host)) Setting(keyword, value);
        }

        // A jump's own jumps are not followed: it stands in the list with those before it.
        for (var i = 0; i < _jumps.Count; i++)
        {
            if (settingsOf(_jumps[i].Host).FirstOrDefault(s => s.Keyword == "hostname").Value is { } real && Hop(real.Replace("%h", _jumps[i].Host, StringComparison.Ordinal)) is { } hop)
                _jumps[i] = _jumps[i] with { Host = hop.Host };
        }
    }

    private void ReadWords(IReadOnlyList<string> words)
    {
        for (var i = 0; i < words.Count; i++)
        {
            var word = words[i];
            if (word == "--" && _destination is not null)
            {
                Command(words.Skip(i + 1));
                return;
            }

            if (word == "--") continue;
            if (word.Length > 1 && word[0] == '-') Options(word[1..], words, ref i);
            else if (_destination is null) _destination = Hop(word);
            else
            {
                Command(words.Skip(i));
                return;
            }
        }
    }

    private void Options(string letters, IReadOnlyList<string> words, ref int i)
    {
        for (var at = 0; at < letters.Length; at++)
        {
            var letter = letters[at];
            if (WithValue.Contains(letter))
            {
                var value = at + 1 < letters.Length ? letters[(at + 1)..] : i + 1 < words.Count ? words[++i] : null;
                if (value is null) _problems.Add($"-{letter} has no value");
                else Valued(letter, value);
                return;
            }

            if (!WithoutValue.Contains(letter)) _problems.Add($"-{letter} is no option of ssh's");
            else Flag(letter);
        }
    }

    private void Flag(char letter)
    {
        switch (letter)
        {
            case '4' or '6':
                _said.Add("addressfamily");
                Family = letter - '0';
                break;
            case 'C':
                _said.Add("compression");
                Compresses = true;
                break;
            case 'f': GoesToBackground = true; break;
            case 'g':
                _said.Add("gatewayports");
                ListensOnAll = true;
                break;
            case 'v': IsVerbose = true; break;
            case 'G' or 'V': _problems.Add($"-{letter} is a question to ssh; junction forward has --print-config and junction --version"); break;
            default:
                if (!WithoutEffect.Contains(letter)) _warnings.Add($"-{letter} has no meaning here");
                break;
        }
    }

    private void Valued(char letter, string value)
    {
        switch (letter)
        {
            case 'L' or 'R' or 'D': Forward(letter, value); break;
            case 'J':
                _said.Add("proxyjump");
                Jump(value);
                break;
            case 'W' when Target(value) is { } target: Stdio = target; break;
            case 'W': _problems.Add($"-W '{value}' is no HOST:PORT"); break;
            case 'o': Setting(value); break;
            case 'l': break;
            case 'p': _warnings.Add($"-p {value} is sshd's port: a junction's stands behind the host (HOST:PORT, default {ForwardConfig.LinkPort})"); break;
            case 'i': _warnings.Add($"-i {value} is a key of ssh's: a junction's certificate is named by --identity DIR"); break;
            case 'O' or 'Q' or 'w': _problems.Add($"-{letter} {value} is not done by a junction"); break;
            default: _warnings.Add($"-{letter} {value} has no meaning here"); break;
        }
    }

    // -o: KEYWORD=VALUE or KEYWORD VALUE, the keyword in any case.
    private void Setting(string text)
    {
        var end = text.IndexOfAny(['=', ' ', '\t']);
        if (end < 1) _problems.Add($"-o '{text}' is no KEYWORD=VALUE");
        else Setting(text[..end], text[end..].TrimStart(' ', '\t').TrimStart('=').Trim());
    }

    private void Setting(string keyword, string value)
    {
        if (!SshConfigFile.AddsUp(keyword) && !_said.Add(keyword.ToLowerInvariant())) return;
        switch (keyword.ToLowerInvariant())
        {
            case "exitonforwardfailure": _exitOnFailure = Yes(keyword, value, _exitOnFailure); break;
            case "clearallforwardings": _clearForwards = Yes(keyword, value, _clearForwards); break;
            case "gatewayports": ListensOnAll = Yes(keyword, value, ListensOnAll); break;
            case "compression": Compresses = Yes(keyword, value, Compresses); break;
            // In a file the two ends stand apart: LocalForward 8080 web:80.
            case "localforward": Forward('L', Joined(value)); break;
            case "remoteforward": Forward('R', Joined(value)); break;
            case "dynamicforward": Forward('D', value); break;
            case "proxyjump": Jump(value); break;
            case "hostname": _hostName = value; break;
            case "hostkeyalias": PeerName = value; break;
            case "addressfamily": Family = value.ToLowerInvariant() switch { "inet" => 4, "inet6" => 6, _ => 0 }; break;
            case "connecttimeout" when IsSeconds(value): ConnectTimeout = $"{value}s"; break;
            case "serveraliveinterval" when IsSeconds(value): Ping = $"{value}s"; break;
            case "user" or "requesttty" or "batchmode" or "stricthostkeychecking" or "userknownhostsfile" or "loglevel" or "tcpkeepalive" or "serveralivecountmax" or "streamlocalbindunlink": break;
            case "proxycommand" when !value.Equals("none", StringComparison.OrdinalIgnoreCase): _problems.Add("ProxyCommand is not run: a junction is reached through another by -J, or through a proxy by its configuration (via)"); break;
            case "port": _warnings.Add($"Port {value} is sshd's: a junction's stands behind the host (HOST:PORT, default {ForwardConfig.LinkPort})"); break;
            case "identityfile" or "certificatefile": _warnings.Add($"{keyword} {value} is a key of ssh's: a junction's certificate is named by --identity DIR"); break;
            default: _warnings.Add($"{keyword} has no meaning here"); break;
        }

        static bool IsSeconds(string value) => value.Length is > 0 and < 7 && value.All(char.IsAsciiDigit) && value.Any(c => c != '0');
        static string Joined(string value) => string.Join(':', value.Split((char[])[' ', '\t'], StringSplitOptions.RemoveEmptyEntries));
    }

    private bool Yes(string keyword, string value, bool otherwise)
    {
        switch (value.ToLowerInvariant())
        {
            case "yes" or "true" or "clientspecified": return true;
            case "no" or "false": return false;
            default:
                _problems.Add($"{keyword} is '{value}', not yes or no");
                return otherwise;
        }
    }

    private void Forward(char letter, string value)
    {
        if (ForwardSpec.Read(letter, value, out var flaw) is not { } spec) _problems.Add($"-{letter} {flaw.What}: {flaw.Remedy}");
        // What a name means there, or a network interface, is not ours to say, and a junction is told addresses.
        else if (letter == 'R' && spec.Bind is { Length: > 0 } bind && bind != "localhost" && (AddressText.Ip(bind) is null || bind.Contains('%'))) _problems.Add($"-R '{value}' listens at the name '{bind}': name an address of the other side, localhost, or *");
        else if (letter == 'R' && spec.Path is { } path && path[0] != '/') _problems.Add($"-R '{value}' listens at '{path}', which is no path over there: begin it with /");
        else _forwards.Add(spec);
    }

    private void Jump(string value)
    {
        if (value.Equals("none", StringComparison.OrdinalIgnoreCase)) return;
        if (SshHop.ReadAll(value, out var flaw) is { } hops) _jumps.AddRange(hops);
        else _problems.Add($"-J {flaw.What}: {flaw.Remedy}");
    }

    private SshHop? Hop(string text)
    {
        if (SshHop.Read(text, out var flaw) is { } hop) return hop;
        _problems.Add($"{flaw.What}: {flaw.Remedy}");
        return null;
    }

    private void Command(IEnumerable<string> words) => _warnings.Add($"no command is run at the other side: '{string.Join(' ', words)}'; the forwards stay until this process ends");

    private static string? Target(string value) => TargetAddress.Read(value, out _) is { Scheme: "", UnixPath: null, Count: 1 } ? value : null;

    private void Check()
    {
        if (_hostName is not null && _destination is not null) _destination = Hop(_hostName.Replace("%h", _destination.Host, StringComparison.Ordinal)) is { } real ? real with { Port = real.Port ?? _destination.Port, Name = _destination.Name } : _destination;
        if (Stdio is not null || _clearForwards) _forwards.Clear();
        if (_problems.Count > 0) return;
        if (_forwards.Count == 0 && Stdio is null) _problems.Add("there is nothing to forward: add -L, -R, -D or -W");
        if (Hops.Count == 0 && _forwards.Exists(f => f.Kind is ForwardKind.Remote or ForwardKind.RemoteDynamic))
            _problems.Add("-R listens at the other side, and there is none: add -J HOP, or a destination");
        if (Compresses && Hops.Count == 0) _warnings.Add("-C has no meaning without a hop: only links compress");
        if (PeerName is not null && Hops.Count == 0) _warnings.Add("HostKeyAlias has no meaning without a hop");
    }
}
