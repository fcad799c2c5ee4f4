using JunctionRelay.Links;

namespace JunctionRelay.Tests.Links;

/// <summary>The memory of a link's streams: what a burst has freed serves the next one, and goes when nothing needs it any more.</summary>
public sealed class LinkSegmentPoolTests
{
    private const int Burst = 1000;   // 32 MB of bulk frames

    [Fact]
    public void What_is_needed_again_and_again_is_made_once()
    {
        var pool = new LinkSegmentPool();
        var made = new HashSet<LinkSegment>(Take(pool, Burst, LinkSegmentPool.LargeBytes));
        foreach (var segment in made) pool.Return(segment);
        for (var i = 0; i < 10; i++)
        {
            var taken = Take(pool, Burst, LinkSegmentPool.LargeBytes);
            Assert.All(taken, segment => Assert.Contains(segment, made));
            foreach (var segment in taken) pool.Return(segment);
            pool.Trim();
        }
    }

    [Fact]
    public void What_nothing_needs_any_more_is_let_go()
    {
        var pool = new LinkSegmentPool();
        var made = new HashSet<LinkSegment>(Take(pool, Burst, LinkSegmentPool.LargeBytes));
        foreach (var segment in made) pool.Return(segment);
        for (var i = 0; i < 12; i++) pool.Trim();
        Assert.DoesNotContain(Take(pool, 1, LinkSegmentPool.LargeBytes).Single(), made);
    }

    [Theory]
    [InlineData(1, LinkSegmentPool.SmallBytes)]
    [InlineData(LinkSegmentPool.SmallBytes + 1, LinkSegmentPool.LargeBytes)]
    [InlineData(LinkSegmentPool.LargeBytes + 1, LinkSegmentPool.LargeBytes + 1)]
    public void There_are_two_sizes_and_what_is_larger_is_made_to_measure(int asked, int given) => Assert.Equal(given, new LinkSegmentPool().Rent(asked).Array.Length);

    private static List<LinkSegment> Take(LinkSegmentPool pool, int count, int bytes) => [.. Enumerable.Range(0, count).Select(_ => pool.Rent(bytes))];
}
