using System.Net;
using System.Text;
using JunctionRelay.Connections;
using JunctionRelay.Greetings;
using JunctionRelay.Tests.Harness;

namespace JunctionRelay.Tests.Greetings;

public sealed class HttpConnectTests
{
    [Theory]
    [InlineData("CONNECT host:443 HTTP/1.1\r\nHost: host:443\r\n\r\n")]
    [InlineData("CONNECT host:443 HTTP/1.0\r\n\r\n")]
    [InlineData("CONNECT [::1]:443 HTTP/1.1\r\nhOsT:host\r\nUser-Agent: curl/8\r\nProxy-Connection: Keep-Alive\r\nContent-Length: 0\r\n\r\n")]
    public void A_request_is_read_to_its_last_byte_and_no_further(string text)
    {
        var bytes = Encoding.Latin1.GetBytes(text + "rest");
        var parsed = HttpConnectRequest.Parse(bytes);
        Assert.Equal((PreambleState.Parsed, text.Length), (parsed.State, parsed.Bytes));
        Assert.Equal(text.Split(' ')[1], parsed.Message!.Target);
        for (var length = 1; length < text.Length; length++) Assert.Equal(PreambleState.NeedMore, HttpConnectRequest.Parse(bytes.AsSpan(0, length)).State);
    }

