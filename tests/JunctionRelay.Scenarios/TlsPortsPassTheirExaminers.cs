using System.Globalization;
using System.Text.Json;
using System.Xml.Linq;
using JunctionRelay.Scenarios.Harness;

namespace JunctionRelay.Scenarios;

/// <summary>Programs that others wrote to find weak TLS look at every TLS port there is, and <c>openssl s_client</c> tries what must be refused.</summary>
public sealed class TlsPortsPassTheirExaminers
{
    /// <summary>What testssl.sh says of every private authority and short-lived certificate, and means for web servers.</summary>
    private static readonly Dictionary<string, string> FalseAlarms = new()
    {
        ["cert_chain_of_trust"] = "the authority is the site's own: no browser's store has it, and none should",
        ["cert_trust"] = "the certificate is for a junction's name, and testssl.sh dials 127.0.0.1",
        ["cert_expirationStatus"] = "certificates live for a day, and are renewed: that is how few have to be revoked",
        ["cert_notAfter"] = "the same",
        ["cert_revocation"] = "a deny list does it, which is distributed over links: a CRL or OCSP would need a server that nodes cannot reach",
        ["engine_problem"] = "about openssl on this machine: it has no GOST",
        ["sessionresumption_ticket"] = "no session is resumed where certificates are asked for, which it takes for a fault of the network",
        ["sessionresumption_ID"] = "the same",
    };

    private static readonly string[] Curves = ["secp256r1", "secp384r1", "secp521r1", "x25519", "x448"];

    // INFO, OK and DEBUG are no findings. WARN is a check that could not be made, as many where a client certificate is required: which ones differs from run to run.
    private static readonly string[] Graver = ["MEDIUM", "HIGH", "CRITICAL", "FATAL"];

    [Fact]
    public async Task Sslscan_finds_tls_1_3_good_curves_and_authenticated_encryption_alone()
    {
        await using var ports = await TlsPorts.Open(withAuthority: true);
        var client = ports.Authority.Issue("client.test");
        foreach (var kind in TlsPorts.Kinds)
        {
            var file = ports.Folder[$"sslscan-{ports.Of[kind]}.xml"];
            await RealProgram.Succeed("sslscan", ["--no-colour", $"--xml={file}", .. kind == TlsPorts.Enrolment ? Array.Empty<string>() : [$"--certs={client.Certificate}", $"--pk={client.Key}"], $"127.0.0.1:{ports.Of[kind]}"], within: Deadline.Start);
            var found = XDocument.Load(file).Descendants("ssltest").Single();
            var isOld = kind == "relay with TLS 1.2";
            Assert.Equal(isOld ? ["tls 1.2", "tls 1.3"] : ["tls 1.3"], found.Elements("protocol").Where(p => Is(p, "enabled")).Select(p => $"{p.Attribute("type")!.Value} {p.Attribute("version")!.Value}"));

            var ciphers = found.Elements("cipher").Where(c => Of(c, "sslversion") == "TLSv1.3" || !isOld).Select(c => Of(c, "cipher")).ToList();
            Assert.NotEmpty(ciphers);
            Assert.All(ciphers, c => Assert.Matches("_(GCM|POLY1305)_", c));
            // Of TLS 1.2 what has forward secrecy.
            Assert.All(found.Elements("cipher").Where(c => Of(c, "sslversion") == "TLSv1.2"), c => Assert.StartsWith("ECDHE-", Of(c, "cipher"), StringComparison.Ordinal));

            // P-256, which is worth 128 bits, or better; no finite fields.
            var groups = found.Elements("group").ToList();
            Assert.Equal(Curves, groups.Where(g => Of(g, "sslversion") == "TLSv1.3").Select(g => Of(g, "name").Split(' ')[0]).Order());
            Assert.All(groups, g => Assert.True(int.Parse(Of(g, "bits"), CultureInfo.InvariantCulture) >= 128 && Curves.Contains(Of(g, "name").Split(' ')[0]), $"{kind}: {g}"));

            Assert.False(Is(found.Element("renegotiation")!, "supported"), $"{kind} renegotiates");
            Assert.DoesNotContain(found.Elements("heartbleed"), h => Is(h, "vulnerable"));
            var key = found.Descendants("pk").First(k => k.Attribute("bits") is not null);
            Assert.Equal(("EC", "prime256v1"), (Of(key, "type"), Of(key, "curve_name")));
        }
    }

