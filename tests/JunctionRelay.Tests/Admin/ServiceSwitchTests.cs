using System.Net;
using System.Net.Http.Headers;
using JunctionRelay.App.Admin;

namespace JunctionRelay.Tests.Admin;

/// <summary>Pausing a service, and who may.</summary>
public sealed class ServiceSwitchTests
{
    private const string Token = "0123456789abcdef0123456789abcdef";
    private const string Rest = """
        "identity": { "certificate": "certs/cloud.crt", "key": "certs/cloud.key", "trust": "certs/ca.crt" }, "linkListen": "127.0.0.1:0",
        "peers": { "node": { "services": ["lmgrd", "closed"] } },
        "services": { "lmgrd": { "target": "127.0.0.1:1" }, "closed": { "target": "127.0.0.1:1", "paused": true } }
        """;

    [Fact]
    public async Task A_paused_service_says_so_until_it_goes_on()
    {
        await using var junction = await AdminJunction.StartAsync("""{ "listen": "unix:admin.sock" }""", Rest);
        Assert.Equal((HttpStatusCode.OK, "paused; connections that are there go on"), await PostAsync(junction, "/services/lmgrd/pause"));
        await junction.StatusAsync(s => s.Relays.Single(r => r.Name == "service/lmgrd").Paused);
        Assert.Equal((HttpStatusCode.OK, "goes on"), await PostAsync(junction, "/services/lmgrd/resume"));
        Assert.Equal((HttpStatusCode.OK, "was not paused"), await PostAsync(junction, "/services/lmgrd/resume"));
        await junction.StatusAsync(s => !s.Relays.Single(r => r.Name == "service/lmgrd").Paused);
    }

    [Fact]
    public async Task What_the_configuration_paused_it_alone_lets_go_on()
    {
        await using var junction = await AdminJunction.StartAsync("""{ "listen": "unix:admin.sock" }""", Rest);
        Assert.True((await junction.StatusAsync()).Relays.Single(r => r.Name == "service/closed").Paused);
        Assert.Equal(HttpStatusCode.Conflict, (await PostAsync(junction, "/services/closed/resume")).Status);
        Assert.True((await junction.StatusAsync()).Relays.Single(r => r.Name == "service/closed").Paused);
    }

    [Theory]
    [InlineData("/services/nothing/pause", HttpStatusCode.NotFound)]
    [InlineData("/services/lmgrd/burn", HttpStatusCode.MethodNotAllowed)]
    [InlineData("/services//pause", HttpStatusCode.MethodNotAllowed)]
    [InlineData("/services/pause", HttpStatusCode.MethodNotAllowed)]
    public async Task Only_services_that_exist_are_switched(string path, HttpStatusCode expected)
    {
        await using var junction = await AdminJunction.StartAsync("""{ "listen": "unix:admin.sock" }""", Rest);
        Assert.Equal(expected, (await PostAsync(junction, path)).Status);
        Assert.False((await junction.StatusAsync()).Relays.Single(r => r.Name == "service/lmgrd").Paused);
    }

    [Fact]
    public async Task Who_may_look_without_a_proof_may_change_nothing()
    {
        await using var junction = await AdminJunction.StartAsync("""{ "listen": "127.0.0.1:0" }""", Rest);
        var (status, text) = await PostAsync(junction, "/services/lmgrd/pause");
        Assert.Equal(HttpStatusCode.Forbidden, status);
        Assert.Contains("admin.tokenFile", text, StringComparison.Ordinal);
        Assert.False((await junction.StatusAsync()).Relays.Single(r => r.Name == "service/lmgrd").Paused);
    }

    [Fact]
    public async Task A_web_page_that_rides_on_a_browsers_password_changes_nothing()
    {
        await using var junction = await AdminJunction.StartAsync("""{ "listen": "127.0.0.1:0", "tokenFile": "token" }""", Rest, ("token", Token));
        var token = new AuthenticationHeaderValue("Bearer", Token);
        Assert.Equal(HttpStatusCode.Unauthorized, (await PostAsync(junction, "/services/lmgrd/pause")).Status);
        Assert.Equal(HttpStatusCode.Forbidden, (await PostAsync(junction, "/services/lmgrd/pause", token, command: false)).Status);
        Assert.Equal(HttpStatusCode.OK, (await PostAsync(junction, "/services/lmgrd/pause", token)).Status);
    }

    private static async Task<(HttpStatusCode Status, string Text)> PostAsync(AdminJunction junction, string path, AuthenticationHeaderValue? authorization = null, bool command = true)
    {
        using var client = await junction.ClientAsync();
        using var request = new HttpRequestMessage(HttpMethod.Post, path) { Headers = { Authorization = authorization } };
        if (command) request.Headers.Add(AdminClient.CommandHeader, "switch");
        using var response = await client.SendAsync(request);
        return (response.StatusCode, (await response.Content.ReadAsStringAsync()).Trim());
    }
}
