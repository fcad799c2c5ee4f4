using System.Globalization;
using System.Net;
using System.Text;
using JunctionRelay.Connections;
using JunctionRelay.Greetings;

namespace JunctionRelay.Tests.Greetings;

/// <summary>
/// Bytes that no honest client would begin with. Each case is made from its number, so a failure names all that is needed to see it again. JUNCTION_FUZZ_CASES sets how
/// many are tried.
/// </summary>
public sealed class PreambleFuzzTests
{
    private static readonly int Cases =
        int.TryParse(Environment.GetEnvironmentVariable("JUNCTION_FUZZ_CASES"), NumberStyles.None, CultureInfo.InvariantCulture, out var cases) ? cases : 100_000;

    private static readonly byte[][] Methods = [[5, 1, 0], [5, 2, 0, 2]];
    private static readonly byte[][] Credentials = [[1, 5, .. "alice"u8, 6, .. "secret"u8], [1, 0, 0]];

    private static readonly byte[][] Requests =
    [
        [5, 1, 0, 1, 127, 0, 0, 1, 0, 80], [5, 1, 0, 3, 9, .. "localhost"u8, 0, 80], [5, 1, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 187],
    ];

    private static readonly byte[][] ProxyHeaders =
    [
        .. "PROXY TCP4 192.168.0.1 192.168.0.11 56324 443\r\nrest|PROXY TCP6 2001:db8::1 ::1 56324 443\r\n|PROXY UNKNOWN\r\n".Split('|').Select(Encoding.ASCII.GetBytes),
        ProxyProtocolHeader.Write(2, IPEndPoint.Parse("10.0.0.1:1"), IPEndPoint.Parse("10.0.0.2:2"), new ProxyProtocolFacts("id", "TLSv1.3", "cloud")),
        ProxyProtocolHeader.Write(2, IPEndPoint.Parse("[::1]:1"), IPEndPoint.Parse("[::2]:2"), default),
        ProxyProtocolHeader.Write(2, null, null, default),
    ];

    private static readonly byte[][] Heads =
    [
        .. new[]
        {
            "CONNECT host.example.com:443 HTTP/1.1\r\nHost: host.example.com:443\r\nProxy-Authorization: Basic YTpi\r\nUser-Agent: curl/8.5.0\r\n\r\nrest",
            "CONNECT [::1]:22 HTTP/1.0\r\nContent-Length: 0\r\n\r\n",
            "GET http://host/ HTTP/1.1\r\nHost: host\r\n\r\n",
        }.Select(Encoding.ASCII.GetBytes),
    ];

    [Fact]
    public void Socks_methods_never_throw_or_contradict_themselves() => Run<Socks5.Methods>(Socks5.ParseMethods, Methods, 2 + 255);

    [Fact]
    public void Socks_credentials_never_throw_or_contradict_themselves() => Run<Socks5.Credentials>(Socks5.ParseCredentials, Credentials, 3 + 2 * 255);

    [Fact]
    public void Socks_requests_never_throw_or_contradict_themselves() => Run<Socks5.Request>(Socks5.ParseRequest, Requests, 7 + 255);

    [Fact]
    public void Http_heads_never_throw_or_contradict_themselves() => Run<HttpConnectRequest>(HttpConnectRequest.Parse, Heads, HttpConnectRequest.MaxBytes, [.. "\r\n: \0\t/[]@"u8]);

    [Fact]
    public void Proxy_headers_never_throw_or_contradict_themselves() => Run<ProxyProtocolHeader>(ProxyProtocolHeader.Parse, ProxyHeaders, ProxyProtocolHeader.MaxBytes);

    [Fact]
    public void Destinations_never_throw_and_mean_the_same_when_written_again()
    {
        string[] seeds = ["host.example.com:443", "[fe80::1%1]:22", "10.0.0.7:8", "unix:/run/x.sock"];
        for (var number = 0; number < Cases; number++)
        {
            var random = new Random(number);
            var text = seeds[number % seeds.Length].ToCharArray();
            for (var change = random.Next(3); change > 0; change--) text[random.Next(text.Length)] = (char)random.Next(random.Next(8) == 0 ? 0x10000 : 128);
            var destination = Destination.Read(new string(text, 0, random.Next(4) == 0 ? random.Next(text.Length + 1) : text.Length));
            if (destination is not null) Assert.True(destination.Equals(Destination.Read(SocketDialer.Text(destination))), $"case {number}: {SocketDialer.Text(destination)}");
        }
    }

    private static void Run<T>(PreambleReader.Parser<T> parse, byte[][] seeds, int longest, byte[]? likely = null)
        where T : class
    {
        var states = new int[3];
        for (var number = 0; number < Cases; number++)
        {
            try
            {
                var bytes = Make(new Random(number), seeds, likely ?? []);
                var parsed = parse(bytes);
                states[(int)parsed.State]++;
                switch (parsed.State)
                {
                    case PreambleState.NeedMore:
                        Assert.True(bytes.Length < longest && parsed.Message is null);
                        break;
                    case PreambleState.Parsed:
                        Assert.True(parsed.Bytes <= bytes.Length && parsed.Bytes <= longest && parsed.Message is not null);
                        // It is whole at its last byte and not before, and what follows changes nothing.
                        Assert.NotEqual(PreambleState.Parsed, parse(bytes.AsSpan(0, parsed.Bytes - 1)).State);
                        Assert.Equal(parsed.Bytes, parse(bytes.AsSpan(0, parsed.Bytes)).Bytes);
                        break;
                    default:
                        Assert.True(parsed.Why.Length > 0 && parsed.Message is null);
                        // What is wrong does not become right by more bytes.
                        Assert.Equal(PreambleState.Invalid, parse([.. bytes, .. "\r\n\r\n"u8]).State);
                        break;
                }
            }
            catch (Exception fault)
            {
                Assert.Fail($"case {number}: {fault}");
            }
        }

        Assert.All(states, count => Assert.True(count > Cases / 100, $"outcomes: {string.Join(", ", states)}"));
    }

    // A message, cut, damaged, doubled or followed by noise; now and then noise alone.
    private static byte[] Make(Random random, byte[][] seeds, byte[] likely)
    {
        var bytes = seeds[random.Next(seeds.Length)].ToList();
        if (random.Next(10) == 0) bytes = [.. Noise(random, likely, random.Next(1, 600))];
        for (var change = random.Next(3); change > 0; change--)
        {
            var at = random.Next(bytes.Count);
            if (random.Next(3) == 0) bytes.Insert(at, Any(random, likely));
            else bytes[at] = Any(random, likely);
        }

        if (random.Next(20) == 0) bytes.InsertRange(random.Next(bytes.Count), Noise(random, likely, random.Next(9000)));
        if (random.Next(3) == 0) bytes.AddRange(Noise(random, likely, random.Next(20)));
        return random.Next(3) == 0 ? [.. bytes[..random.Next(1, bytes.Count + 1)]] : [.. bytes];
    }

    private static IEnumerable<byte> Noise(Random random, byte[] likely, int length) => Enumerable.Range(0, length).Select(_ => Any(random, likely));

    private static byte Any(Random random, byte[] likely) => likely.Length > 0 && random.Next(2) == 0 ? likely[random.Next(likely.Length)] : (byte)random.Next(256);
}