    [Theory]
    [InlineData("CONNECT host:443 HTTP/1.1\r\n\r\n", 400)]                                              // no Host
    [InlineData("CONNECT host:443 HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400)]
    [InlineData("CONNECT host:443 HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n", 400)]
    [InlineData("CONNECT host:443 HTTP/1.1\r\nHost: a\r\nContent-Length: 00\r\n\r\n", 400)]
    [InlineData("CONNECT host:443 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", 400)]
    [InlineData("CONNECT host:443 HTTP/1.1\r\nHost: a\r\ntransfer-encoding:\r\n\r\n", 400)]
    [InlineData("CONNECT host:443 HTTP/1.1\r\nHost : a\r\n\r\n", 400)]                                  // a blank before the colon
    [InlineData("CONNECT host:443 HTTP/1.1\r\nHost: a\r\n b\r\n\r\n", 400)]                             // a folded line
    [InlineData("CONNECT host:443 HTTP/1.1\r\nHost: a\r\nX: a\nTransfer-Encoding: x\r\n\r\n", 400)]     // LF alone
    [InlineData("CONNECT host:443 HTTP/1.1\r\nHost: a\r\nX: a\rY: b\r\n\r\n", 400)]
    [InlineData("CONNECT host:443 HTTP/1.1\r\nHost: a\r\nX: \0\r\n\r\n", 400)]
    [InlineData("CONNECT host:443 HTTP/1.1\r\nHost: a\r\n: x\r\n\r\n", 400)]
    [InlineData("CONNECT host:443 HTTP/1.1\r\nHost: a\r\nnothing\r\n\r\n", 400)]
    [InlineData("CONNECT host:443 HTTP/1.1\r\nHost: a\r\nProxy-Authorization: Basic YTpi\r\nProxy-Authorization: Basic YTpi\r\n\r\n", 400)]
    [InlineData("CONNECT host:443  HTTP/1.1\r\nHost: a\r\n\r\n", 400)]
    [InlineData("CONNECT\thost:443 HTTP/1.1\r\nHost: a\r\n\r\n", 400)]
    [InlineData("CONNECT host:443\r\n\r\n", 400)]
    [InlineData("CONNECT host:443 http/1.1\r\nHost: a\r\n\r\n", 400)]
    [InlineData("CONNECT host:443 HTTP/1.1x\r\nHost: a\r\n\r\n", 505)]
    [InlineData("PRI * HTTP/2.0\r\n\r\n", 505)]
    [InlineData("\r\nCONNECT host:443 HTTP/1.1\r\nHost: a\r\n\r\n", 400)]
    [InlineData(" CONNECT host:443 HTTP/1.1\r\nHost: a\r\n\r\n", 400)]
    [InlineData("CONNECT host:443 HTTP/1.1\n", 400)]
    [InlineData("CONNECT ho\0st", 400)]
    [InlineData("\u0016\u0003\u0001", 400)]
    public void What_two_programs_might_read_differently_is_refused(string text, int status)
    {
        var parsed = HttpConnectRequest.Parse(Encoding.Latin1.GetBytes(text));
        Assert.Equal((PreambleState.Invalid, status), (parsed.State, parsed.Code));
        Assert.NotEmpty(parsed.Why);
    }

    [Fact]
    public void A_head_has_a_longest_length_and_a_most_of_fields()
    {
        var endless = Encoding.ASCII.GetBytes("CONNECT host:443 HTTP/1.1\r\nX: " + new string('a', HttpConnectRequest.MaxBytes));
        Assert.Equal(PreambleState.NeedMore, HttpConnectRequest.Parse(endless.AsSpan(0, HttpConnectRequest.MaxBytes - 1)).State);
        Assert.Equal(431, HttpConnectRequest.Parse(endless.AsSpan(0, HttpConnectRequest.MaxBytes)).Code);
        // Also when the end came with the same read.
        Assert.Equal(431, HttpConnectRequest.Parse([.. endless, .. "\r\n\r\n"u8]).Code);
        var many = "CONNECT host:443 HTTP/1.1\r\nHost: a\r\n" + string.Concat(Enumerable.Repeat("X: y\r\n", HttpConnectRequest.MaxFields)) + "\r\n";
        Assert.Equal(400, HttpConnectRequest.Parse(Encoding.ASCII.GetBytes(many)).Code);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_client_is_answered_after_the_dial_and_its_bytes_follow(bool allAtOnce)
    {
        using var upstream = Peer.Listen();
        var port = ((IPEndPoint)upstream.LocalEndPoint!).Port;
        await using var entrance = await Entrance.StartAsync("http", null, null, $"127.0.0.1:{port}");
        using var client = await Peer.ConnectAsync(entrance.Address);
        // A second request is payload like anything else.
        const string payload = "CONNECT 127.0.0.1:1 HTTP/1.1\r\nHost: a\r\n\r\n";
        var request = $"CONNECT 127.0.0.1:{port} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n";
        if (allAtOnce) await client.SendAsync(Encoding.ASCII.GetBytes(request + payload));
        else foreach (var b in Encoding.ASCII.GetBytes(request)) await client.SendAsync(new[] { b });
        using var server = await Peer.AcceptAsync(upstream);
        const string answer = "HTTP/1.1 200 Connection established\r\n\r\n";
        Assert.Equal(answer, Encoding.ASCII.GetString(await client.ReadAsync(answer.Length)));
        if (!allAtOnce) await client.SendAsync(Encoding.ASCII.GetBytes(payload));
        Assert.Equal(payload, Encoding.ASCII.GetString(await server.ReadAsync(payload.Length)));
        await server.EndAsync();
        Assert.Equal(([], SeenEnd.Clean), await client.ReadToEndAsync());
    }

    [Theory]
    [InlineData(nameof(CloseReason.NotPermitted), "403", "destination_ip_prohibited")]
    [InlineData(nameof(CloseReason.NoSuchService), "403", "destination_ip_prohibited")]
    [InlineData(nameof(CloseReason.DialRefused), "502", "connection_refused")]
    [InlineData(nameof(CloseReason.DialUnresolved), "502", "dns_error")]
    [InlineData(nameof(CloseReason.DialUnreachable), "502", "destination_ip_unroutable")]
    [InlineData(nameof(CloseReason.DialTimeout), "504", "connection_timeout")]
    [InlineData(nameof(CloseReason.LinkDown), "503", "destination_unavailable")]
    [InlineData(nameof(CloseReason.InternalError), "502", "proxy_internal_error")]
    public async Task A_failure_is_told_by_its_status_and_a_smuggled_request_is_not_read(string reason, string status, string error)
    {
        var target = new Entrance.Failing(Enum.Parse<CloseReason>(reason));
        await using var entrance = await Entrance.StartAsync("http", null, null, target);
        const string request = "CONNECT host:443 HTTP/1.1\r\nHost: host:443\r\n\r\n";
        var answer = await entrance.SayAsync(request + request);
        Assert.StartsWith($"HTTP/1.1 {status} ", answer, StringComparison.Ordinal);
        Assert.Contains($"\r\nProxy-Status: junction; error={error}\r\n", answer, StringComparison.Ordinal);
        Assert.Equal(new DnsEndPoint("host", 443), Assert.Single(target.Asked));
    }

    [Theory]
    [InlineData("GET http://host/ HTTP/1.1\r\nHost: host\r\n\r\n", "405")]
    [InlineData("connect host:443 HTTP/1.1\r\nHost: host\r\n\r\n", "405")]
    [InlineData("CONNECT host HTTP/1.1\r\nHost: host\r\n\r\n", "400")]
    [InlineData("CONNECT http://host:443/ HTTP/1.1\r\nHost: host\r\n\r\n", "400")]
    [InlineData("CONNECT user@host:443 HTTP/1.1\r\nHost: host\r\n\r\n", "400")]
    [InlineData("CONNECT host:443/ HTTP/1.1\r\nHost: host\r\n\r\n", "400")]
    [InlineData("CONNECT unix:/run/x.sock HTTP/1.1\r\nHost: host\r\n\r\n", "400")]
    [InlineData("CONNECT ::1:443 HTTP/1.1\r\nHost: host\r\n\r\n", "400")]
    [InlineData("CONNECT host:0 HTTP/1.1\r\nHost: host\r\n\r\n", "400")]
    [InlineData("CONNECT host:99999 HTTP/1.1\r\nHost: host\r\n\r\n", "400")]
    public async Task What_is_no_connect_is_answered_and_nothing_is_dialled(string request, string status)
    {
        var target = new Entrance.Failing(CloseReason.DialRefused);
        await using var entrance = await Entrance.StartAsync("http", null, null, target);
        Assert.StartsWith($"HTTP/1.1 {status} ", await entrance.SayAsync(request), StringComparison.Ordinal);
        Assert.Empty(target.Asked);
        Assert.Equal("greeting-invalid", (await entrance.EndAsync()).Fields["reason"]);
    }

    [Theory]
    [InlineData(null, "407")]
    [InlineData("Basic YWxpY2U6d29uZGVyOmxhbmQ=", "502")]     // alice:wonder:land
    [InlineData("bAsIc  YWxpY2U6d29uZGVyOmxhbmQ=", "502")]
    [InlineData("Basic YWxpY2U6eA==", "407")]                 // alice:x
    [InlineData("Basic bm9ib2R5Ong=", "407")]                 // nobody:x
    [InlineData("Basic YWxpY2U=", "407")]                     // alice
    [InlineData("Basic !!!", "407")]
    [InlineData("Bearer YWxpY2U6d29uZGVyOmxhbmQ=", "407")]
    [InlineData("", "407")]
    public async Task With_users_only_they_get_in(string? authorization, string status)
    {
        var target = new Entrance.Failing(CloseReason.DialRefused);
        await using var entrance = await Entrance.StartAsync("http", Entrance.Users, null, target);
        var answer = await entrance.SayAsync($"CONNECT host:443 HTTP/1.1\r\nHost: host\r\n{(authorization is null ? "" : $"Proxy-Authorization: {authorization}\r\n")}\r\n");
        Assert.StartsWith($"HTTP/1.1 {status} ", answer, StringComparison.Ordinal);
        Assert.Equal(status == "407", answer.Contains("\r\nProxy-Authenticate: Basic realm=", StringComparison.Ordinal));
        Assert.Equal(status == "407", target.Asked.IsEmpty);
        var line = await entrance.EndAsync();
        Assert.Equal(status == "407" ? "credentials-rejected" : "dial-refused", line.Fields["reason"]);
        Assert.DoesNotContain("wonder", line.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_client_that_never_finishes_is_told_so_and_left()
    {
        var time = new ManualTime();
        var target = new Entrance.Failing(CloseReason.DialRefused);
        await using var entrance = await Entrance.StartAsync("http", null, time, target);
        using var client = await Peer.ConnectAsync(entrance.Address);
        await client.SendAsync("CONNECT host:443 HTTP/1.1\r\n"u8.ToArray());
        var reading = client.ReadToEndAsync();
        await Eventually.TrueAsync(
            () =>
            {
                time.Advance(TimeSpan.FromSeconds(1));
                return reading.IsCompleted;
            }, () => "the client is still there");
        Assert.StartsWith("HTTP/1.1 408 ", Encoding.ASCII.GetString((await reading).Bytes), StringComparison.Ordinal);
        Assert.Equal("greeting-timeout", (await entrance.EndAsync()).Fields["reason"]);
        Assert.Empty(target.Asked);
    }

    [Theory]
    [InlineData("", "CONNECT ho")]
    [InlineData("CONNECT host:443 HTTP/1.1\r\nHost: host\r\n", "X: aaaaaaa")]
    public async Task A_client_that_says_one_byte_after_the_other_has_no_more_time(string opening, string rest)
    {
        var time = new ManualTime();
        var target = new Entrance.Failing(CloseReason.DialRefused);
        await using var entrance = await Entrance.StartAsync("http", null, time, target);
        var (answer, _) = await Trickle.UntilTheTimeoutAsync(entrance.Address, time, Encoding.ASCII.GetBytes(opening), Encoding.ASCII.GetBytes(rest));
        Assert.StartsWith("HTTP/1.1 408 ", Encoding.ASCII.GetString(answer), StringComparison.Ordinal);
        Assert.Equal("greeting-timeout", (await entrance.EndAsync()).Fields["reason"]);
        Assert.Empty(target.Asked);
    }

    [Fact]
    public async Task An_endless_head_is_answered_at_its_bound_however_much_follows()
    {
        var target = new Entrance.Failing(CloseReason.DialRefused);
        await using var entrance = await Entrance.StartAsync("http", null, null, target);
        using var client = await Peer.ConnectAsync(entrance.Address);
        await client.SendAsync(Encoding.ASCII.GetBytes("CONNECT host:443 HTTP/1.1\r\nX: " + new string('a', 200_000)));
        var (bytes, end) = await client.ReadToEndAsync();
        Assert.StartsWith("HTTP/1.1 431 ", Encoding.ASCII.GetString(bytes), StringComparison.Ordinal);
        Assert.Equal(SeenEnd.Clean, end);
        Assert.Empty(target.Asked);
    }
}
