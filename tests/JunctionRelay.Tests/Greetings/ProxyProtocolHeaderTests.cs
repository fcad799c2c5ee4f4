using System.Net;
using System.Text;
using JunctionRelay.Greetings;

namespace JunctionRelay.Tests.Greetings;

public sealed class ProxyProtocolHeaderTests
{
    private const string Signature = "0D0A0D0A000D0A515549540A";

    [Theory]
    [InlineData("PROXY TCP4 192.168.0.1 192.168.0.11 56324 443\r\n", "192.168.0.1:56324", "192.168.0.11:443")]
    [InlineData("PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n", "255.255.255.255:65535", "255.255.255.255:65535")]
    [InlineData("PROXY TCP6 2001:db8::1 ::1 0 1\r\n", "[2001:db8::1]:0", "[::1]:1")]
    [InlineData("PROXY UNKNOWN\r\n", null, null)]
    [InlineData("PROXY UNKNOWN ffff:f...f:ffff ffff:f...f:ffff 65535 65535\r\n", null, null)]
    public void Version_1_is_read(string text, string? source, string? destination)
    {
        var bytes = Encoding.ASCII.GetBytes(text + "payload");
        var parsed = ProxyProtocolHeader.Parse(bytes);
        Assert.Equal((PreambleState.Parsed, text.Length), (parsed.State, parsed.Bytes));
        Assert.Equal((source, destination), (parsed.Message!.Source?.ToString(), parsed.Message.Destination?.ToString()));
        for (var length = 1; length < text.Length; length++) Assert.Equal(PreambleState.NeedMore, ProxyProtocolHeader.Parse(bytes.AsSpan(0, length)).State);
    }

    [Theory]
    [InlineData("POST / HTTP/1.1\r\n")]
    [InlineData("PROXY TCP4 192.168.0.1 192.168.0.11 56324\r\n")]
    [InlineData("PROXY TCP4 192.168.0.1 192.168.0.11 56324 443 1\r\n")]
    [InlineData("PROXY TCP4 192.168.0.1 192.168.0.11 56324 0443\r\n")]
    [InlineData("PROXY TCP4 192.168.0.1 192.168.0.11 56324 65536\r\n")]
    [InlineData("PROXY TCP4 192.168.0.1 192.168.0.11 56324 +443\r\n")]
    [InlineData("PROXY TCP4  192.168.0.1 192.168.0.11 56324 443\r\n")]
    [InlineData("PROXY TCP4 192.168.1 192.168.0.11 56324 443\r\n")]
    [InlineData("PROXY TCP4 192.168.0.01 192.168.0.11 56324 443\r\n")]
    [InlineData("PROXY TCP4 ::1 ::1 56324 443\r\n")]
    [InlineData("PROXY TCP6 192.168.0.1 ::1 56324 443\r\n")]
    [InlineData("PROXY TCP6 fe80::1%1 ::1 56324 443\r\n")]
    [InlineData("PROXY TCP6 [::1] ::1 56324 443\r\n")]
    [InlineData("PROXY UDP4 192.168.0.1 192.168.0.11 56324 443\r\n")]
    [InlineData("proxy tcp4 192.168.0.1 192.168.0.11 56324 443\r\n")]
    [InlineData("PROXY TCP4 192.168.0.1 192.168.0.11 56324 443\n\n")]
    [InlineData("PROXY \0")]
    [InlineData("PROXY UNKNOWN \0\r\n")]
    [InlineData("GET / HTTP/1.1\r\n")]
    public void What_is_no_version_1_is_refused(string text)
    {
        var parsed = ProxyProtocolHeader.Parse(Encoding.Latin1.GetBytes(text));
        Assert.Equal(PreambleState.Invalid, parsed.State);
        Assert.NotEmpty(parsed.Why);
    }

    [Fact]
    public void Version_1_has_107_bytes_at_most()
    {
        var endless = Encoding.ASCII.GetBytes("PROXY UNKNOWN " + new string('x', 200));
        Assert.Equal(PreambleState.NeedMore, ProxyProtocolHeader.Parse(endless.AsSpan(0, 106)).State);
        Assert.Equal(PreambleState.Invalid, ProxyProtocolHeader.Parse(endless.AsSpan(0, 107)).State);
        Assert.Equal(PreambleState.Invalid, ProxyProtocolHeader.Parse([.. endless, .. "\r\n"u8]).State);
    }

    [Theory]
    [InlineData("2111000C" + "C0A80001" + "C0A8000B" + "DC04" + "01BB", "192.168.0.1:56324", "192.168.0.11:443")]
    [InlineData("21210024" + "20010DB8000000000000000000000001" + "00000000000000000000000000000001" + "DC04" + "01BB", "[2001:db8::1]:56324", "[::1]:443")]
    [InlineData("2111000F" + "C0A80001" + "C0A8000B" + "DC04" + "01BB" + "040000", "192.168.0.1:56324", "192.168.0.11:443")]       // and a no-op
    [InlineData("21110013" + "C0A80001" + "C0A8000B" + "DC04" + "01BB" + "EE0004" + "01020304", "192.168.0.1:56324", "192.168.0.11:443")]
    [InlineData("20000000", null, null)]                                                   // the balancer itself
    [InlineData("2011000C" + "C0A80001" + "C0A8000B" + "DC04" + "01BB", null, null)]
    [InlineData("20EE0003" + "FFFFFF", null, null)]
    [InlineData("21000000", null, null)]                                                   // it does not know
    public void Version_2_is_read(string hex, string? source, string? destination)
    {
        var header = Convert.FromHexString(Signature + hex);
        var parsed = ProxyProtocolHeader.Parse([.. header, 1, 2, 3]);
        Assert.Equal((PreambleState.Parsed, header.Length), (parsed.State, parsed.Bytes));
        Assert.Equal((source, destination), (parsed.Message!.Source?.ToString(), parsed.Message.Destination?.ToString()));
        for (var length = 1; length < header.Length; length++) Assert.Equal(PreambleState.NeedMore, ProxyProtocolHeader.Parse(header.AsSpan(0, length)).State);
    }

