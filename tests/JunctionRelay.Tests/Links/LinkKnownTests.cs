using JunctionRelay.Connections;
using JunctionRelay.Links;

namespace JunctionRelay.Tests.Links;

/// <summary>What a peer may say in KNOWN, when it resumes a session in which it has opened stream 1 and we have opened stream 2 and written ten bytes.</summary>
public sealed class LinkKnownTests : IDisposable
{
    private readonly LinkListener _listener = new("hq");
    private readonly LinkReader _reader = new();
    private readonly LinkSession _session;

    public LinkKnownTests()
    {
        var options = new LinkOptions { Self = new LinkParty("hq", Guid.Empty, 1), Log = new QuietLog() };
        _session = new LinkSession(Guid.Empty, isDialler: false, options, new LinkHello { Party = new LinkParty("cloud", Guid.Empty, 1), Limits = new LinkLimits(int.MaxValue, 16 * 1024, 60_000) }, null, _listener);
        Assert.Null(_reader.Apply(RawPeer.Open(1), _session));
        Assert.Null(_reader.Apply(RawPeer.Data(1, 0, 1, 2, 3), _session));
        Assert.True(_session.TryOpen(LinkPair.Open(), out var ours, out _));
        Assert.True(ours.Output.WriteAsync(new byte[10]).AsTask().IsCompletedSuccessfully);
        Assert.Null(_reader.Apply(RawPeer.Credit(1, 0, 0, 20_000), _session));
        var known = _session.State();
        Assert.Equal([1u, 2u], known.Select(entry => entry.Item1));
        _session.BeginEpoch(isResume: true);
        _session.Outbox.Begin(EngineTurn.Share(), held: true);
    }

    public void Dispose() => _session.End(CloseReason.Stopping);

    [Fact]
    public void What_is_so_is_taken_over_and_streams_go_on()
    {
        Assert.True(_session.AwaitsKnown);
        Assert.Null(Say(isLast: false, (1, new(false, 0, 0, 20_000))));
        Assert.True(_session.AwaitsKnown);
        Assert.Null(Say(isLast: true, (2, new(false, 4, 4, 16_388))));
        Assert.False(_session.AwaitsKnown);
        Assert.Equal(2, _session.StreamCount);
        Assert.Null(_reader.Apply(RawPeer.Data(1, 3, 4), _session));
    }

    [Theory]
    [InlineData(2u, 4L, 4L, 16_388L, 1, "stream 2 twice")]
    [InlineData(4u, 0L, 0L, 16_384L, 0, "stream 4, which was never opened")]
    [InlineData(2u, 11L, 0L, 16_395L, 0, "of stream 2, which has sent 10")]
    [InlineData(2u, 4L, 5L, 16_388L, 0, "of stream 2")]
    [InlineData(2u, 4L, 4L, (1L << 30) + 5, 0, "of stream 2")]
    [InlineData(2u, -1L, 0L, 16_384L, 0, "of stream 2")]
    [InlineData(1u, 0L, 0L, 19_999L, 0, "of stream 1")]
    public void What_cannot_be_so_is_a_violation(uint id, long received, long delivered, long limit, int before, string named)
    {
        for (var i = 0; i < before; i++)
            Assert.Null(Say(isLast: false, (id, new(false, received, delivered, limit))));
        (uint, KnownStream)[] others = [(1, new(false, 0, 0, 20_000)), (2, new(false, 0, 0, 16_384))];
        Assert.Contains(named, Say(isLast: true, [(id, new(false, received, delivered, limit)), .. others.Where(o => o.Item1 != id)]), StringComparison.Ordinal);
    }

    [Fact]
    public void A_stream_that_it_does_not_list_and_has_seen_is_a_violation()
    {
        // The END of neither was delivered.
        Assert.Contains("KNOWN says nothing of stream 1", Say(isLast: true, (2, new(false, 0, 0, 16_384))), StringComparison.Ordinal);
    }

    [Fact]
    public void A_length_that_holds_no_number_of_entries_is_a_violation() =>
        Assert.Equal("KNOWN with 39 bytes", _reader.Apply(RawPeer.Frame(LinkFrameType.Known, 0, new byte[39]), _session));

    [Fact]
    public void Frames_of_streams_before_it_are_a_violation() =>
        Assert.Equal("DATA of stream 1 before KNOWN", _reader.Apply(RawPeer.Data(1, 3, 4), _session));

    /// <summary>Streams that it says are open and that are not, a million of them, and it has not said all: nothing of them stays.</summary>
    [Fact]
    public void Endless_entries_cost_no_memory()
    {
        var bytes = new byte[LinkFrame.MaxFrameBytes];
        uint id = 101;
        for (var frame = 0; frame < 1_000; frame++)
        {
            var length = LinkFrame.WriteKnownHeader(bytes, LinkFrame.MaxKnownEntries, false, 0);
            for (var i = 0; i < LinkFrame.MaxKnownEntries; i++, id += 2)
                length += LinkFrame.WriteKnownEntry(bytes.AsSpan(length), id, new KnownStream(false, 0, 0, 16_384));
            // The first makes the reader's buffer as large as a frame can be.
            var before = GC.GetAllocatedBytesForCurrentThread();
            Assert.Null(_reader.Apply(bytes.AsSpan(0, length), _session));
            if (frame > 0)
                Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1_000);
        }
    }

    private string? Say(bool isLast, params (uint Id, KnownStream State)[] entries)
    {
        var bytes = new byte[LinkFrame.MaxFrameBytes];
        var length = LinkFrame.WriteKnownHeader(bytes, entries.Length, isLast, 2);
        foreach (var (id, state) in entries)
            length += LinkFrame.WriteKnownEntry(bytes.AsSpan(length), id, state);
        return _reader.Apply(bytes.AsSpan(0, length), _session);
    }
}
