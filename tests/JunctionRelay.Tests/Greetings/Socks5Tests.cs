using System.Net;
using System.Net.Sockets;
using JunctionRelay.Connections;
using JunctionRelay.Greetings;
using JunctionRelay.Tests.Harness;

namespace JunctionRelay.Tests.Greetings;

public sealed class Socks5Tests
{
    private static readonly byte[] NoAuthentication = [5, 1, 0];

    [Theory]
    [InlineData("05010001" + "01020304" + "01BB", "1.2.3.4:443")]
    [InlineData("05010001" + "01020304" + "01", null)]
    [InlineData("0501000400000000000000000000000000000001" + "01BB", "[::1]:443")]
    [InlineData("05010004" + "00000000000000000000FFFF01020304" + "0050", "1.2.3.4:80")]
    [InlineData("0501000304686F737401BB", "host:443")]
    [InlineData("0501000309" + "3132372E302E302E31" + "0050", "127.0.0.1:80")]   // an address as a name
    [InlineData("05010003" + "05" + "686F73742E" + "0050", "host.:80")]
    public void A_request_is_read(string hex, string? expected)
    {
        var parsed = Socks5.ParseRequest(Convert.FromHexString(hex));
        Assert.Equal(expected, parsed.Message is { } request ? SocketDialer.Text(request.Destination) : null);
    }

    [Theory]
    [InlineData("04010001", "04, not 05", 1)]
    [InlineData("0502", "command 2", 7)]
    [InlineData("0503", "command 3", 7)]
    [InlineData("050101", "reserved", 1)]
    [InlineData("05010002", "type 2", 8)]
    [InlineData("050100FF", "type 255", 8)]
    [InlineData("0501000300", "no host name", 4)]
    [InlineData("0501000300" + "0050", "no host name", 4)]
    [InlineData("05010003016100" + "00", "port 0", 1)]
    [InlineData("05010001010203040000", "port 0", 1)]
    [InlineData("05010003" + "03610062" + "0050", "no host name", 4)]          // a NUL in it
    [InlineData("05010003" + "03612F62" + "0050", "no host name", 4)]
    [InlineData("05010003" + "03FF6162" + "0050", "no host name", 4)]
    [InlineData("05010003" + "053132372E31" + "0050", "no host name", 4)]      // 127.1
    public void A_bad_request_is_refused_as_soon_as_it_shows(string hex, string why, int code)
    {
        var parsed = Socks5.ParseRequest(Convert.FromHexString(hex));
        Assert.Equal(PreambleState.Invalid, parsed.State);
        Assert.Contains(why, parsed.Why, StringComparison.Ordinal);
        Assert.Equal(code, parsed.Code);
    }

