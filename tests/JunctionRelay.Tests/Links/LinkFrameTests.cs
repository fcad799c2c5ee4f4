using System.Text;
using JunctionRelay.Connections;
using JunctionRelay.Links;

namespace JunctionRelay.Tests.Links;

public sealed class LinkFrameTests
{
    private static readonly LinkParty Party = new("hq", Guid.NewGuid(), 42);
    private static readonly LinkLimits Limits = new(100, 16384, 60_000);

    [Fact]
    public void The_layout_is_the_one_of_the_document()
    {
        var bytes = new byte[64];
        Assert.Equal(12, LinkFrame.WriteDataHeader(bytes, 0x01020304, 0x1_0A0B0C0D, 0x1234));
        Assert.Equal("0400123801020304" + "0A0B0C0D", Convert.ToHexString(bytes, 0, 12));
        Assert.Equal(32, LinkFrame.WriteCredit(bytes, 5, new KnownStream(false, 1, 2, 3)));
        Assert.Equal("0500001800000005" + "0000000000000001" + "0000000000000002" + "0000000000000003", Convert.ToHexString(bytes, 0, 32));
        Assert.Equal(16, LinkFrame.WriteNumber(bytes, LinkFrameType.End, 7, 0x1122334455667788));
        Assert.Equal("0600000800000007" + "1122334455667788", Convert.ToHexString(bytes, 0, 16));
        Assert.Equal(8, LinkFrame.WriteEmpty(bytes, LinkFrameType.Gone, 9));
        Assert.Equal("0800000000000009", Convert.ToHexString(bytes, 0, 8));
        Assert.Equal(9, LinkFrame.WriteUnknown(bytes, 0x33));
        Assert.Equal("0D0000010000000033", Convert.ToHexString(bytes, 0, 9));
    }

    [Fact]
    public void Reasons_come_back_and_long_texts_are_cut_between_characters()
    {
        var bytes = new byte[LinkFrame.HeaderBytes + 2 + LinkFrame.MaxTextBytes];
        var length = LinkFrame.WriteReason(bytes, LinkFrameType.Reset, 3, CloseReason.DialRefused, new string('é', 1000));
        var header = LinkFrame.ReadHeader(bytes);
        Assert.Equal((LinkFrameType.Reset, length - 8, 3u), (header.Type, header.Length, header.Stream));
        Assert.Null(header.Violation());
        var (reason, text) = LinkFrame.ReadReason(bytes.AsSpan(8, header.Length));
        Assert.Equal((CloseReason.DialRefused, new string('é', 256)), (reason, text));
    }

    [Fact]
    public void A_reason_of_a_later_version_is_some_other_reason()
    {
        Assert.Equal(CloseReason.OtherReason, LinkFrame.ReadReason([0xFF, 0xFE, (byte)'x']).Reason);
    }

    [Fact]
    public void Known_entries_come_back()
    {
        var bytes = new byte[LinkFrame.HeaderBytes + 8 + 2 * LinkFrame.KnownEntryBytes];
        var length = LinkFrame.WriteKnownHeader(bytes, 2, last: true, highest: 17);
        length += LinkFrame.WriteKnownEntry(bytes.AsSpan(length), 3, new KnownStream(true, 10, 9, 20));
        length += LinkFrame.WriteKnownEntry(bytes.AsSpan(length), 4, new KnownStream(false, 1L << 40, 8, 1L << 41));
        Assert.Equal(bytes.Length, length);
        var payload = bytes.AsSpan(LinkFrame.HeaderBytes);
        Assert.Equal((true, 17u, 2), LinkFrame.ReadKnownHeader(payload)!.Value);
        Assert.Equal((3u, new KnownStream(true, 10, 9, 20)), LinkFrame.ReadKnownEntry(payload, 0));
        Assert.Equal((4u, new KnownStream(false, 1L << 40, 8, 1L << 41)), LinkFrame.ReadKnownEntry(payload, 1));
        Assert.Null(LinkFrame.ReadKnownHeader(payload[..^1]));
    }

    [Fact]
    public void A_frame_with_nothing_but_longer_is_taken_and_a_shorter_one_is_not()
    {
        foreach (var type in Enum.GetValues<LinkFrameType>())
        {
            var stream = type is LinkFrameType.Open or LinkFrameType.Data or LinkFrameType.Credit or LinkFrameType.End or LinkFrameType.Reset or LinkFrameType.Gone ? 1u : 0u;
            var lengths = Enumerable.Range(0, 33_000).Where(length => new LinkFrame(type, length, stream).Violation() is null).ToArray();
            Assert.NotEmpty(lengths);
            // One run of lengths, none of it beyond the table.
            Assert.Equal(lengths[^1] - lengths[0] + 1, lengths.Length);
            Assert.True(lengths[^1] <= LinkFrame.MaxFrameBytes - LinkFrame.HeaderBytes);
            Assert.NotNull(new LinkFrame(type, lengths[0], 1 - stream).Violation());
        }

        Assert.Null(new LinkFrame((LinkFrameType)0x7F, 32768, 9).Violation());
        Assert.NotNull(new LinkFrame((LinkFrameType)0x7F, 32769, 9).Violation());
        Assert.NotNull(new LinkFrame((LinkFrameType)0x80, 0, 0).Violation());
        Assert.Null(new LinkFrame(0, 0, 0).Violation());
    }

