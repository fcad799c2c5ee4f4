using System.Net;
using System.Net.Sockets;
using System.Text;
using JunctionRelay.Scenarios.Harness;

namespace JunctionRelay.Scenarios;

/// <summary>Real haproxy and nginx write and read PROXY headers with us: the client's own address arrives, also over a link and before TLS.</summary>
public sealed class BalancersAndJunctionSpeakProxyProtocol
{
    /// <summary>The client: an address of this machine that neither balancer nor junction uses by itself.</summary>
    private const string Client = "127.0.0.5";

    [Theory]
    [InlineData("haproxy", "v1")]
    [InlineData("haproxy", "v2")]
    [InlineData("nginx", "v1")]
    [InlineData("nginx", "v2")]
    public async Task A_server_reads_the_client_from_our_header(string server, string version)
    {
        using var folder = new TemporaryFolder();
        var (serverPort, relayPort) = (FreePort.Next(), FreePort.Next());
        await using var reader = await Reader(server, folder, serverPort);
        await using var junction = await JunctionProcess.Start($$"""
            { "relays": { "in": { "listen": ["127.0.0.1:{{relayPort}}"], "target": ["127.0.0.1:{{serverPort}}"], "proxyProtocol": "{{version}}" } } }
            """);
        var (from, answer) = await Ask(relayPort, server == "haproxy" ? "GET / HTTP/1.0\r\n\r\n" : "");
        var line = Assert.Single(await junction.Ended(1));
        Assert.Contains($"client={Client}:{from} ", line.Text, StringComparison.Ordinal);
        Assert.Contains($"source {Client}:{from} destination 127.0.0.1:{relayPort}", answer, StringComparison.Ordinal);
        // haproxy alone can say what else was in it.
        if (server == "haproxy" && version == "v2")
            Assert.Contains($"id {line.Id}", answer, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("haproxy", "send-proxy")]
    [InlineData("haproxy", "send-proxy-v2")]
    [InlineData("haproxy", "send-proxy-v2-ssl-cn")]
    [InlineData("haproxy", "send-proxy-v2 proxy-v2-options crc32c,unique-id")]
    [InlineData("haproxy", "send-proxy-v2 check inter 100ms")]
    [InlineData("nginx", "")]
    public async Task We_read_the_client_from_a_balancers_header(string balancer, string how)
    {
        using var folder = new TemporaryFolder();
        await using var echo = LoopbackServer.Echo();
        var (balancerPort, relayPort) = (FreePort.Next(), FreePort.Next());
        await using var junction = await JunctionProcess.Start($$"""
            { "relays": { "in": { "listen": ["127.0.0.1:{{relayPort}}"], "target": ["127.0.0.1:{{echo.Port}}"], "healthInterval": "0",
                                  "proxyFrom": ["127.0.0.1"], "allow": ["{{Client}}"] } } }
            """);
        await using var writer = balancer == "haproxy"
            ? await Balancers.Haproxy(folder, balancerPort, $"""
                  bind 127.0.0.1:{balancerPort}
                  unique-id-format %Ts
                  server junction 127.0.0.1:{relayPort} {how}
                """)
            : await Balancers.NginxStream(folder, balancerPort, $"server {{ listen 127.0.0.1:{balancerPort}; proxy_pass 127.0.0.1:{relayPort}; proxy_protocol on; }}");

        var from = await Echo(balancerPort);
        await junction.Line($"client={Client}:{from} ");
        // A health check of its own says that it is the balancer's own, and passes.
        if (how.Contains("check", StringComparison.Ordinal))
        {
            Assert.DoesNotContain(writer.Lines, l => l.Contains("DOWN", StringComparison.Ordinal));
            await Echo(balancerPort);
        }

        // Nobody else gets in, with or without a header.
        Assert.Equal("reset", await EndOf(relayPort, $"PROXY TCP4 192.0.2.1 127.0.0.1 1 {relayPort}\r\n"));
        Assert.Equal("reset", await EndOf(relayPort, "no header\r\n"));
        await junction.Line("reason=address-not-allowed");
        await junction.Line("reason=greeting-invalid");
    }

    [Fact]
    public async Task The_client_survives_a_link_and_tls_on_the_way()
    {
        using var folder = new TemporaryFolder();
        using var authority = new TestCertificates(folder);
        var (balancerPort, relayPort, linkPort, serverPort) = (FreePort.Next(), FreePort.Next(), FreePort.Next(), FreePort.Next());
        await using var reader = await Reader("haproxy", folder, serverPort);
        await using var enterprise = await JunctionProcess.Start($$"""
            { {{Identity("enterprise")}}, "linkListen": ["127.0.0.1:{{linkPort}}"],
              "services": { "web": { "target": ["127.0.0.1:{{serverPort}}"], "proxyProtocol": "v2" } }, "peers": { "cloud": { "services": ["web"] } } }
            """);
        await using var cloud = await JunctionProcess.Start($$"""
            { {{Identity("cloud")}}, "links": { "enterprise": { "dial": ["127.0.0.1:{{linkPort}}"] } },
              "relays": { "web": { "listen": ["tls://127.0.0.1:{{relayPort}}"], "target": ["link://enterprise/web"], "proxyFrom": ["127.0.0.1"], "allow": ["{{Client}}"] } } }
            """);
        await cloud.Line("link with enterprise is up");
        var node = authority.Issue("balancer");
        // haproxy says its header, then speaks TLS with us.
        await using var balancer = await Balancers.Haproxy(folder, balancerPort, $"""
              bind 127.0.0.1:{balancerPort}
              server junction 127.0.0.1:{relayPort} send-proxy-v2 ssl verify required ca-file {authority.Trust} crt {node.Both} sni str(cloud) verifyhost cloud
            """);

        var (from, answer) = await Ask(balancerPort, "GET / HTTP/1.0\r\n\r\n");
        var here = Assert.Single(await cloud.Ended(1));
        Assert.Contains($"source {Client}:{from} destination 127.0.0.1:{balancerPort} id {here.Id}", answer, StringComparison.Ordinal);
        Assert.Contains($"client={Client}:{from} peer=balancer ", here.Text, StringComparison.Ordinal);
        Assert.Contains($"client={Client}:{from} peer=cloud ", Assert.Single(await enterprise.Ended(1)).Text, StringComparison.Ordinal);

        string Identity(string name)
        {
            var files = authority.Issue(name);
            return $$""" "identity": { "certificate": "{{files.Certificate}}", "key": "{{files.Key}}", "trust": "{{authority.Trust}}" } """;
        }
    }

    // Answers every request with what the header said.
    private static Task<RealProgram> Reader(string server, TemporaryFolder folder, int port) => server == "haproxy"
        ? Balancers.Haproxy(folder, port, $"""
              mode http
              bind 127.0.0.1:{port} accept-proxy
              http-request return status 200 content-type text/plain lf-string "source %[src]:%[src_port] destination %[dst]:%[dst_port] id %[fc_pp_unique_id]"
            """)
        : Balancers.NginxStream(folder, port, $$"""
            server {
              listen 127.0.0.1:{{port}} proxy_protocol;
              return "source $proxy_protocol_addr:$proxy_protocol_port destination $proxy_protocol_server_addr:$proxy_protocol_server_port";
            }
            """);

    private static async Task<Socket> Connect(int port, string address = Client)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Parse(address), 0));
        await socket.ConnectAsync(IPAddress.Loopback, port);
        return socket;
    }

    private static async Task<(int From, string Answer)> Ask(int port, string request)
    {
        using var socket = await Connect(port);
        await socket.SendAsync(Encoding.ASCII.GetBytes(request));
        var answer = new StringBuilder();
        var buffer = new byte[4096];
        while (await socket.ReceiveAsync(buffer).Within(Deadline.Soon, "the server answers") is > 0 and var count)
            answer.Append(Encoding.ASCII.GetString(buffer, 0, count));
        return (((IPEndPoint)socket.LocalEndPoint!).Port, answer.ToString());
    }

    private static async Task<int> Echo(int port)
    {
        using var socket = await Connect(port);
        await socket.SendAsync("ping"u8.ToArray());
        var answer = new byte[4];
        for (var got = 0; got < answer.Length;)
        {
            var count = await socket.ReceiveAsync(answer.AsMemory(got)).AsTask().Within(Deadline.Soon, "the echo comes back");
            Assert.NotEqual(0, count);
            got += count;
        }

        return ((IPEndPoint)socket.LocalEndPoint!).Port;
    }

    private static async Task<string> EndOf(int port, string bytes)
    {
        using var socket = await Connect(port, "127.0.0.1");
        await socket.SendAsync(Encoding.ASCII.GetBytes(bytes));
        return await Loopback.HowItEnds(socket, Deadline.Soon);
    }
}
