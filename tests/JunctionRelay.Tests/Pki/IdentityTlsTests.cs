using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using JunctionRelay.Connections;
using JunctionRelay.Links;
using JunctionRelay.Tests.Harness;

namespace JunctionRelay.Tests.Pki;

/// <summary>What identities of our own authority are to both ends of TLS: their names, and what no certificate of it can claim.</summary>
public sealed class IdentityTlsTests : IDisposable
{
    private readonly TestAuthority _authority = new();

    public void Dispose() => _authority.Dispose();

    [Fact]
    public async Task In_one_trust_domain_names_need_no_domain()
    {
        var (hq, node) = await ShakeAsync(_authority.Identity("hq"), _authority.Identity("node-07"), "hq");
        Assert.Equal(("node-07", "hq"), (hq.Connection!.Peer!.Name, node.Connection!.Peer!.Name));
        Assert.Equal(["node-07.junction.internal", "spiffe://junction.internal/node-07"], hq.Connection!.Peer!.Names);
        Assert.Equal(64, hq.Connection.Peer.Key.Length);
    }

    [Theory]
    [InlineData("hq.junction.internal")]
    [InlineData("spiffe://junction.internal/hq")]
    [InlineData("HQ")]
    public async Task A_peer_may_be_dialled_by_any_of_its_names(string name)
    {
        var (hq, node) = await ShakeAsync(_authority.Identity("hq"), _authority.Identity("node-07"), name);
        Assert.NotNull(hq.Connection);
        Assert.NotNull(node.Connection);
    }