    [Fact]
    public void The_longest_name_is_255_bytes_and_no_host_has_it()
    {
        byte[] request = [5, 1, 0, 3, 255, .. Enumerable.Repeat((byte)'a', 255), 0, 80];
        Assert.Equal(PreambleState.NeedMore, Socks5.ParseRequest(request.AsSpan(0, request.Length - 1)).State);
        Assert.Equal((PreambleState.Invalid, (int)Socks5.HostUnreachable), (Socks5.ParseRequest(request).State, Socks5.ParseRequest(request).Code));
        // 253 in labels of 63 is a name.
        var longest = string.Join('.', [new string('a', 63), new string('b', 63), new string('c', 63), new string('d', 61)]);
        Assert.NotNull(Socks5.ParseRequest([5, 1, 0, 3, 253, .. System.Text.Encoding.ASCII.GetBytes(longest), 0, 80]).Message);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_client_is_answered_after_the_dial_and_its_bytes_follow(bool allAtOnce)
    {
        using var upstream = Peer.Listen();
        await using var entrance = await Entrance.StartAsync("socks5", null, null, $"127.0.0.1:{Port(upstream)}");
        using var client = await Peer.ConnectAsync(entrance.Address);
        byte[] request = [5, 1, 0, 1, 127, 0, 0, 1, .. PortBytes(upstream)];
        if (allAtOnce)
        {
            // Permitted or not, what follows the request is payload and nothing else.
            await client.SendAsync((byte[])[.. NoAuthentication, .. request, .. "hello"u8]);
            Assert.Equal(new byte[] { 5, 0 }, await client.ReadAsync(2));
        }
        else
        {
            foreach (var b in NoAuthentication) await client.SendAsync(new[] { b });
            Assert.Equal(new byte[] { 5, 0 }, await client.ReadAsync(2));
            foreach (var b in request) await client.SendAsync(new[] { b });
        }

        using var server = await Peer.AcceptAsync(upstream);
        Assert.Equal(new byte[] { 5, 0, 0, 1, 0, 0, 0, 0, 0, 0 }, await client.ReadAsync(10));
        if (!allAtOnce) await client.SendAsync("hello"u8.ToArray());
        Assert.Equal("hello"u8.ToArray(), await server.ReadAsync(5));
        await server.SendAsync("answer"u8.ToArray());
        await server.EndAsync();
        Assert.Equal(("answer", SeenEnd.Clean), await client.ReadToEndAsync() is var (bytes, end) ? (System.Text.Encoding.ASCII.GetString(bytes), end) : default);
        await client.EndAsync();
        var line = await entrance.EndAsync();
        Assert.Equal($"127.0.0.1:{Port(upstream)}", line.Fields["target"]);
        Assert.Equal("target-closed", line.Fields["reason"]);
    }

    [Theory]
    [InlineData(nameof(CloseReason.NotPermitted), 2)]
    [InlineData(nameof(CloseReason.NoSuchService), 2)]
    [InlineData(nameof(CloseReason.DialUnreachable), 3)]
    [InlineData(nameof(CloseReason.LinkDown), 3)]
    [InlineData(nameof(CloseReason.DialUnresolved), 4)]
    [InlineData(nameof(CloseReason.DialRefused), 5)]
    [InlineData(nameof(CloseReason.DialTimeout), 6)]
    [InlineData(nameof(CloseReason.TooManyStreams), 1)]
    public async Task A_failure_is_told_by_its_code_and_then_the_connection_ends(string reason, byte reply)
    {
        var target = new Entrance.Failing(Enum.Parse<CloseReason>(reason));
        await using var entrance = await Entrance.StartAsync("socks5", null, null, target);
        var (bytes, end) = await entrance.SayAsync([.. NoAuthentication, 5, 1, 0, 3, 4, .. "host"u8, 0, 80, .. "GET / HTTP/1.0\r\n\r\n"u8]);
        Assert.Equal(new byte[] { 5, 0, 5, reply, 0, 1, 0, 0, 0, 0, 0, 0 }, bytes);
        Assert.Equal(SeenEnd.Clean, end);
        Assert.Equal(new DnsEndPoint("host", 80), Assert.Single(target.Asked));
        Assert.Equal(Enum.Parse<CloseReason>(reason).Name(), (await entrance.EndAsync()).Fields["reason"]);
    }

    [Fact]
    public async Task Real_failures_have_their_codes()
    {
        using var black = Peer.Listen();
        await using var wall = new BlackHole((IPEndPoint)black.LocalEndPoint!);
        // tcpmux: nobody listens there.
        await using var entrance = await Entrance.StartAsync("socks5", null, null, "127.0.0.1:1", "no-such-host.invalid:80");
        Assert.Equal(Socks5.ConnectionRefused, await ReplyAsync(entrance, [1, 127, 0, 0, 1, 0, 1]));
        Assert.Equal(Socks5.HostUnreachable, await ReplyAsync(entrance, [3, 20, .. "no-such-host.invalid"u8, 0, 80]));
        Assert.Equal(Socks5.NotAllowed, await ReplyAsync(entrance, [1, 127, 0, 0, 1, 0, 2]));
        Assert.Equal(Socks5.NotAllowed, await ReplyAsync(entrance, [4, .. IPAddress.IPv6Loopback.GetAddressBytes(), 0, 1]));
    }

    [Fact]
    public async Task With_users_only_they_get_in()
    {
        using var upstream = Peer.Listen();
        await using var entrance = await Entrance.StartAsync("socks5", Entrance.Users, null, $"127.0.0.1:{Port(upstream)}");
        // No method but none: refused, and no request is read.
        Assert.Equal([5, 0xFF], (await entrance.SayAsync([5, 1, 0])).Bytes);
        Assert.Equal([5, 2, 1, 1], (await entrance.SayAsync([5, 2, 0, 2, .. Password("alice", "wrong"), 5, 1, 0, 1, 127, 0, 0, 1, .. PortBytes(upstream)])).Bytes);
        Assert.Equal([5, 2, 1, 1], (await entrance.SayAsync([5, 1, 2, .. Password("nobody", "wonder:land")])).Bytes);
        Assert.Equal([5, 2, 1, 1], (await entrance.SayAsync([5, 1, 2, .. Password("", "")])).Bytes);
        Assert.Equal([5, 2, 1, 1], (await entrance.SayAsync([5, 1, 2, .. Password("bob", "")])).Bytes);
        Assert.False(upstream.Poll(0, SelectMode.SelectRead));

        using var client = await Peer.ConnectAsync(entrance.Address);
        await client.SendAsync((byte[])[5, 2, 0, 2, .. Password("alice", "wonder:land"), 5, 1, 0, 1, 127, 0, 0, 1, .. PortBytes(upstream)]);
        using var server = await Peer.AcceptAsync(upstream);
        Assert.Equal([5, 2, 1, 0, 5, 0, 0, 1, 0, 0, 0, 0, 0, 0], await client.ReadAsync(14));
        client.Reset();
        await entrance.Log.WaitAsync("connection-ended", e => (string)e.Fields["peer"]! == "alice");
        // A client may hear of its end before the log does.
        int Rejected() => entrance.Log.Entries.Count(e => e.Name == "connection-ended" && (string)e.Fields["reason"]! == "credentials-rejected");
        await Eventually.TrueAsync(() => Rejected() == 5, () => $"{Rejected()} were rejected");
        Assert.DoesNotContain(entrance.Log.Entries, e => e.Message.Contains("wonder", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("04010050", "SOCKS version 4")]
    [InlineData("160301", "TLS")]
    [InlineData("474554202F", "HTTP")]
    [InlineData("0500", "no method")]
    [InlineData("FF", "ff")]
    public async Task Another_protocol_is_cut_off_at_its_first_bytes(string hex, string words)
    {
        var target = new Entrance.Failing(CloseReason.DialRefused);
        await using var entrance = await Entrance.StartAsync("socks5", null, null, target);
        var (bytes, _) = await entrance.SayAsync(Convert.FromHexString(hex));
        Assert.Empty(bytes);
        var line = await entrance.EndAsync();
        Assert.Equal("greeting-invalid", line.Fields["reason"]);
        Assert.Contains(words, line.Message, StringComparison.Ordinal);
        Assert.Empty(target.Asked);
    }

    [Fact]
    public async Task A_client_that_insists_on_a_password_where_there_is_none_is_told_so()
    {
        await using var entrance = await Entrance.StartAsync("socks5", null, null, "127.0.0.1:1");
        Assert.Equal([5, 0xFF], (await entrance.SayAsync([5, 1, 2])).Bytes);
    }

    [Theory]
    [InlineData("")]
    [InlineData("05")]
    [InlineData("050100")]
    [InlineData("05010005010003FF6161")]
    public async Task Who_says_too_little_is_left_after_the_timeout(string hex)
    {
        var time = new ManualTime();
        var target = new Entrance.Failing(CloseReason.DialRefused);
        await using var entrance = await Entrance.StartAsync("socks5", null, time, target);
        using var client = await Peer.ConnectAsync(entrance.Address);
        await client.SendAsync(Convert.FromHexString(hex));
        var reading = client.ReadToEndAsync();
        // The clock moves on for as long as somebody may have to look at it.
        await Eventually.TrueAsync(
            () =>
            {
                time.Advance(TimeSpan.FromSeconds(1));
                return reading.IsCompleted;
            }, () => "the client is still there");
        Assert.Equal("greeting-timeout", (await entrance.EndAsync()).Fields["reason"]);
        Assert.Empty(target.Asked);
    }

    [Theory]
    [InlineData(false, "", "050100" + "05010003" + "FF616161")]                // its request begins in the middle of the time
    [InlineData(false, "05010005010003FF", "616161616161616161")]
    [InlineData(true, "", "050102" + "0105" + "616C696365")]
    public async Task Who_says_one_byte_after_the_other_has_no_more_time(bool password, string opening, string rest)
    {
        var time = new ManualTime();
        var target = new Entrance.Failing(CloseReason.DialRefused);
        await using var entrance = await Entrance.StartAsync("socks5", password ? Entrance.Users : null, time, target);
        var (answer, _) = await Trickle.UntilTheTimeoutAsync(entrance.Address, time, Convert.FromHexString(opening), Convert.FromHexString(rest));
        Assert.Equal([5, password ? (byte)2 : (byte)0], answer);
        Assert.Equal("greeting-timeout", (await entrance.EndAsync()).Fields["reason"]);
        Assert.Empty(target.Asked);
    }

    [Theory]
    [InlineData("", "client-left")]
    [InlineData("05", "greeting-invalid")]
    [InlineData("0501000501", "greeting-invalid")]
    public async Task Who_leaves_in_the_middle_is_told_apart_from_who_says_nothing(string hex, string reason)
    {
        await using var entrance = await Entrance.StartAsync("socks5", null, null, "127.0.0.1:1");
        using var client = await Peer.ConnectAsync(entrance.Address);
        await client.SendAsync(Convert.FromHexString(hex));
        await client.EndAsync();
        await client.ReadToEndAsync();
        Assert.Equal(reason, (await entrance.EndAsync()).Fields["reason"]);
    }

    private static async Task<byte> ReplyAsync(Entrance entrance, byte[] address)
    {
        var (bytes, _) = await entrance.SayAsync([.. NoAuthentication, 5, 1, 0, .. address]);
        Assert.Equal(12, bytes.Length);
        return bytes[3];
    }

    private static byte[] Password(string name, string password) =>
        [1, (byte)name.Length, .. System.Text.Encoding.ASCII.GetBytes(name), (byte)password.Length, .. System.Text.Encoding.ASCII.GetBytes(password)];

    private static int Port(Socket listener) => ((IPEndPoint)listener.LocalEndPoint!).Port;

    private static byte[] PortBytes(Socket listener) => [(byte)(Port(listener) >> 8), (byte)Port(listener)];
}
