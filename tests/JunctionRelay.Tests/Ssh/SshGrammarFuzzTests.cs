using System.Net;
using System.Text.Json.Nodes;
using JunctionRelay.App.Ssh;
using JunctionRelay.Configuration;
using JunctionRelay.Tests.Conventions;
using JunctionRelay.Tests.Harness;

namespace JunctionRelay.Tests.Ssh;

/// <summary>
/// Command lines that nobody means: whatever the words are, they are understood or a problem is named, here or by the check of the configuration that comes of them. Each case is made from its number, so a failure names all that
/// is needed to see it again. JUNCTION_FUZZ_CASES sets how many are tried, JUNCTION_FUZZ_FROM the first.
/// </summary>
public sealed class SshGrammarFuzzTests
{
    private static readonly string[] Pieces =
    [
        "-L", "-R", "-D", "-W", "-J", "-N", "-C", "-g", "-4", "-6", "-f", "-o", "-p", "-i", "-l", "--", "-NL", "-vR", "8080:web:80", "*:8080:web:80", ":1:a:2", "[::1]:8080:[fd00::7]:80", "6000-6003:server:9095-9098",
        "8080:/run/web.sock", "/tmp/a.sock:b:1", "/tmp/a.sock:/run/b.sock", "1080", "[::]:1080", "localhost:0", "http:web:http", "a\\:b:1:c:2", "${HOME}:1", "far", "me@far", "hq=far:9443", "ssh://me@far:22/", "a:1,me@b", "fd00::1", "web:80",
        "ExitOnForwardFailure=no", "LocalForward=8080 web:80", "DynamicForward 1080", "GatewayPorts=yes", "Compression=yes", "ServerAliveInterval=30", "HostKeyAlias=x", "none", "", "0", "65536", "-", ":", "[", "]", "'", "\"",
    ];

    // Those that people write; what is wrong with some of them is part of it.
    private static readonly string[][] Lines = [.. SourceTree.Read("tests/JunctionRelay.Tests/Ssh/Golden/lines.txt").Split('\n').Where(l => l.StartsWith("ssh ", StringComparison.Ordinal)).Select(l => CommandWords.Of(l)!.Skip(1).ToArray())];

    private const string Letters = "-:[]/\\@,=*${} '\"#%\t\n\0aL9é💥";

    [Fact]
    public void Every_line_is_understood_or_has_a_problem()
    {
        var understood = 0;
        for (var number = Fuzz.First; number < Fuzz.First + Fuzz.Cases; number++)
        {
            var random = new Random(number);
            var words = Lines[random.Next(Lines.Length)].Select(word => random.Next(4) == 0 ? Damaged(random, word) : word).ToList();
            for (var more = random.Next(3); more > 0; more--)
                words.Insert(random.Next(words.Count + 1), Damaged(random, Pieces[random.Next(Pieces.Length)]));
            try
            {
                var line = SshCommandLine.Read(words);
                // Loops in place of assertions over collections, and no texts that nobody reads: of ten million cases these cost most.
                foreach (var text in line.Problems.Concat(line.Warnings)) Assert.False(string.IsNullOrWhiteSpace(text));
                if (line.Problems.Count > 0)
                    continue;
                understood++;
                var config = ForwardConfig.Of(line, "identity", null, _ => [IPAddress.Loopback, IPAddress.IPv6Loopback]);
                foreach (var (name, relay) in config["relays"]!.AsObject())
                {
                    foreach (var text in Texts(relay!["listen"]))
                    {
                        if (ListenAddress.Read(text, out var flaw) is null) Assert.Fail($"{name} listens on {text}: {flaw.What}");
                    }

                    // Whether a host has a possible name is the configuration's to say.
                    foreach (var text in Texts(relay["target"]))
                    {
                        if (TargetAddress.Read(text, out var flaw) is null && string.IsNullOrEmpty(flaw.What)) Assert.Fail($"{name} leads to {text}");
                    }
                }
            }
            catch (Exception fault)
            {
                Assert.Fail($"case {number} ({string.Join(" | ", words)}): {fault}");
            }
        }

        Assert.InRange(understood, Fuzz.Cases / 20, Fuzz.Cases - Fuzz.Cases / 20);
    }

    [Fact]
    public void Every_text_is_cut_into_words_or_has_an_open_quote()
    {
        for (var number = Fuzz.First; number < Fuzz.First + Fuzz.Cases; number++)
        {
            var random = new Random(number);
            var text = string.Concat(Enumerable.Range(0, random.Next(12)).Select(_ => random.Next(3) == 0 ? Pieces[random.Next(Pieces.Length)] : Letters[random.Next(Letters.Length)].ToString()));
            if (CommandWords.Of(text) is { } words)
                Assert.True(words.Sum(w => w.Length) <= text.Length, $"case {number}");
            else
                Assert.True(text.Contains('\'', StringComparison.Ordinal) || text.Contains('"', StringComparison.Ordinal), $"case {number}");
        }
    }

    private static IEnumerable<string> Texts(JsonNode? list) => list is null ? [] : list.AsArray().Select(t => (string)t!);

    private static string Damaged(Random random, string word)
    {
        for (var change = random.Next(3) == 0 ? random.Next(1, 4) : 0; change > 0; change--)
        {
            var at = random.Next(word.Length + 1);
            word = random.Next(3) switch
            {
                0 => word.Insert(at, Letters[random.Next(Letters.Length)].ToString()),
                1 when at < word.Length => word.Remove(at, 1),
                _ => word[..at] + Pieces[random.Next(Pieces.Length)],
            };
        }

        return word;
    }
}
