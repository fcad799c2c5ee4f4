using System.Buffers.Binary;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Numerics;
using System.Text;

namespace JunctionRelay.Greetings;

/// <summary>
/// The header with which a load balancer says on whose behalf it connects (PROXY protocol, versions 1 and 2, as haproxy's proxy-protocol.txt has them):
/// layouts, reading and writing, no state and no I/O.
/// <code>
/// version 1   PROXY TCP4|TCP6 source destination sourcePort destinationPort CRLF, or PROXY UNKNOWN … CRLF; at most 107 bytes
/// version 2   0D 0A 0D 0A 00 0D 0A 51 55 49 54 0A | 20 local, 21 proxied | 11 IPv4, 21 IPv6, 00 unknown | length, 2 bytes
///             | source, destination | source port, destination port, 2 bytes each | type, length (2 bytes), value …
/// </code>
/// </summary>
/// <param name="Source">The client; null where the balancer connects for itself, or does not know.</param>
/// <param name="Destination">Where the client connected to.</param>
internal sealed record ProxyProtocolHeader(IPEndPoint? Source, IPEndPoint? Destination)
{
    /// <summary>A balancer's own connection: a health check, as a rule.</summary>
    public static ProxyProtocolHeader Local { get; } = new(null, null);

    /// <summary>The longest that is read: addresses, and values as a certificate's name that nobody here needs. 16 is what comes before the length counts.</summary>
    public const int MaxBytes = 4 * 1024;

    private const int MaxVersion1Bytes = 107;
    private const int FixedBytes = 16;

    private static readonly byte[] Signature = [0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D, 0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A];

    private static class Value
    {
        public const byte Crc32c = 0x03, UniqueId = 0x05, Tls = 0x20, TlsVersion = 0x21, TlsName = 0x22;
    }

    [Flags]
    private enum TlsFacts : byte
    {
        Tls = 1, CertificateHere = 2, CertificateEver = 4,
    }

    public static PreambleParse<ProxyProtocolHeader> Parse(ReadOnlySpan<byte> bytes) => bytes[0] switch
    {
        (byte)'P' => ParseVersion1(bytes),
        0x0D => ParseVersion2(bytes),
        var other => Invalid($"its first byte is {other:x2}, and a PROXY header was awaited"),
    };

    /// <summary>A header for a target. Addresses of two families, or a client without any, are told as far as the protocol has words for them.</summary>
    /// <param name="version">1 or 2.</param>
    /// <param name="source">The client; null where it has no IP address.</param>
    /// <param name="destination">Where it connected to; null where that is not known: the header then names the client's own family's unspecified address.</param>
    /// <param name="facts">What else version 2 has words for.</param>
    public static byte[] Write(int version, IPEndPoint? source, IPEndPoint? destination, ProxyProtocolFacts facts)
    {
        var (from, to) = OneFamily(source, destination);
        return version == 1 ? WriteVersion1(from, to) : WriteVersion2(from, to, facts);
    }

