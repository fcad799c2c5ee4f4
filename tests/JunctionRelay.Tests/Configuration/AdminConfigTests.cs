namespace JunctionRelay.Tests.Configuration;

/// <summary>Where the admin endpoint may listen, and what it then asks for.</summary>
public sealed class AdminConfigTests
{
    private const string Trusting = """ "identity": { "certificate": "certs/cloud.crt", "key": "certs/cloud.key", "trust": "certs/ca.crt" }, """;
    private const string OwnCertificate = """ "certificate": "certs/server.crt", "key": "certs/server.key" """;

    [Theory]
    [InlineData(""" "listen": "127.0.0.1:9180" """)]
    [InlineData(""" "listen": "[::1]:9180" """)]
    [InlineData(""" "listen": "localhost:9180" """)]
    [InlineData(""" "listen": "unix:admin.sock" """)]
    [InlineData(""" "listen": "0.0.0.0:9180", "tokenFile": "certs/token" """)]
    [InlineData(""" "listen": "tls://*:9180", "tls": { "certificate": "certs/server.crt", "key": "certs/server.key", "trust": "certs/ca.crt" } """)]
    public void Loopback_a_socket_file_a_token_or_a_certificate_will_do(string admin) => Assert.Empty(Problems(admin));

    [Fact]
    public void The_identity_serves_here_as_well() => Assert.Empty(Problems(""" "listen": "tls://0.0.0.0:9180" """, Trusting));

    [Theory]
    [InlineData("0.0.0.0:9180")]
    [InlineData("*:9180")]
    [InlineData("[::]:9180")]
    [InlineData("10.0.0.7:9180")]
    public void Other_machines_must_prove_who_they_are(string listen) => Assert.Equal(
        [$"admin.listen (junction.json:1): is '{listen}', where other machines may ask without proving who they are; add admin.tokenFile, or write tls:// and name a trust; or listen on 127.0.0.1"],
        Problems($"\"listen\": \"{listen}\""));

    [Fact]
    public void Tls_that_asks_for_no_certificate_is_no_proof() => Assert.Contains(
        "without proving who they are", Assert.Single(Problems($"\"listen\": \"tls://0.0.0.0:9180\", \"tls\": {{ {OwnCertificate}, \"clientCertificate\": \"none\" }}", Trusting)), StringComparison.Ordinal);

    [Theory]
    [InlineData(""" """, "admin.listen (junction.json:1): is missing; write 127.0.0.1:9180, or unix:/run/junction/admin.sock")]
    [InlineData(""" "listen": "9180" """, "admin.listen (junction.json:1): '9180' is only a port; ")]
    [InlineData(""" "listen": "127.0.0.1:9180-9190" """, "admin.listen (junction.json:1): is '127.0.0.1:9180-9190'; write 127.0.0.1:9180, ")]
    [InlineData(""" "listen": "socks5://127.0.0.1:9180" """, "admin.listen (junction.json:1): is 'socks5://127.0.0.1:9180'; ")]
    [InlineData(""" "listen": "127.0.0.1:1" """, "relays.r.listen[0] (junction.json:1): wants what admin.listen listens on already; |admin.listen (junction.json:1): wants what relays.r.listen[0] listens on already; ")]
    [InlineData(""" "listen": "tls://127.0.0.1:9180" """, "admin.tls.certificate (junction.json:1): is missing, and tls:// needs one; ")]
    [InlineData(""" "listen": "127.0.0.1:9180", "tls": { "certificate": "certs/both.pem" } """, "admin.tls (junction.json:1): has no effect: ")]
    [InlineData(""" "listen": "127.0.0.1:9180", "tokenFile": "nothing" """, "admin.tokenFile (junction.json:1): nothing does not exist; make it: ")]
    [InlineData(""" "listen": "127.0.0.1:9180", "tokenFile": "certs/empty.pem" """, "admin.tokenFile (junction.json:1): certs/empty.pem holds no token; ")]
    [InlineData(""" "listen": "127.0.0.1:9180", "tokenFile": "certs/ca.crt" """, "admin.tokenFile (junction.json:1): certs/ca.crt holds no token; ")]
    public void Every_problem_is_named_with_its_remedy(string admin, string begins)
    {
        var problem = Assert.Single(Problems(admin));
        Assert.True(begins.Split('|').Any(b => problem.StartsWith(b, StringComparison.Ordinal)), problem);
    }

    private static IReadOnlyList<string> Problems(string admin, string more = "")
    {
        using var folder = new ConfigFolder();
        return folder.Write("junction.json", $$"""{ "admin": { {{admin}} }, {{more}} "relays": { "r": { "listen": "127.0.0.1:1", "target": "lic:1" } } }""").Problems();
    }
}
