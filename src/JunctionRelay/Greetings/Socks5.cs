using System.Buffers.Binary;
using System.Net;
using System.Text;
using JunctionRelay.Connections;

namespace JunctionRelay.Greetings;

/// <summary>
/// The messages of SOCKS version 5 (RFC 1928) and of its user and password (RFC 1929): layouts, parsers and answers, no state and no I/O.
/// <code>
/// methods   05 | n | n methods                                                   → 05 | method, or FF
/// password  01 | n | name, n bytes | m | password, m bytes                       → 01 | 00, or 01
/// request   05 | 01 connect | 00 | 01: 4 bytes, 03: n and n bytes, 04: 16 bytes | port
///                                                                                → 05 | reply | 00 | 01 | 4 bytes | port
/// </code>
/// </summary>
internal static class Socks5
{
    public const byte NoAuthentication = 0x00;
    public const byte UserAndPassword = 0x02;
    public const byte NoMethod = 0xFF;

    public const byte Succeeded = 0x00;
    public const byte GeneralFailure = 0x01;
    public const byte NotAllowed = 0x02;
    public const byte NetworkUnreachable = 0x03;
    public const byte HostUnreachable = 0x04;
    public const byte ConnectionRefused = 0x05;
    /// <summary>"TTL expired": how servers say that nobody answered in time.</summary>
    public const byte TimeToLiveExpired = 0x06;
    public const byte CommandNotSupported = 0x07;
    public const byte AddressTypeNotSupported = 0x08;

    private const byte Version = 5;
    private const byte PasswordVersion = 1;
    private const byte Connect = 1;

    /// <summary>The authentication methods that a client offers.</summary>
    public sealed record Methods(IReadOnlyList<byte> Offered);

    /// <summary>A name and a password; the password as it came, since it need not be text.</summary>
    public sealed record Credentials(string Name, byte[] Password);

    /// <summary>Where the client asks to go.</summary>
    public sealed record Request(EndPoint Destination);

    public static PreambleParse<Methods> ParseMethods(ReadOnlySpan<byte> bytes)
    {
        if (bytes[0] != Version)
        {
            return PreambleParse<Methods>.Invalid(bytes[0] switch
            {
                4 => "it speaks SOCKS version 4: only version 5 is served here",
                0x16 => "it speaks TLS: this listener speaks SOCKS without it",
                (>= (byte)'A' and <= (byte)'Z') => "it speaks HTTP, perhaps: for CONNECT there are http:// listeners",
                var other => $"its first byte is {other:x2}, and SOCKS begins with 05",
            });
        }

        if (bytes.Length < 2) return default;
        var count = bytes[1];
        if (count == 0) return PreambleParse<Methods>.Invalid("it offers no method of authentication");
        return bytes.Length < 2 + count ? default : PreambleParse<Methods>.Parsed(2 + count, new Methods([.. bytes.Slice(2, count)]));
    }

    public static PreambleParse<Credentials> ParseCredentials(ReadOnlySpan<byte> bytes)
    {
        if (bytes[0] != PasswordVersion) return PreambleParse<Credentials>.Invalid($"its user and password begin with {bytes[0]:x2}, not 01");
        if (bytes.Length < 2) return default;
        var name = bytes[1];
        if (bytes.Length < 2 + name + 1) return default;
        var password = bytes[2 + name];
        var length = 2 + name + 1 + password;
        return bytes.Length < length ? default : PreambleParse<Credentials>.Parsed(length, new Credentials(Encoding.UTF8.GetString(bytes.Slice(2, name)), bytes.Slice(3 + name, password).ToArray()));
    }

    public static PreambleParse<Request> ParseRequest(ReadOnlySpan<byte> bytes)
    {
        if (bytes[0] != Version) return PreambleParse<Request>.Invalid($"its request begins with {bytes[0]:x2}, not 05", GeneralFailure);
        if (bytes.Length > 1 && bytes[1] != Connect) return PreambleParse<Request>.Invalid($"it asks for command {bytes[1]}: only CONNECT is served", CommandNotSupported);
        if (bytes.Length > 2 && bytes[2] != 0) return PreambleParse<Request>.Invalid($"its request has {bytes[2]:x2} in the reserved place", GeneralFailure);
        if (bytes.Length < 4) return default;
        var (from, length) = (bytes[3], bytes.Length) switch
        {
            (1, _) => (4, 4),
            (4, _) => (4, 16),
            (3, 4) => (5, 1),   // its length is yet to come
            (3, _) => (5, bytes[4]),
            _ => (0, 0),
        };
        if (from == 0) return PreambleParse<Request>.Invalid($"its address is of type {bytes[3]}", AddressTypeNotSupported);
        if (bytes.Length < from + length + 2) return length == 0 ? Impossible("") : default;

        var address = bytes.Slice(from, length);
        var port = BinaryPrimitives.ReadUInt16BigEndian(bytes[(from + length)..]);
        // Bytes that are no ASCII are in no name that can be looked up.
        var host = bytes[3] == 3 ? Encoding.Latin1.GetString(address) : new IPAddress(address).ToString();
        return Destination.Of(host, port) is { } destination ? PreambleParse<Request>.Parsed(from + length + 2, new Request(destination)) : Impossible(host, port);
    }

    /// <summary>The answer to a request. The bound address is nobody's business: zeros, as ssh writes them.</summary>
    public static ReadOnlyMemory<byte> Reply(byte reply) => new byte[] { Version, reply, 0, 1, 0, 0, 0, 0, 0, 0 };

    /// <summary>The answer to methods.</summary>
    public static ReadOnlyMemory<byte> Choose(byte method) => new byte[] { Version, method };

    /// <summary>The answer to user and password.</summary>
    public static ReadOnlyMemory<byte> Judge(bool known) => new byte[] { PasswordVersion, (byte)(known ? 0 : 1) };

    /// <summary>How SOCKS says why there is no connection; null = there is one.</summary>
    public static byte ReplyFor(CloseReason? refusal) => refusal switch
    {
        null => Succeeded,
        CloseReason.NotPermitted or CloseReason.NoSuchService or CloseReason.LinkLoop => NotAllowed,
        CloseReason.DialRefused => ConnectionRefused,
        CloseReason.DialTimeout => TimeToLiveExpired,
        CloseReason.DialUnresolved => HostUnreachable,
        CloseReason.DialUnreachable or CloseReason.LinkDown or CloseReason.LinkLost or CloseReason.NoTargetUp => NetworkUnreachable,
        _ => GeneralFailure,
    };

    private static PreambleParse<Request> Impossible(string host, int port = 0) =>
        PreambleParse<Request>.Invalid(
            host.Length > 0 && port == 0 ? "it asks for port 0" : $"\"{LinkText(host)}\" is no host name",
            host.Length > 0 && port == 0 ? GeneralFailure : HostUnreachable);

    private static string LinkText(string host) => new([.. host.Select(c => char.IsControl(c) ? '?' : c)]);
}