    [Theory]
    [InlineData("0D0A0D0A000D0A515549540B", "is none")]
    [InlineData("0D0D", "is none")]
    [InlineData(Signature + "11", "version and command 11")]
    [InlineData(Signature + "2F", "version and command 2f")]
    [InlineData(Signature + "2112000C", "12, which is no TCP")]        // UDP
    [InlineData(Signature + "2113000C", "13, which is no TCP")]
    [InlineData(Signature + "2111000B", "too short")]
    [InlineData(Signature + "21210023", "too short")]
    [InlineData(Signature + "2111FFFF", "announces 65551 bytes")]
    [InlineData(Signature + "20001000", "announces 4112 bytes")]
    [InlineData(Signature + "2111000E" + "C0A80001C0A8000BDC0401BB" + "0400", "middle of a value")]
    [InlineData(Signature + "2111000F" + "C0A80001C0A8000BDC0401BB" + "040001", "middle of a value")]
    [InlineData(Signature + "21110013" + "C0A80001C0A8000BDC0401BB" + "030004" + "00000000", "checksum")]
    [InlineData(Signature + "2111000F" + "C0A80001C0A8000BDC0401BB" + "030000", "checksum")]
    public void What_is_no_version_2_is_refused_as_soon_as_it_shows(string hex, string words)
    {
        var parsed = ProxyProtocolHeader.Parse(Convert.FromHexString(hex));
        Assert.Equal(PreambleState.Invalid, parsed.State);
        Assert.Contains(words, parsed.Why, StringComparison.Ordinal);
    }

    [Fact]
    public void A_right_checksum_is_right()
    {
        var bytes = Convert.FromHexString(Signature + "21110013" + "C0A80001C0A8000BDC0401BB" + "030004" + "00000000");
        var right = Enumerable.Range(0, bytes.Length).Aggregate(uint.MaxValue, (crc, i) =>
        {
            // RFC 3720, B.4, bit by bit.
            crc ^= bytes[i];
            for (var bit = 0; bit < 8; bit++) crc = (crc & 1) != 0 ? crc >> 1 ^ 0x82F63B78 : crc >> 1;
            return crc;
        }) ^ uint.MaxValue;
        System.Buffers.Binary.BinaryPrimitives.WriteUInt32BigEndian(bytes.AsSpan(^4), right);
        Assert.Equal(PreambleState.Parsed, ProxyProtocolHeader.Parse(bytes).State);
    }

    [Theory]
    [InlineData("10.0.0.1:1234", "10.0.0.2:80", "PROXY TCP4 10.0.0.1 10.0.0.2 1234 80\r\n")]
    [InlineData("[::ffff:10.0.0.1]:1234", "10.0.0.2:80", "PROXY TCP4 10.0.0.1 10.0.0.2 1234 80\r\n")]
    [InlineData("[fe80::1%3]:1234", "[fe80::2]:80", "PROXY TCP6 fe80::1 fe80::2 1234 80\r\n")]
    [InlineData("10.0.0.1:1234", "[2001:db8::2]:80", "PROXY TCP6 ::ffff:10.0.0.1 2001:db8::2 1234 80\r\n")]
    [InlineData("10.0.0.1:1234", null, "PROXY TCP4 10.0.0.1 0.0.0.0 1234 0\r\n")]
    [InlineData(null, "10.0.0.2:80", "PROXY UNKNOWN\r\n")]
    public void What_is_written_reads_the_same_in_both_versions(string? source, string? destination, string expected)
    {
        var (from, to) = (source is null ? null : IPEndPoint.Parse(source), destination is null ? null : IPEndPoint.Parse(destination));
        Assert.Equal(expected, Encoding.ASCII.GetString(ProxyProtocolHeader.Write(1, from, to, default)));
        var first = ProxyProtocolHeader.Parse(ProxyProtocolHeader.Write(1, from, to, default)).Message;
        var second = ProxyProtocolHeader.Parse(ProxyProtocolHeader.Write(2, from, to, new ProxyProtocolFacts("a4582863-17", "TLSv1.3", new string('ü', 300)))).Message;
        Assert.NotNull(first);
        Assert.Equal(first, second);
    }

    [Fact]
    public void The_values_are_where_the_specification_wants_them()
    {
        var bytes = ProxyProtocolHeader.Write(2, IPEndPoint.Parse("10.0.0.1:1"), IPEndPoint.Parse("10.0.0.2:2"), new ProxyProtocolFacts("id", "TLSv1.3", "cloud"));
        Assert.Equal(
            Signature + "2111002B" + "0A000001" + "0A000002" + "0001" + "0002"
            + "050002" + "6964"                                        // the id
            + "200017" + "07" + "00000000"                             // TLS, a certificate, verified
            + "210007" + "544C5376312E33" + "220005" + "636C6F7564",   // TLSv1.3, cloud
            Convert.ToHexString(bytes));
        // Without a certificate nothing was verified.
        Assert.EndsWith("20000F" + "01" + "00000001" + "210007" + "544C5376312E32", Convert.ToHexString(ProxyProtocolHeader.Write(2, null, null, new ProxyProtocolFacts(null, "TLSv1.2", null))), StringComparison.Ordinal);
    }
}