    [Fact]
    public async Task Testssl_has_nothing_to_say_above_low()
    {
        await using var ports = await TlsPorts.Open(withAuthority: Scale.Of(ci: false, full: true));
        // It is a program of tens of thousands of shell commands for each port: in CI one of them, in the release check all.
        var kinds = Scale.Of(ci: ["link"], full: TlsPorts.Kinds);
        var reports = await Task.WhenAll(kinds.Select(async kind =>
        {
            var file = ports.Folder[$"testssl-{ports.Of[kind]}.json"];
            // Protocols, suites, forward secrecy, the server's choices and certificate, and all vulnerabilities that it knows. It waits a good deal: all ports at once.
            await RealProgram.Run(
                "testssl", ["--quiet", "--warnings", "off", "--color", "0", "--nodns", "none", "--jsonfile", file, "-p", "-s", "-f", "-S", "-U", $"127.0.0.1:{ports.Of[kind]}"],
                within: TimeSpan.FromMinutes(10));
            return (Kind: kind, Findings: JsonDocument.Parse(await File.ReadAllTextAsync(file)));
        }));
        foreach (var (kind, findings) in reports)
        {
            using var report = findings;
            var all = report.RootElement.EnumerateArray().Select(f => (Id: Text(f, "id"), Severity: Text(f, "severity"), Finding: Text(f, "finding"))).ToList();
            Assert.Contains(all, f => f is { Id: "TLS1_3", Severity: "OK" });
            Assert.Contains(all, f => f.Id == "heartbleed" && f.Severity == "OK");
            Assert.Empty(all.Where(f => Graver.Contains(f.Severity) && !FalseAlarms.ContainsKey(f.Id)).Select(f => $"{kind}: {f.Severity} {f.Id}: {f.Finding}"));
        }
    }

