using System.Globalization;
using System.Text;
using JunctionRelay.Connections;

namespace JunctionRelay.Tests.Connections;

/// <summary>What proxies answer, and what strangers could.</summary>
public sealed class HttpProxyAnswerTests
{
    private static readonly int Cases =
        int.TryParse(Environment.GetEnvironmentVariable("JUNCTION_FUZZ_CASES"), NumberStyles.None, CultureInfo.InvariantCulture, out var cases) ? cases : 20_000;

    [Theory]
    [InlineData("HTTP/1.1 200 Connection established\r\n\r\n", 200)]
    [InlineData("HTTP/1.0 200\r\nVia: 1.1 p\r\nX: y\r\n\r\n", 200)]
    [InlineData("HTTP/1.1 407 Proxy Authentication Required\nProxy-Authenticate: Basic\n\n", 407)]
    [InlineData("HTTP/1.1 2000 OK\r\n\r\n", 0)]
    [InlineData("HTTP/2 200 OK\r\n\r\n", 0)]
    [InlineData("HTTP/1.1 -20 OK\r\n\r\n", 0)]
    [InlineData("SSH-2.0-OpenSSH_9.2\r\n", 0)]
    [InlineData("HTTP/1.1 200 OK\r\n", 0)]
    [InlineData("", 0)]
    public void The_status_is_read_once_the_head_has_ended(string head, int status)
    {
        var whole = new HttpProxyAnswer();
        Assert.Equal(head.Length, whole.Take(Encoding.ASCII.GetBytes(head)));
        Assert.Equal(status, whole.Status);

        var split = new HttpProxyAnswer();
        foreach (var b in Encoding.ASCII.GetBytes(head)) Assert.Equal(1, split.Take([b]));
        Assert.Equal(status, split.Status);
    }

    [Fact]
    public void What_follows_the_head_is_not_taken()
    {
        var answer = new HttpProxyAnswer();
        Assert.Equal("HTTP/1.1 200 OK\r\n\r\n".Length, answer.Take("HTTP/1.1 200 OK\r\n\r\n\r\n\r\nhello"u8));
        Assert.Equal(0, answer.Take("hello"u8));
    }

    [Fact]
    public void An_endless_head_is_given_up()
    {
        var answer = new HttpProxyAnswer();
        var flood = Encoding.ASCII.GetBytes("HTTP/1.1 200 OK\r\nX: " + new string('x', 100_000));
        Assert.Equal(HttpProxyAnswer.MostBytes, answer.Take(flood));
        Assert.Equal((0, "more than 8 KiB"), (answer.Status, answer.Line));
    }

    [Fact]
    public void Control_characters_of_a_proxy_reach_no_log()
    {
        var answer = new HttpProxyAnswer();
        answer.Take("HTTP/1.1 500 \e[31mred\a\r\n\r\n"u8);
        Assert.Equal((500, "HTTP/1.1 500 ?[31mred?"), (answer.Status, answer.Line));
    }

    [Fact]
    public void Answers_of_any_bytes_never_throw()
    {
        var good = "HTTP/1.1 200 OK\r\nVia: x\r\n\r\n"u8.ToArray();
        for (var number = 0; number < Cases; number++)
        {
            var random = new Random(number);
            var bytes = new byte[random.Next(64)];
            random.NextBytes(bytes);
            if (random.Next(2) == 0)
            {
                bytes = [.. good];
                for (var changes = random.Next(4); changes > 0; changes--) bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
            }

            var answer = new HttpProxyAnswer();
            for (var done = 0; done < bytes.Length;)
            {
                var piece = random.Next(1, bytes.Length - done + 1);
                var taken = answer.Take(bytes.AsSpan(done, piece));
                Assert.True(taken == piece || answer.IsComplete, $"case {number}");
                if (taken < piece) break;
                done += piece;
            }

            Assert.True(answer.Status is 0 or (>= 100 and <= 999) or (>= 0 and < 100), $"case {number}");
            Assert.False(answer.Line.Any(char.IsControl), $"case {number}");
        }
    }
}