    [Theory]
    [InlineData("node-08")]
    [InlineData("spiffe://junction.internal/node-08")]
    [InlineData("spiffe://other.internal/hq")]
    [InlineData("junction.internal")]
    public async Task A_peer_of_another_name_is_refused(string name)
    {
        var (_, node) = await ShakeAsync(_authority.Identity("hq"), _authority.Identity("node-07"), name);
        Assert.Equal(CloseReason.DialCertificateRejected, node.Reason);
        Assert.Contains("hq.junction.internal", node.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_authority_of_another_domain_cannot_claim_a_name_in_ours()
    {
        using var other = new TestAuthority("other.internal");
        X509Certificate2Collection both = [_authority.Ca.Certificate, other.Ca.Certificate];
        var (ours, _) = await ShakeAsync(_authority.Identity("hq"), other.Identity("node-07"), "hq.junction.internal", both);
        Assert.Equal("node-07.other.internal", ours.Connection!.Peer!.Name);
        var (_, dialler) = await ShakeAsync(other.Identity("hq"), _authority.Identity("node-07"), "hq", both);
        Assert.Equal(CloseReason.DialCertificateRejected, dialler.Reason);
    }

    [Fact]
    public async Task Two_authorities_of_one_domain_serve_side_by_side_while_junctions_move_from_one_to_the_other()
    {
        using var next = new TestAuthority();
        X509Certificate2Collection both = [next.Ca.Certificate, _authority.Ca.Certificate];
        foreach (var (server, client) in new[] { (_authority, next), (next, _authority), (next, next) })
        {
            var (hq, node) = await ShakeAsync(server.Identity("hq"), client.Identity("node-07"), "hq", both);
            Assert.Equal(("node-07", "hq"), (hq.Connection!.Peer!.Name, node.Connection!.Peer!.Name));
            Assert.Equal([client.Ca.KeyHash], hq.Connection.Peer.Authorities);
        }

        // Once the old one is out of trust, what it issued is nothing.
        var (refused, _) = await ShakeAsync(next.Identity("hq"), _authority.Identity("node-07"), "hq", next.Trust);
        Assert.Equal(CloseReason.CertificateUntrusted, refused.Reason);
    }

    public static TheoryData<string, string> Thefts => new()
    {
        { "another DNS name", "HasNotPermittedNameConstraint" },
        { "another trust domain", "HasNotPermittedNameConstraint" },
        { "an IP address", "HasExcludedNameConstraint" },
        { "a URI without a host", "" },
        { "an authority below", "" },
    };

    [Theory, MemberData(nameof(Thefts))]
    public async Task Whoever_steals_the_authority_cannot_leave_its_domain(string what, string words)
    {
        using var forged = _authority.Forge("CN=x", request =>
        {
            request.CertificateExtensions.Add(new X509BasicConstraintsExtension(what == "an authority below", false, 0, true));
            var names = new SubjectAlternativeNameBuilder();
            names.AddDnsName(what == "another DNS name" ? "www.example.com" : "hq.junction.internal");
            names.AddUri(new Uri(what == "another trust domain" ? "spiffe://example.com/hq" : what == "a URI without a host" ? "urn:hq" : "spiffe://junction.internal/hq"));
            if (what == "an IP address") names.AddIpAddress(IPAddress.Loopback);
            request.CertificateExtensions.Add(names.Build());
        });
        var (server, client) = await ShakeAsync(_authority.Identity("hq"), TlsIdentity.From(forged), "hq.junction.internal");
        Assert.Equal(CloseReason.CertificateUntrusted, server.Reason);
        Assert.Contains(words, server.Detail, StringComparison.Ordinal);
        (_, client) = await ShakeAsync(TlsIdentity.From(forged), _authority.Identity("node-07"), "hq");
        Assert.Equal(CloseReason.DialCertificateRejected, client.Reason);
    }

    [Theory]
    [InlineData("an authority's own", "CA:TRUE")]
    [InlineData("for signing nothing", "digitalSignature")]
    public async Task A_valid_chain_is_not_enough(string what, string words)
    {
        // Of an authority without constraints, so that nothing else is wrong.
        var pki = new TestPki();
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=hq", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName("hq");
        request.CertificateExtensions.Add(names.Build());
        if (what == "an authority's own") request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        else request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.NonRepudiation, true));
        var now = TimeProvider.System.GetUtcNow();
        using var odd = what == "an authority's own" ? request.CreateSelfSigned(now.AddDays(-1), now.AddDays(1))
            : request.Create(pki.Authority, now.AddDays(-1), now.AddDays(1), [1]).CopyWithPrivateKey(key);
        X509Certificate2Collection trust = what == "an authority's own" ? [odd, pki.Authority] : pki.Trust;

        var (server, _) = await ShakeAsync(pki.Identity("hq"), TlsIdentity.From(odd), "hq", trust);
        Assert.Equal(CloseReason.CertificateUntrusted, server.Reason);
        Assert.Contains(words, server.Detail, StringComparison.Ordinal);
        var (_, client) = await ShakeAsync(TlsIdentity.From(odd), pki.Identity("node-07"), "hq", trust);
        Assert.Equal(CloseReason.DialCertificateRejected, client.Reason);
        Assert.Contains(words, client.Detail, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("", "names nobody")]                                       // a common name alone, which name constraints do not reach
    [InlineData("spiffe://junction.internal/evil", "is not for the name \"hq\"")]   // … and one beside another name
    public async Task A_common_name_is_no_name(string uri, string words)
    {
        using var forged = _authority.Forge("CN=hq", request =>
        {
            request.CertificateExtensions.Add(new X509BasicConstraintsExtension(false, false, 0, true));
            if (uri.Length == 0) return;
            var names = new SubjectAlternativeNameBuilder();
            names.AddUri(new Uri(uri));
            request.CertificateExtensions.Add(names.Build());
        });
        // Who has no name is in no domain either, and knows hq by its full name.
        var (server, _) = await ShakeAsync(_authority.Identity("hq"), TlsIdentity.From(forged), "hq.junction.internal");
        Assert.NotEqual("hq", server.Connection?.Peer?.Name);
        if (uri.Length == 0)
        {
            Assert.True(server.Reason == CloseReason.CertificateUntrusted, $"{server.Reason}: {server.Detail}");
            Assert.Contains(words, server.Detail, StringComparison.Ordinal);
            Assert.Contains("subjectAltName=DNS:NAME", server.Detail, StringComparison.Ordinal);
        }

        var (_, client) = await ShakeAsync(TlsIdentity.From(forged), _authority.Identity("node-07"), "hq");
        Assert.Equal(CloseReason.DialCertificateRejected, client.Reason);
        Assert.Contains(words, client.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_authorities_that_vouch_for_a_peer_are_known()
    {
        var (hq, node) = await ShakeAsync(_authority.Identity("hq"), _authority.Identity("node-07"), "hq");
        Assert.Equal([_authority.Ca.KeyHash], hq.Connection!.Peer!.Authorities);
        Assert.Equal([_authority.Ca.KeyHash], node.Connection!.Peer!.Authorities);
    }

    [Fact]
    public async Task An_svid_without_a_dns_name_is_known_by_its_spiffe_id()
    {
        var pki = new TestPki();
        var server = TlsIdentity.From(Svid(pki, "spiffe://example.org/site/hq"));
        var client = TlsIdentity.From(Svid(pki, "spiffe://example.org/ns/jobs/sa/node"));
        var (hq, node) = await ShakeAsync(server, client, "spiffe://example.org/site/hq", pki.Trust);
        Assert.Equal("spiffe://example.org/ns/jobs/sa/node", hq.Connection!.Peer!.Name);
        Assert.Equal("spiffe://example.org/site/hq", node.Connection!.Peer!.Name);
    }

    private static X509Certificate2 Svid(TestPki pki, string id)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.DigitalSignature, true));
        var names = new SubjectAlternativeNameBuilder();
        names.AddUri(new Uri(id));
        request.CertificateExtensions.Add(names.Build(critical: true));
        var now = TimeProvider.System.GetUtcNow();
        return request.Create(pki.Authority, now.AddHours(-1), now.AddHours(1), RandomNumberGenerator.GetBytes(8)).CopyWithPrivateKey(key);
    }

    private async Task<(DialOutcome Server, DialOutcome Client)> ShakeAsync(
        TlsIdentity server, TlsIdentity client, string name, X509Certificate2Collection? trust = null)
    {
        trust ??= _authority.Trust;
        await using var listener = SocketListener.Bind(new IPEndPoint(IPAddress.Loopback, 0), SocketSettings.Default);
        var serving = ServeAsync();
        var dialled = await new SocketDialer(SocketSettings.Default).DialAsync(listener.EndPoint, Eventually.Deadline, CancellationToken.None);
        var outcome = await TlsHandshake.Dialling(LinkConnector.ForLinks(new TlsSettings(client, trust)), name).RunAsync(dialled.Connection!, Eventually.Deadline, CancellationToken.None);
        if (outcome.Connection is null)
            dialled.Connection!.Abort(outcome.Reason);
        var served = await serving;
        await (outcome.Connection ?? dialled.Connection!).DisposeAsync();
        return (served, outcome);

        async Task<DialOutcome> ServeAsync()
        {
            var connection = (await listener.AcceptAsync())!;
            var secured = await TlsHandshake.Serving(LinkConnector.ForLinks(new TlsSettings(server, trust))).RunAsync(connection, Eventually.Deadline, CancellationToken.None);
            if (secured.Connection is null)
                connection.Abort(secured.Reason);
            await (secured.Connection ?? connection).DisposeAsync();
            return secured;
        }
    }
}