    [Theory]
    [InlineData("link")]
    [InlineData("relay")]
    [InlineData("relay with TLS 1.2")]
    [InlineData("admin")]
    [InlineData(TlsPorts.Enrolment)]
    public async Task What_s_client_tries_in_vain(string kind)
    {
        await using var ports = await TlsPorts.Open(withAuthority: kind == TlsPorts.Enrolment);
        using var stranger = new TestCertificates(ports.Folder, "stranger");
        var (good, expired, foreign) = (ports.Authority.Issue("client.test"), ports.Authority.Issue("client.test", expired: true), stranger.Issue("client.test"));
        // Who joins has no certificate yet; any that he shows is judged.
        string[] shown = kind == TlsPorts.Enrolment ? [] : ["-cert", good.Certificate, "-key", good.Key];
        // What each of the others changes in this one, which is let in.
        Assert.True(await IsLetIn(shown, expected: true));
        var tried = new Dictionary<string, string[]>
        {
            // Where it is spoken, without forward secrecy or by finite fields.
            ["TLS 1.2"] = [.. shown, "-tls1_2", .. kind == "relay with TLS 1.2" ? new[] { "-cipher", "AES128-GCM-SHA256:AES256-SHA:DHE-RSA-AES128-GCM-SHA256" } : []],
            // Security level 0, or openssl itself would not try.
            ["TLS 1.1"] = [.. shown, "-tls1_1", "-cipher", "ALL:@SECLEVEL=0"],
            ["TLS 1.0"] = [.. shown, "-tls1", "-cipher", "ALL:@SECLEVEL=0"],
            ["a suite with a short tag"] = [.. shown, "-ciphersuites", "TLS_AES_128_CCM_8_SHA256"],
            ["a suite that nobody else offers"] = [.. shown, "-ciphersuites", "TLS_AES_128_CCM_SHA256"],
            ["TLS 1.2 with a curve of 224 bits"] = [.. shown, "-tls1_2", "-groups", "secp224r1", "-cipher", "ALL:@SECLEVEL=0"],
            ["a finite field of 112 bits"] = [.. shown, "-groups", "ffdhe2048"],
            ["a finite field that costs much"] = [.. shown, "-groups", "ffdhe8192"],
            ["no certificate"] = kind == TlsPorts.Enrolment ? ["-alpn", "junction-link/1"] : [],
            ["an expired certificate"] = ["-cert", expired.Certificate, "-key", expired.Key],
            ["a certificate of another authority"] = ["-cert", foreign.Certificate, "-key", foreign.Key],
        };
        foreach (var (what, options) in tried)
            Assert.False(await IsLetIn(options, expected: false), $"the {kind} port let in {what}");
        // Also not a moment later.
        Assert.Equal(kind == "link" ? 1 : 0, Hellos());
        Assert.Equal(kind.StartsWith("relay", StringComparison.Ordinal) ? 1 : 0, ports.Target.Accepted);

        // The client's side of TLS 1.3 is done before the server judges its certificate: only what comes back tells, or at the link port, which speaks second, its log.
        async Task<bool> IsLetIn(string[] options, bool expected)
        {
            var before = Hellos();
            string[] protocol = kind == "link" ? ["-alpn", "junction-link/1"] : kind == TlsPorts.Enrolment && !options.Contains("-alpn") ? ["-alpn", "junction-enroll/1"] : [];
            await using var client = RealProgram.Start("openssl", ["s_client", "-quiet", "-connect", $"127.0.0.1:{ports.Of[kind]}", .. protocol, .. options]);
            try
            {
                await client.Input.WriteAsync(kind == "admin" ? "GET /livez HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n" : new string('x', 63) + "\n");
                await client.Input.FlushAsync();
            }
            catch (IOException)
            {
                // It has gone already.
            }

            await Deadline.Until(() => (client.HasExited && !expected) || Passed(), Deadline.Start, $"openssl is let in, or ends ({string.Join(' ', options)})", client.Said);
            return Passed();

            bool Passed() => Hellos() > before || client.Lines.Any(l => l.StartsWith(kind == "admin" ? "HTTP/1.1 200" : kind == TlsPorts.Enrolment ? "{\"version\"" : "xxx", StringComparison.Ordinal));
        }

        int Hellos() => ports.Junction.Program.Lines.Count(l => l.Contains("sent no usable HELLO", StringComparison.Ordinal));
    }

    [Fact]
    public async Task What_the_machines_administrator_says_of_suites_and_groups_holds()
    {
        using var folder = new TemporaryFolder();
        const string Suites = "[openssl_init]\nssl_conf = ssl\n[ssl]\nsystem_default = tls\n[tls]\nCiphersuites = TLS_AES_256_GCM_SHA384\n";
        foreach (var (groups, taken, refused) in new[] { ("", "X25519", "ffdhe2048"), ("Groups = P-384\n", "P-384", "X25519") })
        {
            var file = folder.Write("openssl.cnf", $"openssl_conf = openssl_init\n{Suites}{groups}");
            await using var ports = await TlsPorts.Open(new Dictionary<string, string> { ["OPENSSL_CONF"] = file });
            Assert.Contains("TLS_AES_256_GCM_SHA384", await Agree(ports, "-groups", taken), StringComparison.Ordinal);
            Assert.Contains("Cipher is (NONE)", await Agree(ports, "-groups", refused), StringComparison.Ordinal);
            Assert.Contains("Cipher is (NONE)", await Agree(ports, "-ciphersuites", "TLS_AES_128_GCM_SHA256"), StringComparison.Ordinal);
        }

        static async Task<string> Agree(TlsPorts ports, params string[] options) =>
            (await RealProgram.Run("openssl", ["s_client", "-connect", $"127.0.0.1:{ports.Of["relay"]}", .. options], new ProgramOptions { Input = "" })).Output;
    }

    private static bool Is(XElement element, string attribute) => Of(element, attribute) == "1";

    private static string Of(XElement element, string attribute) => element.Attribute(attribute)?.Value ?? "";

    private static string Text(JsonElement finding, string name) => finding.GetProperty(name).GetString() ?? "";
}
