using JunctionRelay.Scenarios.Harness;

namespace JunctionRelay.Scenarios;

/// <summary>
/// What <c>junction pki</c> makes is right by openssl's strictest reading, and what its constraints forbid is refused by openssl too, so that whoever trusts the
/// authority with another program is protected as well.
/// </summary>
public sealed class OpensslVerifiesWhatPkiIssues : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("sslserver")]
    [InlineData("sslclient")]
    public async Task A_leaf_is_valid(string purpose)
    {
        var pki = await SiteAuthority.Init(_folder);
        var hq = await pki.Issue("hq");
        await RealProgram.Succeed("openssl", ["verify", "-x509_strict", "-purpose", purpose, "-CAfile", pki.Trust, $"{hq}/junction.crt"]);
        await RealProgram.Succeed("openssl", ["verify", "-x509_strict", "-verify_hostname", "hq.junction.internal", "-CAfile", pki.Trust, $"{hq}/junction.crt"]);

        var text = await RealProgram.Succeed("openssl", ["x509", "-in", $"{hq}/junction.crt", "-noout", "-text"]);
        Assert.Contains("DNS:hq.junction.internal, URI:spiffe://junction.internal/hq", text, StringComparison.Ordinal);
        Assert.Contains("ASN1 OID: prime256v1", text, StringComparison.Ordinal);
        var authority = await RealProgram.Succeed("openssl", ["x509", "-in", pki.Trust, "-noout", "-text"]);
        Assert.Contains("pathlen:0", authority, StringComparison.Ordinal);
        Assert.Contains("X509v3 Name Constraints: critical", authority, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Keys_are_their_owners_alone()
    {
        var pki = await SiteAuthority.Init(_folder);
        var hq = await pki.Issue("hq");
        const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        Assert.Equal(OwnerOnly, File.GetUnixFileMode($"{hq}/junction.key"));
        Assert.Equal(OwnerOnly, File.GetUnixFileMode($"{pki.Directory}/ca.key"));
        Assert.Equal(OwnerOnly | UnixFileMode.UserExecute, File.GetUnixFileMode(pki.Directory));

        File.SetUnixFileMode($"{pki.Directory}/ca.key", OwnerOnly | UnixFileMode.OtherRead);
        var refused = await JunctionProcess.Run("pki", "issue", "cloud", "--out", _folder["cloud"], "--directory", pki.Directory);
        Assert.True(refused.ExitCode == 1 && refused.Error.Contains("chmod 600", StringComparison.Ordinal), refused.ToString());
    }

    [Theory]
    [InlineData("subjectAltName=DNS:www.example.com", "permitted subtree violation")]
    [InlineData("subjectAltName=DNS:hq.junction.internal,URI:spiffe://example.com/hq", "permitted subtree violation")]
    [InlineData("subjectAltName=DNS:hq.junction.internal,IP:192.0.2.1", "excluded subtree violation")]
    public async Task What_a_thief_of_its_key_issues_outside_its_domain_is_refused(string names, string error)
    {
        var pki = await SiteAuthority.Init(_folder);
        await Issue(pki, names);
        var verified = await RealProgram.Run("openssl", ["verify", "-CAfile", pki.Trust, _folder["forged.crt"]]);
        Assert.True(verified.ExitCode != 0 && verified.ToString().Contains(error, StringComparison.Ordinal), verified.ToString());
    }

    [Fact]
    public async Task There_is_no_authority_below_it()
    {
        var pki = await SiteAuthority.Init(_folder);
        await Issue(pki, "basicConstraints=critical,CA:TRUE");
        await RealProgram.Succeed("openssl", [
            "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc", "-days", "1", "-subj", "/CN=x", "-addext", "subjectAltName=DNS:x.junction.internal",
            "-addext", "basicConstraints=critical,CA:FALSE", "-CA", _folder["forged.crt"], "-CAkey", _folder["forged.key"], "-keyout", _folder["below.key"], "-out", _folder["below.crt"],
        ]);
        var verified = await RealProgram.Run("openssl", ["verify", "-CAfile", pki.Trust, "-untrusted", _folder["forged.crt"], _folder["below.crt"]]);
        Assert.True(verified.ExitCode != 0 && verified.ToString().Contains("path length constraint exceeded", StringComparison.Ordinal), verified.ToString());
    }

    [Fact]
    public async Task An_identity_is_issued_again_for_the_key_that_is_there()
    {
        var pki = await SiteAuthority.Init(_folder);
        var hq = await pki.Issue("hq");
        var (key, certificate) = (await File.ReadAllTextAsync($"{hq}/junction.key"), await File.ReadAllTextAsync($"{hq}/junction.crt"));
        await pki.Issue("hq");
        Assert.Equal(key, await File.ReadAllTextAsync($"{hq}/junction.key"));
        Assert.NotEqual(certificate, await File.ReadAllTextAsync($"{hq}/junction.crt"));
        var again = await JunctionProcess.Run("pki", "init", "--directory", pki.Directory);
        Assert.True(again.ExitCode == 1 && again.Error.Contains("holds an authority already", StringComparison.Ordinal), again.ToString());
    }

    private Task<string> Issue(SiteAuthority pki, string extension) => RealProgram.Succeed("openssl", [
        "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc", "-days", "1", "-subj", "/CN=forged", "-addext", extension,
        .. extension.StartsWith("basicConstraints", StringComparison.Ordinal) ? Array.Empty<string>() : ["-addext", "basicConstraints=critical,CA:FALSE"],
        "-CA", pki.Trust, "-CAkey", $"{pki.Directory}/ca.key", "-keyout", _folder["forged.key"], "-out", _folder["forged.crt"],
    ]);
}
