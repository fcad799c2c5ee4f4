using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json;
using JunctionRelay.App.Admin;
using JunctionRelay.Configuration;
using JunctionRelay.Relay;
using JunctionRelay.Tests.Configuration;
using JunctionRelay.Tests.Harness;
using Microsoft.Extensions.Logging.Abstractions;

namespace JunctionRelay.Tests.Admin;

/// <summary>A junction with an admin endpoint, from a configuration as a user writes it, and whoever asks it.</summary>
internal sealed class AdminJunction : IAsyncDisposable
{
    private readonly LinkService _links;

    private AdminJunction(ConfigFolder folder, JunctionPlan plan, LinkService links, RelayService relays, AdminServer server, ReloadOutcome reload, TestLog<AdminServer> log) =>
        (Folder, Plan, _links, Relays, Server, Reload, Log) = (folder, plan, links, relays, server, reload, log);

    public ConfigFolder Folder { get; }
    public JunctionPlan Plan { get; }
    public RelayService Relays { get; }
    public AdminServer Server { get; }
    public ReloadOutcome Reload { get; }
    public TestLog<AdminServer> Log { get; }

    /// <summary>Where it listens; waits until it does.</summary>
    public async Task<EndPoint> ListensAsync()
    {
        await Eventually.TrueAsync(() => Server.EndPoint is not null, () => "the admin endpoint does not listen");
        return Server.EndPoint!;
    }

    /// <param name="admin">The section <c>admin</c>.</param>
    /// <param name="rest">The other sections, with a comma between them.</param>
    /// <param name="files">Written before the configuration is read.</param>
    public static async Task<AdminJunction> StartAsync(string admin, string rest, params (string Name, string Text)[] files)
    {
        var folder = new ConfigFolder();
        foreach (var (name, text) in files) folder.Write(name, text);
        folder.Write("junction.json", $$"""{ "admin": {{admin}}, {{rest}} }""");
        var plan = RelayPlanBuilder.Build(folder.Config(), folder.Root, TimeProvider.System);
        var links = new LinkService(plan.Links, NullLogger<LinkService>.Instance);
        var relays = new RelayService(
            plan.Relays, TimeSpan.FromMinutes(1), new TestLog<RelayService>(), TimeProvider.System, plan.Peers is null ? null : (plan.Peers, links.Streams));
        var (reload, log) = (new ReloadOutcome(TimeProvider.System), new TestLog<AdminServer>());
        var server = new AdminServer(() => plan, relays, links, reload, log, TimeProvider.System);
        var junction = new AdminJunction(folder, plan, links, relays, server, reload, log);
        await server.StartAsync(CancellationToken.None);
        await links.StartAsync(CancellationToken.None);
        await relays.StartAsync(CancellationToken.None);
        return junction;
    }

    /// <summary>One that listens on a free loopback port, with one relay. A target that a test accepts for is not probed, or the test would take a probe for its client.</summary>
    public static Task<AdminJunction> StartAsync(EndPoint target, string more = "", bool probed = false) => StartAsync(
        """{ "listen": "127.0.0.1:0" }""",
        $$"""{{more}} "relays": { "lmgrd": { "listen": "127.0.0.1:0", "target": "{{target}}", "healthInterval": "{{(probed ? "10s" : "0")}}" } }""");

    public EndPoint AddressOf(string relay) => Relays.Addresses.Single(a => a.Relay == relay).Address;

    /// <summary>A browser, a scraper. Redirects, proxies and cookies are none of its business.</summary>
    public async Task<HttpClient> ClientAsync(X509Certificate2? certificate = null, string scheme = "http")
    {
        var endPoint = await ListensAsync();
        var handler = new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            UseProxy = false,
            ConnectCallback = async (_, cancellationToken) =>
            {
                var socket = new Socket(endPoint.AddressFamily, SocketType.Stream, endPoint is IPEndPoint ? ProtocolType.Tcp : ProtocolType.Unspecified);
                await socket.ConnectAsync(endPoint, cancellationToken);
                return new NetworkStream(socket, ownsSocket: true);
            },
        };
        handler.SslOptions.CertificateChainPolicy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
        handler.SslOptions.CertificateChainPolicy.CustomTrustStore.AddRange(TestPki.Default.Trust);
        if (certificate is not null) handler.SslOptions.ClientCertificates = [certificate];
        return new HttpClient(handler) { BaseAddress = new Uri(scheme == "http" ? "http://localhost/" : "https://relay.test/"), Timeout = Eventually.Deadline };
    }

    public async Task<(HttpStatusCode Status, string Text)> GetAsync(string path)
    {
        using var client = await ClientAsync();
        using var response = await client.GetAsync(path);
        return (response.StatusCode, await response.Content.ReadAsStringAsync());
    }

    public async Task<StatusDocument> StatusAsync() => JsonSerializer.Deserialize((await GetAsync("/status")).Text, StatusJson.Default.StatusDocument)!;

    /// <summary>Waits until the status is as wanted.</summary>
    public async Task<StatusDocument> StatusAsync(Func<StatusDocument, bool> wanted)
    {
        for (var watch = System.Diagnostics.Stopwatch.StartNew(); ; await Task.Delay(20))
        {
            var (_, text) = await GetAsync("/status");
            var status = JsonSerializer.Deserialize(text, StatusJson.Default.StatusDocument)!;
            if (wanted(status)) return status;
            if (watch.Elapsed > Eventually.Deadline) Assert.Fail($"the status stays\n{text}");
        }
    }

    /// <summary>What the server answers to these very bytes, until it closes.</summary>
    public async Task<string> RawAsync(string request)
    {
        using var peer = await Peer.ConnectAsync(await ListensAsync());
        await peer.SendAsync(Encoding.Latin1.GetBytes(request));
        return Encoding.Latin1.GetString((await peer.ReadToEndAsync()).Bytes);
    }

    public async ValueTask DisposeAsync()
    {
        Relays.StopNow();
        await _links.StoppingAsync(CancellationToken.None);
        await Relays.StopAsync(CancellationToken.None);
        await _links.StopAsync(CancellationToken.None);
        await Server.StopAsync(CancellationToken.None);
        Server.Dispose();
        await Relays.DisposeAsync();
        await _links.DisposeAsync();
        Folder.Dispose();
    }
}
