using System.Buffers;
using System.Text;

namespace JunctionRelay.Greetings;

/// <summary>
/// The head of a CONNECT request (RFC 9110, 9.3.6; RFC 9112), parsed strictly: every doubt is a 400, since two programs that read one head differently is how
/// requests are smuggled. No state and no I/O.
/// <code>
/// CONNECT host:port HTTP/1.1 CRLF
/// name: value CRLF …
/// CRLF
/// </code>
/// </summary>
/// <param name="Method">The method, as written.</param>
/// <param name="Target">The request target, as written.</param>
/// <param name="Authorization">The value of Proxy-Authorization; null where there is none.</param>
internal sealed record HttpConnectRequest(string Method, string Target, string? Authorization)
{
    /// <summary>A CONNECT with a long token in it has one or two thousand.</summary>
    public const int MaxBytes = 8 * 1024;

    /// <summary>More lines than any proxy adds.</summary>
    public const int MaxFields = 64;

    // RFC 9110, 5.6.2.
    private static readonly SearchValues<byte> TokenBytes = SearchValues.Create("!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"u8);

    private const int BadRequest = 400;
    private const int HeadTooLarge = 431;
    private const int VersionNotSupported = 505;

    public static PreambleParse<HttpConnectRequest> Parse(ReadOnlySpan<byte> bytes)
    {
        if (!TokenBytes.Contains(bytes[0])) return Invalid(bytes[0] == 0x16 ? "it speaks TLS: this listener speaks HTTP without it" : bytes[0] == 5 ? "it speaks SOCKS: for that there are socks5:// listeners" : $"its first byte is {bytes[0]:x2}, which begins no request");
        var end = bytes.IndexOf("\r\n\r\n"u8);
        if (end < 0 || end + 4 > MaxBytes)
        {
            return bytes.Length >= MaxBytes || end >= 0
                ? PreambleParse<HttpConnectRequest>.Invalid($"its request has a head of more than {MaxBytes} bytes", HeadTooLarge)
                : bytes.Contains((byte)0) ? Invalid("its request holds a NUL")
                : HasBareLineEnd(bytes) ? Invalid("its lines end with LF alone") : default;
        }

        var head = bytes[..end];
        var lineEnd = head.IndexOf("\r\n"u8);
        var line = lineEnd < 0 ? head : head[..lineEnd];
        var first = line.IndexOf((byte)' ');
        var last = line.LastIndexOf((byte)' ');
        if (first <= 0 || last == first || line.IndexOfAnyInRange((byte)0, (byte)0x1F) >= 0 || line.IndexOfAnyExceptInRange((byte)0, (byte)0x7E) >= 0)
            return Invalid("its first line is no request");
        var method = line[..first];
        var target = line[(first + 1)..last];
        var version = line[(last + 1)..];
        if (method.ContainsAnyExcept(TokenBytes) || target.IsEmpty || target.Contains((byte)' ')) return Invalid("its first line is no request");
        if (!version.SequenceEqual("HTTP/1.1"u8) && !version.SequenceEqual("HTTP/1.0"u8))
            return version.StartsWith("HTTP/"u8) ? PreambleParse<HttpConnectRequest>.Invalid("it speaks another version of HTTP", VersionNotSupported) : Invalid("its first line is no request");

        if (Fields(lineEnd < 0 ? default : head[(lineEnd + 2)..], version[^1] == '1', out var authorization) is { } wrong) return Invalid(wrong);
        return PreambleParse<HttpConnectRequest>.Parsed(end + 4, new HttpConnectRequest(Encoding.ASCII.GetString(method), Encoding.ASCII.GetString(target), authorization));
    }

    // Returns what is wrong, or null.
    private static string? Fields(ReadOnlySpan<byte> lines, bool wantsHost, out string? authorization)
    {
        authorization = null;
        var (fields, hosts) = (0, 0);
        while (!lines.IsEmpty)
        {
            var end = lines.IndexOf("\r\n"u8);
            var line = end < 0 ? lines : lines[..end];
            lines = end < 0 ? default : lines[(end + 2)..];
            if (++fields > MaxFields) return $"its request has more than {MaxFields} header fields";
            // A line that begins with a blank would continue the one before: nobody may write that any more (RFC 9112, 5.2).
            var colon = line.IndexOf((byte)':');
            if (colon <= 0 || line[..colon].ContainsAnyExcept(TokenBytes)) return "its request has a header field without a proper name";
            var value = line[(colon + 1)..].Trim(" \t"u8);
            if (value.ContainsAnyInRange((byte)0, (byte)8) || value.ContainsAnyInRange((byte)10, (byte)31) || value.Contains((byte)127)) return "its request has a control character in a header field";
            switch (Encoding.ASCII.GetString(line[..colon]).ToLowerInvariant())
            {
                case "host" when ++hosts > 1:
                    return "its request has two Host fields";
                case "content-length" when !value.SequenceEqual("0"u8):
                case "transfer-encoding":
                    return "its CONNECT announces a body, which it cannot have";
                case "proxy-authorization" when authorization is not null:
                    return "its request has two Proxy-Authorization fields";
                case "proxy-authorization":
                    authorization = Encoding.Latin1.GetString(value);
                    break;
            }
        }

        return hosts == 0 && wantsHost ? "its request has no Host field" : null;
    }

    private static PreambleParse<HttpConnectRequest> Invalid(string why) => PreambleParse<HttpConnectRequest>.Invalid(why, BadRequest);

    private static bool HasBareLineEnd(ReadOnlySpan<byte> bytes) => bytes.IndexOf((byte)'\n') is > 0 and var at && bytes[at - 1] != '\r';
}
