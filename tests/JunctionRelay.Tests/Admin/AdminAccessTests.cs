using System.Net;
using System.Net.Http.Headers;
using System.Text;
using JunctionRelay.App.Admin;
using JunctionRelay.Tests.Harness;

namespace JunctionRelay.Tests.Admin;

/// <summary>Who may ask the admin endpoint, and what nobody gets from it.</summary>
public sealed class AdminAccessTests
{
    private const string Relay = """ "relays": { "r": { "listen": "127.0.0.1:0", "target": "127.0.0.1:1" } } """;
    private const string Token = "0123456789abcdef0123456789abcdef";
    private const string OtherToken = "fedcba9876543210fedcba9876543210";

    private static readonly string[] Paths = ["/", "/status", "/metrics", "/livez", "/readyz", "/readyz/r", "/events", "/nothing"];

    [Fact]
    public async Task No_path_takes_anything_but_a_question()
    {
        await using var junction = await AdminJunction.StartAsync(/*lang=json*/ """{ "listen": "127.0.0.1:0" }""", Relay);
        using var client = await junction.ClientAsync();
        foreach (var path in Paths)
        {
            foreach (var method in new[] { "POST", "PUT", "DELETE", "PATCH", "OPTIONS" })
            {
                using var request = new HttpRequestMessage(new HttpMethod(method), path);
                using var response = await client.SendAsync(request);
                Assert.Equal(HttpStatusCode.MethodNotAllowed, response.StatusCode);
            }
        }
    }

    [Fact]
    public async Task Every_answer_carries_the_headers_that_keep_other_pages_out()
    {
        await using var junction = await AdminJunction.StartAsync("""{ "listen": "127.0.0.1:0" }""", Relay);
        using var client = await junction.ClientAsync();
        foreach (var path in Paths)
        {
            using var response = await client.SendAsync(new HttpRequestMessage(HttpMethod.Get, path), HttpCompletionOption.ResponseHeadersRead);
            string Header(string name) => response.Headers.GetValues(name).Single();
            Assert.StartsWith("default-src 'none'; script-src 'self';", Header("Content-Security-Policy"), StringComparison.Ordinal);
            Assert.DoesNotContain("unsafe", Header("Content-Security-Policy"), StringComparison.Ordinal);
            Assert.Contains("frame-ancestors 'none'", Header("Content-Security-Policy"), StringComparison.Ordinal);
            Assert.Equal("nosniff", Header("X-Content-Type-Options"));
            Assert.Equal("same-origin", Header("Cross-Origin-Resource-Policy"));
            Assert.False(response.Headers.Contains("Access-Control-Allow-Origin"));
            Assert.False(response.Headers.Contains("Server"));
        }
    }