    [Fact]
    public void Hello_comes_back_whole()
    {
        var hello = new LinkHello
        {
            Party = Party with { Generation = 9, Oldest = 7 },
            Limits = Limits,
            Features = (LinkFeatures)5,
            Software = "junction 0.1.0",
            Session = Guid.NewGuid(),
            Epoch = 7,
            Wanted = Guid.NewGuid(),
            GivenUp = Guid.NewGuid(),
            Verdict = LinkVerdict.NotMine,
            VerdictText = "ask the other",
        };
        var bytes = new byte[LinkFrame.HeaderBytes + LinkFrame.MaxFieldsBytes];
        var length = hello.Write(bytes);
        Assert.Equal(hello, LinkHello.Read(bytes.AsSpan(LinkFrame.HeaderBytes, length - LinkFrame.HeaderBytes)).Hello);
    }

    [Fact]
    public void Open_comes_back_whole()
    {
        var open = new LinkOpen("lmgrd", Guid.NewGuid(), "[::1]:1", ["a", "b", "ü"]) { Destination = "host:1", IsHeld = true, IsCompressed = true, Listen = "localhost:0", VendorPort = 40000 };
        Assert.Null(open.Problem());
        var bytes = new byte[LinkFrame.HeaderBytes + LinkFrame.MaxFieldsBytes];
        var length = open.Write(bytes, 3);
        var back = LinkOpen.Read(bytes.AsSpan(LinkFrame.HeaderBytes, length - LinkFrame.HeaderBytes)).Open!;
        Assert.Equal(open with { Path = back.Path }, back);
        Assert.Equal(open.Path, back.Path);
    }

    [Fact]
    public void The_longest_open_fits_its_frame()
    {
        var open = new LinkOpen(new string('s', 255), Guid.NewGuid(), new string('a', 64), [.. Enumerable.Repeat(new string('p', 128), 16)]) { Destination = new string('d', 262) };
        Assert.Null(open.Problem());
        Assert.True(open.Write(new byte[LinkFrame.HeaderBytes + LinkFrame.MaxFieldsBytes], 1) <= LinkFrame.HeaderBytes + LinkFrame.MaxFieldsBytes);
        Assert.NotNull((open with { Path = [.. Enumerable.Repeat("p", 17)] }).Problem());
        Assert.NotNull((open with { Service = "" }).Problem());
    }

    [Fact]
    public void A_message_cut_at_any_length_is_refused_and_never_throws()
    {
        var bytes = new byte[LinkFrame.HeaderBytes + LinkFrame.MaxFieldsBytes];
        var length = new LinkHello { Party = Party, Limits = Limits }.Write(bytes);
        for (var cut = LinkFrame.HeaderBytes; cut < length; cut++)
            Assert.NotNull(LinkHello.Read(bytes.AsSpan(LinkFrame.HeaderBytes, cut - LinkFrame.HeaderBytes)).Wrong);

        length = new LinkOpen("s", Guid.NewGuid(), "a", ["p"]) { Destination = "h:1" }.Write(bytes, 1);
        var whole = 0;
        for (var cut = LinkFrame.HeaderBytes; cut <= length; cut++)
            whole += LinkOpen.Read(bytes.AsSpan(LinkFrame.HeaderBytes, cut - LinkFrame.HeaderBytes)).Open is null ? 0 : 1;
        // Service and id alone, then with each further field: nothing in between.
        Assert.Equal(4, whole);
    }

    [Fact]
    public void Unknown_fields_are_ignored_and_mandatory_ones_refused()
    {
        var bytes = new byte[LinkFrame.HeaderBytes + LinkFrame.MaxFieldsBytes];
        var length = new LinkOpen("s", Guid.NewGuid(), null, []).Write(bytes, 1) - LinkFrame.HeaderBytes;
        byte[] open = bytes[LinkFrame.HeaderBytes..(LinkFrame.HeaderBytes + length)];
        Assert.NotNull(LinkOpen.Read([.. open, 0x7F, 0, 2, 1, 2]).Open);
        Assert.Contains("0x80", LinkOpen.Read([.. open, 0x80, 0, 0]).Wrong, StringComparison.Ordinal);
    }

    [Fact]
    public void Control_characters_never_reach_a_log()
    {
        var bytes = new byte[LinkFrame.HeaderBytes + LinkFrame.MaxFieldsBytes];
        var length = new LinkOpen("a\u001b[2J", Guid.NewGuid(), null, []).Write(bytes, 1);
        Assert.Null(LinkOpen.Read(bytes.AsSpan(LinkFrame.HeaderBytes, length - LinkFrame.HeaderBytes)).Open);
        Assert.DoesNotContain('\n', LinkFrame.ReadReason([0, 101, .. Encoding.UTF8.GetBytes("a\nb")]).Text);
    }
}
