using System.Net.Sockets;
using System.Text;
using JunctionRelay.Scenarios.Harness;

namespace JunctionRelay.Scenarios;

/// <summary>
/// Two junctions that hold a secret of every kind, on good days and bad ones, with their logs at their loudest: none of the secrets shows in a log, an error, a status, a metric,
/// the audit, an answer, the list of processes or the environment of a hook. (Tokens and the authority's keys: <see cref="NoSecretIsSeenAnywhere"/>.)
/// </summary>
public sealed class CanariesAreHeardNowhere
{
    private readonly StringBuilder _heard = new();
    private readonly Dictionary<string, string> _canaries = [];

    [Fact]
    public async Task No_secret_shows_anywhere()
    {
        using var folder = new TemporaryFolder();
        using var authority = new TestCertificates(folder);
        await using var target = LoopbackServer.Echo();
        // A proxy that wants another password, whatever it gets.
        await using var proxy = new LoopbackServer(async client =>
        {
            await client.ReceiveAsync(new byte[1024]);
            await client.SendAsync("HTTP/1.1 407 Proxy Authentication Required\r\n\r\n"u8.ToArray());
            client.Shutdown(SocketShutdown.Send);
        });
        var (link, lic, bare, socks, proxied, admin) = (FreePort.Next(), FreePort.Next(), FreePort.Next(), FreePort.Next(), FreePort.Next(), FreePort.Next());
        var (identity, node) = (authority.Issue("hq"), authority.Issue("node"));
        foreach (var files in new[] { identity, node })
            _canaries[files.Key] = string.Concat((await File.ReadAllLinesAsync(files.Key))[1..^1])[48..90];   // of a P-256 key in PKCS #8 the secret number
        var (token, password, viaPassword, environmentPassword) = (Plant("the admin token"), Plant("a SOCKS password"), Plant("a proxy's password"), Plant("the password in HTTPS_PROXY"));
        var (data, configured) = (Plant("SENTIEON_AUTH_DATA"), Plant("a value of JUNCTION_"));
        Secret("admin.token", token);
        Secret("users", $"alice:{password}");
        Secret("proxy.secret", $"me:{viaPassword}");
        // Permits whoever brought the data: so it did travel. Keeps what it could read of its environment.
        folder.Write("hook", $"#!/bin/sh\nenv > {folder["hook-env"]}\nread -r line\ncase $line in *{data}*) exit 0;; esac\necho not today >&2\nexit 1\n");
        File.SetUnixFileMode(folder["hook"], UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);

        await using var hq = await JunctionProcess.Start(
            $$"""
            {
              "logLevel": "trace", "audit": "{{folder["audit"]}}",
              "identity": { "certificate": "{{identity.Certificate}}", "key": "{{identity.Key}}", "trust": "{{authority.Trust}}" },
              "linkListen": ["127.0.0.1:{{link}}"], "peers": { "node": { "services": ["*"] } },
              "services": {
                "lic": { "target": ["127.0.0.1:{{target.Port}}"], "auth": { "exec": "{{folder["hook"]}}" } },
                "any": { "open": ["127.0.0.1:{{target.Port}}"] }
              }
            }
            """,
            new ProgramOptions { Environment = new Dictionary<string, string> { ["JUNCTION_relays__spare__auth__data"] = configured, ["JUNCTION_relays__spare__listen"] = $"127.0.0.1:{FreePort.Next()}", ["JUNCTION_relays__spare__target"] = "127.0.0.1:1" } });
        string Config(string more = "") => $$"""
            {
              "logLevel": "trace", "audit": "{{folder["audit-node"]}}",
              "identity": { "certificate": "{{node.Certificate}}", "key": "{{node.Key}}", "trust": "{{authority.Trust}}" },
              "links": { "hq": { "dial": ["127.0.0.1:{{link}}"] }, "away": { "dial": ["junction.example:{{link}}"] } },
              "relays": {
                "lic": { "listen": ["127.0.0.1:{{lic}}"], "target": ["link://hq/lic"], "auth": { "mech": "unix", "data": "${SENTIEON_AUTH_DATA}" } },
                "bare": { "listen": ["127.0.0.1:{{bare}}"], "target": ["link://hq/lic"] },
                "socks": { "listen": ["socks5://127.0.0.1:{{socks}}"], "target": ["link://hq/any"], "users": "{{folder["users"]}}" },
                "proxied": { "listen": ["127.0.0.1:{{proxied}}"], "target": ["127.0.0.1:1"], "via": "http://127.0.0.1:{{proxy.Port}}", "viaCredentials": "{{folder["proxy.secret"]}}", "healthInterval": "0" }
              },
              {{more}}
              "admin": { "listen": "127.0.0.1:{{admin}}", "tokenFile": "{{folder["admin.token"]}}" }
            }
            """;
        await using var agent = await JunctionProcess.Start(Config(), new ProgramOptions
        {
            Environment = new Dictionary<string, string> { ["SENTIEON_AUTH_DATA"] = data, ["SENTIEON_AUTH_MECH"] = "unix", ["HTTPS_PROXY"] = $"http://me:{environmentPassword}@127.0.0.1:{proxy.Port}" },
        });
        await agent.Line("link with hq is up");
        await agent.Line("link away could not be dialled");

        // Good days.
        await Loopback.EchoThrough(lic, 1000);
        Hear(await Curl("--socks5", $"127.0.0.1:{socks}", "--proxy-user", $"alice:{password}", "--http0.9", $"http://127.0.0.1:{target.Port}/"));
        foreach (var page in new[] { "status", "metrics", "readyz", "" })
            Hear(await Curl("-H", $"Authorization: Bearer {token}", $"http://127.0.0.1:{admin}/{page}"));
        // Bad ones.
        using (var denied = await Loopback.Connect(bare)) Assert.Equal("reset", await Loopback.HowItEnds(denied, Deadline.Soon));
        using (var failed = await Loopback.Connect(proxied)) Assert.Equal("reset", await Loopback.HowItEnds(failed, Deadline.Soon));
        var (wrongPassword, wrongToken) = (Plant("a wrong SOCKS password"), Plant("a wrong token"));
        Hear(await Curl("--socks5", $"127.0.0.1:{socks}", "--proxy-user", $"alice:{wrongPassword}", $"http://127.0.0.1:{target.Port}/"));
        Hear(await Curl("-H", $"Authorization: Bearer {wrongToken}", $"http://127.0.0.1:{admin}/status"));
        Hear(await Curl("-u", $"x:{wrongToken}", $"http://127.0.0.1:{admin}/metrics"));
        Hear((await RealProgram.Run("openssl", ["s_client", "-connect", $"127.0.0.1:{link}", "-alpn", "junction-link/1"])).ToString());
        await hq.Line("auth hook");
        await agent.Ended(5);   // lic, two of SOCKS, bare, proxied

        // Configurations with mistakes in them, beside secrets that should not be there, or in files that are not what they should be.
        await agent.Reload();
        var inline = Plant("a password inside via");
        Secret("users-wrong", Plant("a users file without names"));
        Secret("token-short", "Kanarienvogel");
        Secret("key-wrong", $"-----BEGIN PRIVATE KEY-----\n{Plant("a damaged key")}\n-----END PRIVATE KEY-----");
        _canaries["a short token"] = "Kanarienvogel";
        string[] mistakes =
        [
            $$"""{ "relays": { "a": { "listen": "127.0.0.1:1", "target": "127.0.0.1:1", "via": "http://me:{{inline}}@127.0.0.1:1" } } }""",
            $$"""{ "relays": { "a": { "listen": "127.0.0.1:1", "target": "127.0.0.1:1", "via": "socks5://me:{{inline}}@127.0.0.1:1" } } }""",
            $$"""{ "relays": { "a": { "listen": "127.0.0.1:1", "target": "127.0.0.1:1", "auth": { "data": "{{configured}}", "dataFile": "x", "unknown": 1 } } } }""",
            $$"""{ "relays": { "a": { "listen": "127.0.0.1:1", "target": "127.0.0.1:1", "auth": { "data": ["{{configured}}"] } } } }""",
            $$"""{ "relays": { "a": { "listen": "socks5://127.0.0.1:1", "open": "a.corp:1", "users": "{{folder["users-wrong"]}}" } } }""",
            $$"""{ "admin": { "listen": "0.0.0.0:9180", "tokenFile": "{{folder["token-short"]}}" }, "identity": { "certificate": "{{node.Certificate}}", "key": "{{folder["key-wrong"]}}" } }""",
            $$"""{ "identity": { "certificate": "{{node.Certificate}}", "key": "{{identity.Key}}" }, "admin": { "listen": "127.0.0.1:1" } }""",
        ];
        foreach (var mistake in mistakes)
        {
            var result = await JunctionProcess.Run("validate", folder.Write("mistake.json", mistake));
            Hear(result.ToString());
            Assert.True(result.ExitCode == 78, $"{mistake}\n{result}");
        }

        foreach (var arguments in new[] { "validate FILE", "run --help", "validate --help", "env -c FILE", "hosts -c FILE", "status --json -c FILE", "status -c FILE", "--help" })
            Hear((await JunctionProcess.Run(arguments.Replace("FILE", folder.Write("good.json", Config()), StringComparison.Ordinal).Split(' '))).ToString());

        foreach (var junction in new[] { hq, agent })
        {
            Hear(await File.ReadAllTextAsync($"/proc/{junction.Program.ProcessId}/cmdline"));
            Hear(string.Join('\n', junction.Program.Lines));
        }

        Hear(await File.ReadAllTextAsync(folder["audit"]) + await File.ReadAllTextAsync(folder["audit-node"]));
        // The hook was asked by hq, whose environment configures it.
        Hear(await File.ReadAllTextAsync(folder["hook-env"]));

        Assert.True(_canaries.Count >= 12 && _heard.Length > 20_000, $"{_canaries.Count} canaries, {_heard.Length} characters");
        var everything = _heard.ToString();
        Assert.Empty(_canaries.Where(c => Forms(c.Value).Any(f => everything.Contains(f, StringComparison.OrdinalIgnoreCase))).Select(c => c.Key));

        void Secret(string name, string text)
        {
            folder.Write(name, text + "\n");
            File.SetUnixFileMode(folder[name], UnixFileMode.UserRead | UnixFileMode.UserWrite);
        }
    }

    private string Plant(string what) => _canaries[what] = $"Kanarie{Convert.ToHexString(Guid.NewGuid().ToByteArray())}";

    private void Hear(string text) => _heard.AppendLine(text);

    // As it is, in hexadecimal, and in base64 wherever it may begin.
    private static IEnumerable<string> Forms(string secret)
    {
        yield return secret;
        yield return Convert.ToHexString(Encoding.UTF8.GetBytes(secret));
        for (var shift = 0; shift < 3; shift++)
        {
            var text = Convert.ToBase64String(Encoding.UTF8.GetBytes(new string(' ', shift) + secret));
            yield return text[4..^4];
        }
    }

    // A password on curl's own command line is curl's business.
    private static async Task<string> Curl(params string[] arguments)
    {
        var result = await RealProgram.Run("curl", ["--silent", "--show-error", "--include", "--max-time", "5", .. arguments]);
        return result.Output + result.Error;
    }
}