    [Theory]
    [InlineData("/../../../etc/passwd")]
    [InlineData("/..%2f..%2fetc/passwd")]
    [InlineData("/%2e%2e/%2e%2e/etc/passwd")]
    [InlineData("//etc/passwd")]
    [InlineData("/readyz/../../etc/passwd")]
    [InlineData("/readyz/%2e%2e%2f%2e%2e%2fetc%2fpasswd")]
    [InlineData("/page/index.html")]
    [InlineData("/index.html%00.js")]
    [InlineData("/page.js/")]
    [InlineData("/PAGE.JS")]
    public async Task Only_paths_that_exist_lead_anywhere(string path)
    {
        await using var junction = await AdminJunction.StartAsync("""{ "listen": "127.0.0.1:0" }""", Relay);
        var answer = await junction.RawAsync($"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        Assert.Matches("^HTTP/1.1 (400|404) ", answer);
        Assert.DoesNotContain("root:", answer, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("GET /x%0d%0aInjected:%20yes HTTP/1.1\r\nHost: localhost\r\n\r\n")]
    [InlineData("GET /readyz/x%0d%0aInjected:%20yes HTTP/1.1\r\nHost: localhost\r\n\r\n")]
    [InlineData("GET / HTTP/1.1\r\nHost: localhost\r\nIf-None-Match: \"x\"\rInjected: yes\r\n\r\n")]
    [InlineData("GET / HTTP/1.1\r\nHost: localhost%0d%0aInjected: yes\r\n\r\n")]
    public async Task Nothing_that_a_client_sends_becomes_a_header(string request)
    {
        await using var junction = await AdminJunction.StartAsync("""{ "listen": "127.0.0.1:0" }""", Relay);
        var answer = await junction.RawAsync(request.Replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n", StringComparison.Ordinal));
        Assert.StartsWith("HTTP/1.1 ", answer, StringComparison.Ordinal);
        Assert.DoesNotContain("Injected", answer, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("localhost", true)]
    [InlineData("localhost:9180", true)]
    [InlineData("127.0.0.1:9180", true)]
    [InlineData("[::1]:9180", true)]
    [InlineData("rebound.example.com", false)]
    [InlineData("localhost.example.com", false)]
    public async Task A_page_of_somebody_elses_name_that_was_pointed_at_us_learns_nothing(string host, bool may)
    {
        await using var junction = await AdminJunction.StartAsync("""{ "listen": "127.0.0.1:0" }""", Relay);
        var answer = await junction.RawAsync($"GET /status HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        Assert.StartsWith(may ? "HTTP/1.1 200" : "HTTP/1.1 421", answer, StringComparison.Ordinal);
        Assert.Equal(may, answer.Contains("\"relays\"", StringComparison.Ordinal));
    }

    [Fact]
    public async Task With_a_token_only_who_sends_it_is_answered_and_health_is_told_to_all()
    {
        await using var junction = await AdminJunction.StartAsync("""{ "listen": "127.0.0.1:0", "tokenFile": "token" }""", Relay, ("token", Token + "\n"));
        using var client = await junction.ClientAsync();
        async Task<HttpStatusCode> AskAsync(string path, AuthenticationHeaderValue? authorization)
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, path) { Headers = { Authorization = authorization } };
            using var response = await client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
            if (response.StatusCode == HttpStatusCode.Unauthorized) Assert.Equal("Basic", Assert.Single(response.Headers.WwwAuthenticate).Scheme);
            return response.StatusCode;
        }

        static AuthenticationHeaderValue Basic(string text) => new("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes(text)));
        foreach (var path in new[] { "/", "/status", "/metrics", "/events" })
        {
            Assert.Equal(HttpStatusCode.Unauthorized, await AskAsync(path, null));
            Assert.Equal(HttpStatusCode.Unauthorized, await AskAsync(path, new("Bearer", OtherToken)));
            Assert.Equal(HttpStatusCode.Unauthorized, await AskAsync(path, Basic($"{Token}:")));
            Assert.Equal(HttpStatusCode.OK, await AskAsync(path, new("Bearer", Token)));
            Assert.Equal(HttpStatusCode.OK, await AskAsync(path, Basic($"anybody:{Token}")));
        }

        Assert.Equal(HttpStatusCode.OK, await AskAsync("/livez", null));
        Assert.NotEqual(HttpStatusCode.Unauthorized, await AskAsync("/readyz/r", null));
        await junction.Log.WaitAsync("admin-refused");
        Assert.Single(junction.Log.Entries, e => e.Name == "admin-refused");   // one line a minute, however many ask

        // A new token is good at once, and the old one no more.
        junction.Folder.Write("token", OtherToken);
        File.SetLastWriteTimeUtc(junction.Folder.Path("token"), TimeProvider.System.GetUtcNow().UtcDateTime.AddHours(1));
        Assert.Equal(HttpStatusCode.OK, await AskAsync("/status", new("Bearer", OtherToken)));
        Assert.Equal(HttpStatusCode.Unauthorized, await AskAsync("/status", new("Bearer", Token)));
    }

    [Fact]
    public async Task With_certificates_only_a_name_on_the_list_is_answered()
    {
        await using var junction = await AdminJunction.StartAsync(
            """{ "listen": "tls://127.0.0.1:0", "tls": { "certificate": "certs/server.crt", "key": "certs/server.key", "trust": "certs/ca.crt", "allowNames": ["admin-*"] } }""", Relay);
        using (var nobody = await junction.ClientAsync(scheme: "https")) await Assert.ThrowsAnyAsync<Exception>(() => nobody.GetAsync("/status"));
        using (var node = await junction.ClientAsync(TestPki.Default.Issue("node-17"), "https")) await Assert.ThrowsAnyAsync<Exception>(() => node.GetAsync("/status"));
        using var admin = await junction.ClientAsync(TestPki.Default.Issue("admin-1"), "https");
        Assert.Equal(HttpStatusCode.OK, (await admin.GetAsync("/status")).StatusCode);
    }

    [Fact]
    public async Task A_revoked_certificate_is_answered_no_more()
    {
        await using var junction = await AdminJunction.StartAsync(
            """{ "listen": "tls://127.0.0.1:0", "tls": { "certificate": "certs/server.crt", "key": "certs/server.key", "trust": "certs/ca.crt" } }""",
            $$""" "identity": { "certificate": "certs/cloud.crt", "key": "certs/cloud.key", "trust": "certs/ca.crt" }, {{Relay}} """);
        using (var before = await junction.ClientAsync(TestPki.Default.Issue("admin-1"), "https"))
            Assert.Equal(HttpStatusCode.OK, (await before.GetAsync("/status")).StatusCode);
        Assert.NotNull(junction.Plan.Revocation.Lists.Offer(TestPki.Default.SignDenyList(1, "admin-1"), out _));
        using var revoked = await junction.ClientAsync(TestPki.Default.Issue("admin-1"), "https");
        await Assert.ThrowsAnyAsync<HttpRequestException>(() => revoked.GetAsync("/status"));
        using var other = await junction.ClientAsync(TestPki.Default.Issue("admin-2"), "https");
        Assert.Equal(HttpStatusCode.OK, (await other.GetAsync("/status")).StatusCode);
    }

    [Fact]
    public async Task A_unix_socket_is_for_this_user_alone()
    {
        await using var junction = await AdminJunction.StartAsync("""{ "listen": "unix:admin.sock" }""", Relay);
        Assert.Equal(HttpStatusCode.OK, (await junction.GetAsync("/status")).Status);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(junction.Folder.Path("admin.sock")));
    }

    [Fact]
    public async Task No_secret_is_in_any_answer()
    {
        await using var junction = await AdminJunction.StartAsync(
            """{ "listen": "127.0.0.1:0", "tokenFile": "token" }""",
            $""" "identity": {"{"} "certificate": "certs/cloud.crt", "key": "certs/cloud.key", "trust": "certs/ca.crt" {"}"}, {Relay}""", ("token", Token));
        using var client = await junction.ClientAsync();
        client.DefaultRequestHeaders.Authorization = new("Bearer", Token);
        // The first frames of a page's film: all of what there is, and what changed.
        using (var response = await client.GetAsync("/events", HttpCompletionOption.ResponseHeadersRead))
        using (var film = new StreamReader(await response.Content.ReadAsStreamAsync()))
        {
            for (var line = 0; line < 6; line++)
            {
                var text = await film.ReadLineAsync().WaitAsync(Eventually.Deadline);
                Assert.NotNull(text);
                if (line == 1) Assert.Contains("\"cloud\"", text, StringComparison.Ordinal);
                Assert.DoesNotContain(Token, text, StringComparison.Ordinal);
                Assert.DoesNotContain("PRIVATE KEY", text, StringComparison.Ordinal);
            }
        }

        foreach (var path in Paths.Where(p => p != "/events"))
        {
            var text = await client.GetStringAsync(path == "/nothing" || path.StartsWith("/readyz", StringComparison.Ordinal) ? "/livez" : path);
            Assert.DoesNotContain(Token, text, StringComparison.Ordinal);
            Assert.DoesNotContain("PRIVATE KEY", text, StringComparison.Ordinal);
        }
    }

    /// <summary>Silent, or in the middle of a question: neither takes the place of somebody who asks, and they do not pile up.</summary>
    [Theory]
    [InlineData("")]
    [InlineData("GET /status HTTP/1.1\r\nHost: local")]
    public async Task More_strangers_than_there_are_places_keep_nobody_out(string said)
    {
        const int Strangers = AdminVisitors.Most + 100;
        await using var junction = await AdminJunction.StartAsync("""{ "listen": "127.0.0.1:0" }""", Relay);
        using var page = await Peer.ConnectAsync(await junction.ListensAsync());
        await page.SendAsync("GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n"u8.ToArray());
        await page.ReadAsync(100);
        var strangers = new List<Peer>();
        try
        {
            for (var i = 0; i < Strangers; i++)
            {
                strangers.Add(await Peer.ConnectAsync(await junction.ListensAsync()));
                if (said.Length > 0) await strangers[^1].SendAsync(Encoding.ASCII.GetBytes(said));
            }

            // Some of them made room for others, and for these.
            foreach (var path in new[] { "/metrics", "/status", "/livez" })
                Assert.Equal(HttpStatusCode.OK, (await junction.GetAsync(path)).Status);
            var ends = strangers.Select(s => s.ReadToEndAsync()).ToList();
            await Eventually.TrueAsync(() => ends.Count(e => e.IsCompleted) >= Strangers - AdminVisitors.Most, () => $"only {ends.Count(e => e.IsCompleted)} had to go");
            // Who watches still does.
            await page.ReadAsync(1000);
        }
        finally
        {
            foreach (var stranger in strangers) stranger.Dispose();
        }
    }

    [Fact]
    public async Task A_taken_address_keeps_nobody_from_relaying_and_is_used_as_soon_as_it_is_free()
    {
        using var upstream = Peer.Listen();
        var taken = Peer.Listen();
        await using var junction = await AdminJunction.StartAsync(
            $$"""{ "listen": "{{taken.LocalEndPoint}}" }""", $$""" "relays": { "r": { "listen": "127.0.0.1:0", "target": "{{upstream.LocalEndPoint}}" } } """);
        Assert.Contains("relaying goes on", (await junction.Log.WaitAsync("admin-not-listening")).Message, StringComparison.Ordinal);
        using var client = await Peer.ConnectAsync(junction.AddressOf("r"));
        using var server = await Peer.AcceptAsync(upstream);
        taken.Dispose();
        Assert.Equal(HttpStatusCode.OK, (await junction.GetAsync("/livez")).Status);
    }
}
