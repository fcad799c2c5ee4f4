using System.Text;
using JunctionRelay.Scenarios.Harness;

namespace JunctionRelay.Scenarios;

/// <summary>
/// A canary: while a site is made, joined, used and refused, no token and no key shows in a log, an error, the list of processes or in a file that is not meant
/// to hold it.
/// </summary>
public sealed class NoSecretIsSeenAnywhere
{
    [Fact]
    public async Task No_token_and_no_key()
    {
        using var folder = new TemporaryFolder();
        var said = new StringBuilder();
        var port = FreePort.Next();
        await Said("pki", "init", "--junction", "hq", "--directory", folder["pki"]);
        await Said("pki", "issue", "hq", "--out", folder["hq"], "--directory", folder["pki"]);
        await Said("token", "create", "--name", "node-*", "--uses", "2", "--out", folder["token"], "--directory", folder["pki"]);
        await using var hq = await JunctionProcess.Start($$"""
            {
              "identity": { "directory": "{{folder["hq"]}}" }, "pki": { "directory": "{{folder["pki"]}}" }, "linkListen": ["127.0.0.1:{{port}}"],
              "services": { "any": { "target": ["127.0.0.1:1"] } }, "peers": { "node-*": { "services": ["any"] } }
            }
            """);
        foreach (var node in new[] { "node-1", "node-2", "node-3" })   // the third is refused
        {
            await using var joining = RealProgram.Start(JunctionProcess.Binary(), ["enroll", $"127.0.0.1:{port}", "--token-file", folder["token"], "--identity", folder[node], "--name", node]);
            said.Append(File.ReadAllText($"/proc/{joining.ProcessId}/cmdline"));
            said.Append(await joining.Exit(Deadline.Start));
        }

        // A token with a mistake in it, and a file that is something else.
        var token = (await File.ReadAllTextAsync(folder["token"])).Trim();
        folder.Write("wrong", token[..40] + (token[40] == 'A' ? 'B' : 'A') + token[41..]);
        File.SetUnixFileMode(folder["wrong"], UnixFileMode.UserRead | UnixFileMode.UserWrite);
        await Said("enroll", $"127.0.0.1:{port}", "--token-file", folder["wrong"], "--identity", folder["node-4"]);
        await Said("enroll", $"127.0.0.1:{port}", "--token-file", folder["hq/junction.key"], "--identity", folder["node-4"]);
        await Said("token", "list", "--directory", folder["pki"]);
        await Said("token", "list", "--json", "--directory", folder["pki"]);
        await Said("pki", "show", "--json", "--directory", folder["pki"]);
        File.Copy(folder["node-2/junction.key"], folder["node-1/junction.key"], overwrite: true);   // does not fit
        folder.Write("node.json", $$"""{ "identity": { "directory": "node-1" }, "links": { "hq": { "dial": ["127.0.0.1:{{port}}"] } }, "relays": { "a": { "listen": ["127.0.0.1:1"], "target": ["link://hq/any"] } } }""");
        await Said("validate", folder["node.json"]);
        await hq.Line("has been used 2 times of 2");
        said.Append(string.Join('\n', hq.Program.Lines)).Append(File.ReadAllText($"/proc/{hq.Program.ProcessId}/cmdline"));

        var secrets = new Dictionary<string, string> { ["the token"] = token[5..] };
        foreach (var file in Directory.EnumerateFiles(folder.Path, "*.key", SearchOption.AllDirectories))
        {
            // The public key stands in the file as well, and is in every certificate: of a P-256 key in PKCS #8 the secret number is the bytes from 36 to 68.
            secrets[file] = string.Concat((await File.ReadAllLinesAsync(file))[1..^1])[48..90];
        }

        Assert.True(secrets.Count >= 4, "there are keys to look for");
        foreach (var (name, secret) in secrets)
        {
            // Any piece of it that is long enough to be no accident.
            for (var at = 0; at + 24 <= secret.Length; at += 8)
            {
                var piece = secret.Substring(at, 24);
                Assert.False(said.ToString().Contains(piece, StringComparison.Ordinal), $"{name} shows in what was said");
                foreach (var file in Directory.EnumerateFiles(folder.Path, "*", SearchOption.AllDirectories).Where(f => f != folder["token"] && f != folder["wrong"] && !f.EndsWith(".key", StringComparison.Ordinal)))
                    Assert.False(File.ReadAllText(file).Contains(piece, StringComparison.Ordinal), $"{name} stands in {file}");
            }
        }

        async Task Said(params string[] arguments) => said.Append(string.Join(' ', arguments)).Append(await JunctionProcess.Run(arguments));
    }
}
