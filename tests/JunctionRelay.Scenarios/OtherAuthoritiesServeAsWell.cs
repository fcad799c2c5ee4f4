using JunctionRelay.Scenarios.Harness;

namespace JunctionRelay.Scenarios;

/// <summary>
/// A link needs no authority of ours: identities of <c>junction pki</c>, of openssl with an intermediate (the shape in which step-ca issues), and SPIFFE's
/// files carry a connection alike.
/// </summary>
public sealed class OtherAuthoritiesServeAsWell : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Identities_of_our_own_authority()
    {
        var pki = await SiteAuthority.Init(_folder);
        await Carry(Directory(await pki.Issue("hq")), Directory(await pki.Issue("cloud")), "hq", "cloud");
    }

    [Fact]
    public async Task Certificates_of_openssl_in_the_form_of_step_ca_with_an_intermediate()
    {
        // What step-ca's default template makes (smallstep.com/docs/step-ca/templates), which is not in Debian: EC P-256, names as DNS alternative names, digitalSignature, for both ends of TLS, no
        // basic constraints, an extension of its own that names the provisioner; issued by an intermediate, which stands behind it in the file; the key as SEC1.
        const string Provisioner = "1.3.6.1.4.1.37476.9000.64.1=ASN1:UTF8String:admin";
        _folder.Write("step.cnf", "[req]\ndistinguished_name = dn\n[dn]\n");
        await Root();
        await Openssl("/CN=intermediate", "intermediate", "root", "basicConstraints=critical,CA:TRUE,pathlen:0", "keyUsage=critical,keyCertSign,cRLSign");
        foreach (var name in new[] { "hq", "cloud" })
        {
            await Issue(
                $"/CN={name}.step.test", name, "intermediate", ["-config", _folder["step.cnf"]],
                $"subjectAltName=DNS:{name}.step.test", "keyUsage=critical,digitalSignature", "extendedKeyUsage=serverAuth,clientAuth", Provisioner);
            await RealProgram.Succeed("openssl", ["ec", "-in", _folder[$"{name}.key"], "-out", _folder[$"{name}.key"]]);
        }

        // The leaf is first; in which order the others follow makes no difference, nor whether the root is among them.
        var leaf = await File.ReadAllTextAsync(_folder["hq.crt"]);
        var (intermediate, root) = (await File.ReadAllTextAsync(_folder["intermediate.crt"]), await File.ReadAllTextAsync(_folder["root.crt"]));
        await File.AppendAllTextAsync(_folder["hq.crt"], intermediate);
        await File.AppendAllTextAsync(_folder["cloud.crt"], root + intermediate);
        await Carry(Files("hq"), Files("cloud"), "hq.step.test", "cloud.step.test");

        // An intermediate before the leaf is told, not guessed at.
        await File.WriteAllTextAsync(_folder["hq.crt"], intermediate + leaf);
        var wrong = await RealProgram.Run(JunctionProcess.Binary(), ["validate", _folder.Write("wrong.json", $$"""{ "identity": {{Files("hq")}}, "linkListen": ["127.0.0.1:1"] }""")]);
        Assert.Equal(78, wrong.ExitCode);
        Assert.Contains("does not fit the certificate hq.crt", wrong.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Files_of_a_SPIFFE_helper()
    {
        await Root();
        foreach (var name in new[] { "hq", "cloud" })
        {
            await Leaf(name, "root", $"subjectAltName=URI:spiffe://example.org/junction/{name}");
            _folder.Folder($"svid-{name}");
            File.Move(_folder[$"{name}.crt"], _folder[$"svid-{name}/svid.pem"]);
            File.Move(_folder[$"{name}.key"], _folder[$"svid-{name}/svid_key.pem"]);
            File.Copy(_folder["root.crt"], _folder[$"svid-{name}/svid_bundle.pem"]);
        }

        await Carry(Directory(_folder["svid-hq"]), Directory(_folder["svid-cloud"]), "spiffe://example.org/junction/hq", "spiffe://example.org/junction/cloud");
    }

    private static async Task Carry(string hqIdentity, string cloudIdentity, string hq, string cloud)
    {
        await using var server = LoopbackServer.Echo();
        var (linkPort, relayPort) = (FreePort.Next(), FreePort.Next());
        await using var enterprise = await JunctionProcess.Start($$"""
            {
              "identity": {{hqIdentity}}, "linkListen": ["127.0.0.1:{{linkPort}}"],
              "services": { "echo": { "target": ["127.0.0.1:{{server.Port}}"] } }, "peers": { "{{cloud.Replace("spiffe://", "", StringComparison.Ordinal)}}": { "services": ["echo"] } }
            }
            """);
        await using var junction = await JunctionProcess.Start($$"""
            {
              "identity": {{cloudIdentity}}, "links": { "hq": { "dial": ["127.0.0.1:{{linkPort}}"], "peer": "{{hq}}" } },
              "relays": { "echo": { "listen": ["127.0.0.1:{{relayPort}}"], "target": ["link://hq/echo"] } }
            }
            """);
        await junction.Line($"link with {hq} is up");
        using var client = await Loopback.Connect(relayPort);
        await client.SendAsync("hello"u8.ToArray());
        Assert.NotEqual(0, await client.ReceiveAsync(new byte[5]));
        client.Shutdown(System.Net.Sockets.SocketShutdown.Send);
        var connection = Assert.Single(await enterprise.Ended(1));
        Assert.Contains($"peer={cloud} ", connection.Text, StringComparison.Ordinal);
    }

    private static string Directory(string identity) => $$"""{ "directory": "{{identity}}" }""";

    private string Files(string name) => $$"""{ "certificate": "{{_folder[$"{name}.crt"]}}", "key": "{{_folder[$"{name}.key"]}}", "trust": "{{_folder["root.crt"]}}" }""";

    private Task<string> Root() => Openssl("/CN=root", "root", null, "basicConstraints=critical,CA:TRUE,pathlen:1", "keyUsage=critical,keyCertSign");

    private Task<string> Leaf(string name, string authority, string names) => Openssl(
        $"/CN={name}", name, authority, names, "basicConstraints=critical,CA:FALSE", "keyUsage=critical,digitalSignature", "extendedKeyUsage=serverAuth,clientAuth");

    private Task<string> Openssl(string subject, string name, string? authority, params string[] extensions) => Issue(subject, name, authority, [], extensions);

    private Task<string> Issue(string subject, string name, string? authority, string[] options, params string[] extensions) => RealProgram.Succeed("openssl", [
        "req", .. options, "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc", "-days", "1", "-subj", subject, .. extensions.SelectMany(e => new[] { "-addext", e }),
        .. authority is null ? Array.Empty<string>() : ["-CA", _folder[$"{authority}.crt"], "-CAkey", _folder[$"{authority}.key"]],
        "-keyout", _folder[$"{name}.key"], "-out", _folder[$"{name}.crt"],
    ]);
}