    private static PreambleParse<ProxyProtocolHeader> ParseVersion1(ReadOnlySpan<byte> bytes)
    {
        var end = bytes.IndexOf("\r\n"u8);
        if (end < 0 || end + 2 > MaxVersion1Bytes)
        {
            var known = "PROXY "u8[..Math.Min(bytes.Length, 6)];
            return end >= 0 || bytes.Length >= MaxVersion1Bytes ? Invalid($"its PROXY header is longer than {MaxVersion1Bytes} bytes")
                : bytes.StartsWith(known) && bytes.IndexOfAnyExceptInRange((byte)' ', (byte)'~') is var odd && (odd < 0 || bytes[odd] == '\r' && odd == bytes.Length - 1) ? default
                : Invalid("it begins with P and no PROXY header");
        }

        // Judged the same however it arrives: before its end is there, such a byte is refused as well.
        if (bytes[..end].ContainsAnyExceptInRange((byte)' ', (byte)'~')) return Invalid("its PROXY header holds a byte that is no printable letter");
        var words = Encoding.Latin1.GetString(bytes[..end]).Split(' ');
        if (words is ["PROXY", "UNKNOWN", ..]) return PreambleParse<ProxyProtocolHeader>.Parsed(end + 2, Local);
        if (words is ["PROXY", "TCP4" or "TCP6", var from, var to, var fromPort, var toPort]
            && Address(words[1], from) is { } source && Address(words[1], to) is { } destination && Port(fromPort) is { } sourcePort && Port(toPort) is { } destinationPort)
            return PreambleParse<ProxyProtocolHeader>.Parsed(end + 2, new ProxyProtocolHeader(new IPEndPoint(source, sourcePort), new IPEndPoint(destination, destinationPort)));
        return Invalid("its PROXY header has no two addresses of one family and two ports");

        static IPAddress? Address(string family, string text) =>
            IPAddress.TryParse(text, out var address) && text.All(c => char.IsAsciiHexDigit(c) || c is '.' or ':')
            && (family == "TCP6" ? address.AddressFamily == AddressFamily.InterNetworkV6 : address.AddressFamily == AddressFamily.InterNetwork && address.ToString() == text)
                ? address : null;

        static ushort? Port(string text) =>
            ushort.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var port) && (text.Length == 1 || text[0] != '0') ? port : null;
    }

    private static PreambleParse<ProxyProtocolHeader> ParseVersion2(ReadOnlySpan<byte> bytes)
    {
        var known = Math.Min(bytes.Length, Signature.Length);
        if (!bytes[..known].SequenceEqual(Signature.AsSpan(0, known))) return Invalid("it begins as a PROXY header of version 2 and is none");
        if (bytes.Length > 12 && bytes[12] is not (0x20 or 0x21)) return Invalid($"its PROXY header has version and command {bytes[12]:x2}");
        if (bytes.Length < FixedBytes) return default;
        var length = BinaryPrimitives.ReadUInt16BigEndian(bytes[14..]);
        if (FixedBytes + length > MaxBytes) return Invalid($"its PROXY header announces {FixedBytes + length} bytes, more than {MaxBytes}");
        // A stream (1) of IPv4 (1), IPv6 (2) or unix sockets (3); or, when nothing is known of the client, nothing.
        var addressBytes = bytes[13] switch { 0x00 => 0, 0x11 => 12, 0x21 => 36, 0x31 => 216, _ => -1 };
        var isLocal = bytes[12] == 0x20;
        if (addressBytes < 0 && !isLocal) return Invalid($"its PROXY header is about {bytes[13]:x2}, which is no TCP");
        if (addressBytes > length && !isLocal) return Invalid("its PROXY header is too short for its addresses");
        if (bytes.Length < FixedBytes + length) return default;

        var whole = bytes[..(FixedBytes + length)];
        // What a local header carries is to be skipped, whatever it is.
        if (isLocal) return PreambleParse<ProxyProtocolHeader>.Parsed(whole.Length, Local);
        if (CheckValues(whole, FixedBytes + addressBytes) is { } wrong) return Invalid(wrong);
        var addresses = whole.Slice(FixedBytes, addressBytes);
        return PreambleParse<ProxyProtocolHeader>.Parsed(whole.Length, addressBytes switch
        {
            12 => Header(addresses, 4),
            36 => Header(addresses, 16),
            _ => Local,
        });

        static ProxyProtocolHeader Header(ReadOnlySpan<byte> addresses, int size) => new(
            new IPEndPoint(new IPAddress(addresses[..size]), BinaryPrimitives.ReadUInt16BigEndian(addresses[(2 * size)..])),
            new IPEndPoint(new IPAddress(addresses.Slice(size, size)), BinaryPrimitives.ReadUInt16BigEndian(addresses[(2 * size + 2)..])));
    }

    // Values are skipped, but they must be whole; a checksum, if there is one, must be right. Returns what is wrong, or null.
    private static string? CheckValues(ReadOnlySpan<byte> whole, int from)
    {
        for (var at = from; at < whole.Length;)
        {
            if (whole.Length - at < 3 || BinaryPrimitives.ReadUInt16BigEndian(whole[(at + 1)..]) is var length && whole.Length - at - 3 < length) return "its PROXY header ends in the middle of a value";
            if (whole[at] == Value.Crc32c && (length != 4 || BinaryPrimitives.ReadUInt32BigEndian(whole[(at + 3)..]) != Checksum(whole, at + 3)))
                return "its PROXY header has a wrong checksum";
            at += 3 + length;
        }

        return null;
    }

    // CRC-32C over the whole header, the four bytes of the checksum itself counted as zeros.
    private static uint Checksum(ReadOnlySpan<byte> whole, int checksumAt)
    {
        var crc = uint.MaxValue;
        for (var i = 0; i < whole.Length; i++) crc = BitOperations.Crc32C(crc, i >= checksumAt && i < checksumAt + 4 ? (byte)0 : whole[i]);
        return ~crc;
    }

    private static (IPEndPoint? Source, IPEndPoint? Destination) OneFamily(IPEndPoint? source, IPEndPoint? destination)
    {
        if (source is null) return (null, null);
        var from = Plain(source);
        var to = destination is null ? new IPEndPoint(from.AddressFamily == AddressFamily.InterNetwork ? IPAddress.Any : IPAddress.IPv6Any, 0) : Plain(destination);
        return from.AddressFamily == to.AddressFamily ? (from, to) : (new IPEndPoint(from.Address.MapToIPv6(), from.Port), new IPEndPoint(to.Address.MapToIPv6(), to.Port));
    }

    // Neither the number of an interface nor IPv4 in the clothes of IPv6 means anything to the target.
    private static IPEndPoint Plain(IPEndPoint endPoint) =>
        endPoint.Address.IsIPv4MappedToIPv6 ? new IPEndPoint(endPoint.Address.MapToIPv4(), endPoint.Port) : new IPEndPoint(new IPAddress(endPoint.Address.GetAddressBytes()), endPoint.Port);

    private static byte[] WriteVersion1(IPEndPoint? source, IPEndPoint? destination) => Encoding.ASCII.GetBytes(source is null || destination is null
        ? "PROXY UNKNOWN\r\n"
        : string.Create(CultureInfo.InvariantCulture, $"PROXY {(source.AddressFamily == AddressFamily.InterNetwork ? "TCP4" : "TCP6")} {source.Address} {destination.Address} {source.Port} {destination.Port}\r\n"));

    private static byte[] WriteVersion2(IPEndPoint? source, IPEndPoint? destination, ProxyProtocolFacts facts)
    {
        var bytes = new List<byte>(128);
        bytes.AddRange(Signature);
        bytes.Add(0x21);
        bytes.Add(source is null ? (byte)0x00 : source.AddressFamily == AddressFamily.InterNetwork ? (byte)0x11 : (byte)0x21);
        bytes.AddRange(Number(0));
        if (source is not null && destination is not null)
        {
            bytes.AddRange(source.Address.GetAddressBytes());
            bytes.AddRange(destination.Address.GetAddressBytes());
            bytes.AddRange(Number(source.Port));
            bytes.AddRange(Number(destination.Port));
        }

        if (facts.UniqueId is { } id) Add(bytes, Value.UniqueId, Encoding.ASCII.GetBytes(id));
        if (facts.TlsVersion is { } version)
        {
            var proved = facts.PeerName is null ? TlsFacts.Tls : TlsFacts.Tls | TlsFacts.CertificateHere | TlsFacts.CertificateEver;
            // Zero: the certificate was verified. Where there is none, none was.
            List<byte> tls = [(byte)proved, 0, 0, 0, (byte)(facts.PeerName is null ? 1 : 0)];
            Add(tls, Value.TlsVersion, Encoding.ASCII.GetBytes(version));
            if (facts.PeerName is { } name) Add(tls, Value.TlsName, Encoding.UTF8.GetBytes(name) is var utf8 && utf8.Length > 255 ? utf8[..255] : utf8);
            Add(bytes, Value.Tls, [.. tls]);
        }

        BinaryPrimitives.WriteUInt16BigEndian(System.Runtime.InteropServices.CollectionsMarshal.AsSpan(bytes)[14..], (ushort)(bytes.Count - FixedBytes));
        return [.. bytes];

        static byte[] Number(int number) => [(byte)(number >> 8), (byte)number];

        static void Add(List<byte> to, byte type, byte[] value)
        {
            to.Add(type);
            to.AddRange(Number(value.Length));
            to.AddRange(value);
        }
    }

    private static PreambleParse<ProxyProtocolHeader> Invalid(string why) => PreambleParse<ProxyProtocolHeader>.Invalid(why);
}

/// <summary>What a header of version 2 says besides addresses.</summary>
/// <param name="UniqueId">The connection's id, the same in the logs of all junctions.</param>
/// <param name="TlsVersion">As OpenSSL writes it, e.g. TLSv1.3; null where the client's connection to us has no TLS.</param>
/// <param name="PeerName">The name that its certificate proved.</param>
internal readonly record struct ProxyProtocolFacts(string? UniqueId = null, string? TlsVersion = null, string? PeerName = null);
